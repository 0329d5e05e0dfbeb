"""The list behind the table: all rows by id, those shown in order, counts by tab; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from agent_exec_tui.job_rows import JobRow, RowKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent_exec.model.filter import Filter

SortKey = tuple[float | str, str]


class Tab(StrEnum):
    """The saved views."""

    ALL = "All"
    RUNNING = "Running"
    CREATED = "Created"
    FAILED = "Failed"
    DONE = "Done"

    def holds(self, kind: RowKind) -> bool:
        """Whether rows of *kind* are in this view."""
        return self is Tab.ALL or kind in _TAB_KINDS[self]


# A killed job was ended on purpose: it is done, and not on the list of what went wrong.
_TAB_KINDS = {
    Tab.RUNNING: frozenset({RowKind.RUNNING, RowKind.LOST}),
    Tab.CREATED: frozenset({RowKind.CREATED}),
    Tab.FAILED: frozenset({RowKind.BAD, RowKind.FAILED, RowKind.LOST, RowKind.PROBLEM}),
    Tab.DONE: frozenset({RowKind.OK, RowKind.BAD, RowKind.KILLED, RowKind.FAILED}),
}


class Sort(StrEnum):
    """The orders a list can have; each starts with what one looks for first."""

    NEWEST = "newest"
    STATE = "state"
    ELAPSED = "elapsed"
    EXIT = "exit"
    OUTPUT = "output size"
    COMMAND = "command"
    TAGS = "tags"
    ID = "id"


_STATE_ORDER = {kind: float(place) for place, kind in enumerate(RowKind)}

# Elapsed: a running job keeps its place while it runs, for its start does not move.
_FAR_FUTURE_S = 1e11
_KEYS: dict[Sort, Callable[[JobRow], float | str]] = {
    Sort.NEWEST: lambda row: -row.created_s,
    Sort.STATE: lambda row: _STATE_ORDER[row.kind],
    Sort.ELAPSED: lambda row: (
        (row.started_s or 0.0) - _FAR_FUTURE_S if row.is_live else -(row.elapsed_s or 0.0)
    ),
    Sort.EXIT: lambda row: -(row.exit_code if row.exit_code is not None else -1e9),
    Sort.OUTPUT: lambda row: -(row.stdout_bytes + row.stderr_bytes),
    Sort.COMMAND: lambda row: row.command,
    Sort.TAGS: lambda row: ",".join(row.tags) or "\uffff",
    Sort.ID: lambda row: row.job_id,
}


# From so many changed rows on, one pass over all is quicker than a search for each.
BULK = 64


@dataclass(frozen=True, slots=True)
class Change:
    """What one update did to the list.

    Attributes:
        moved: rows came, went or changed places.
        updated: ids of shown rows that only look different now.
        ended: rows of jobs that ended, compared with what was known before.
    """

    moved: bool = False
    updated: frozenset[str] = frozenset()
    ended: tuple[JobRow, ...] = ()


class JobList:
    """Every row known, and the ones shown, in order.

    One row's change costs a binary search, not a pass over all rows.
    """

    def __init__(self) -> None:
        self.rows: dict[str, JobRow] = {}
        self.shown: list[JobRow] = []
        self.counts: Counter[RowKind] = Counter()
        self.log_bytes = 0
        self.tab = Tab.ALL
        self.sort = Sort.NEWEST
        self.is_reversed = False
        self.scope_cwd: str | None = None
        self._filter: Filter | None = None
        self._keys: list[SortKey] = []
        self._key_of: dict[str, SortKey] = {}
        self._is_frozen = False
        self._is_outdated = False

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def scoped_total(self) -> int:
        """How many jobs there are in the directory shown, before tab and filter."""
        return self.counts.total()

    def count_of(self, tab: Tab) -> int:
        """How many jobs a tab holds, before the filter."""
        return sum(number for kind, number in self.counts.items() if tab.holds(kind))

    def position_of(self, job_id: str) -> int | None:
        """The place of a shown job, None if it is not shown."""
        key = self._key_of.get(job_id)
        if key is None:
            return None
        ascending = bisect_left(self._keys, key)
        position = len(self._keys) - 1 - ascending if self.is_reversed else ascending
        if position < len(self.shown) and self.shown[position].job_id == job_id:
            return position
        return None

    def arrange(
        self, *, tab: Tab | None = None, sort: Sort | None = None, is_reversed: bool | None = None
    ) -> None:
        """Show another tab or order."""
        self.tab = tab or self.tab
        self.sort = sort or self.sort
        self.is_reversed = self.is_reversed if is_reversed is None else is_reversed
        self._rebuild()

    def narrow(self, wanted: Filter | None) -> None:
        """Show only the rows that a filter lets through."""
        self._filter = wanted or None
        self._rebuild()

    def scope(self, cwd: str | None) -> None:
        """Show only the jobs of one directory, or all."""
        self.scope_cwd = cwd
        self.counts = Counter(row.kind for row in self.rows.values() if self._in_scope(row))
        self._rebuild()

    def freeze(self) -> None:
        """Keep every shown row where it is, whatever happens to it."""
        self._is_frozen = True

    def thaw(self) -> bool:
        """Let rows move again; True if they did."""
        self._is_frozen = False
        if not self._is_outdated:
            return False
        self._rebuild()
        return True

    def clear(self) -> None:
        """Forget every row."""
        self.rows.clear()
        self.counts.clear()
        self.log_bytes = 0
        self._rebuild()

    def apply(self, rows: Sequence[JobRow], removed: Iterable[str] = ()) -> Change:
        """Take over newly read rows; only what differs is touched."""
        updated: set[str] = set()
        ended: list[JobRow] = []
        changed: list[tuple[JobRow | None, JobRow | None]] = []
        for row in {row.job_id: row for row in rows}.values():  # of one job, the last word counts
            old = self.rows.get(row.job_id)
            if old == row:
                continue
            self.rows[row.job_id] = row
            self._count(old, row)
            if old is not None and row.kind.has_ended and not old.kind.has_ended:
                ended.append(row)
            if self._replace_in_place(row):
                updated.add(row.job_id)
            else:
                changed.append((old, row))
        for job_id in removed:
            old = self.rows.pop(job_id, None)
            if old is not None:
                self._count(old, None)
                changed.append((old, None))
        moved = self._move(changed)
        return Change(moved, frozenset(updated), tuple(ended))

    def with_sizes(self, sizes: Mapping[str, tuple[int, int, int]]) -> list[JobRow]:
        """Give the rows of jobs whose log sizes were unknown, with them."""
        return [
            replace(row, stdout_bytes=out, stderr_bytes=err, full_bytes=full)
            for job_id, (out, err, full) in sizes.items()
            if (row := self.rows.get(job_id)) is not None and not row.log_bytes
        ]

    def _count(self, old: JobRow | None, new: JobRow | None) -> None:
        self.log_bytes += (new.log_bytes if new else 0) - (old.log_bytes if old else 0)
        if old is not None and self._in_scope(old):
            self.counts[old.kind] -= 1
        if new is not None and self._in_scope(new):
            self.counts[new.kind] += 1

    def _in_scope(self, row: JobRow) -> bool:
        return self.scope_cwd is None or row.raw_cwd == self.scope_cwd

    def _is_shown(self, row: JobRow) -> bool:
        return (
            self._in_scope(row)
            and self.tab.holds(row.kind)
            and (self._filter is None or self._filter.matches(row.fields))
        )

    def _replace_in_place(self, row: JobRow) -> bool:
        position = self.position_of(row.job_id)
        if position is None:
            return False
        stays = self._is_shown(row) and self._key(row) == self._key_of[row.job_id]
        if stays or self._is_frozen:
            self.shown[position] = row
            self._is_outdated |= not stays
            return True
        return False

    def _move(self, changed: list[tuple[JobRow | None, JobRow | None]]) -> bool:
        if not changed:
            return False
        if self._is_frozen:
            self._is_outdated = True
            return False
        if len(changed) > BULK:
            if any(old for old, _ in changed):
                self._rebuild()
            else:
                self._merge([new for _, new in changed if new is not None])
            return True
        moved = False
        for old, new in changed:
            moved |= old is not None and self._take_out(old.job_id)
            moved |= new is not None and self._is_shown(new) and self._put_in(new)
        return moved

    def _key(self, row: JobRow) -> SortKey:
        return (_KEYS[self.sort](row), row.job_id)

    def _take_out(self, job_id: str) -> bool:
        position = self.position_of(job_id)
        if position is None:
            return False
        del self.shown[position]
        del self._keys[len(self._keys) - 1 - position if self.is_reversed else position]
        del self._key_of[job_id]
        return True

    def _put_in(self, row: JobRow) -> bool:
        key = self._key(row)
        ascending = bisect_left(self._keys, key)
        position = len(self._keys) - ascending if self.is_reversed else ascending
        self._keys.insert(ascending, key)
        self.shown.insert(position, row)
        self._key_of[row.job_id] = key
        return True

    def _merge(self, rows: Sequence[JobRow]) -> None:
        """Put many new rows among those shown, in one pass over both."""
        ascending = reversed(self.shown) if self.is_reversed else self.shown
        keyed = list(zip(self._keys, ascending, strict=True))
        keyed += sorted([(self._key(row), row) for row in rows if self._is_shown(row)], key=_first)
        self._install(keyed)

    def _rebuild(self) -> None:
        if self._is_frozen:
            self._is_outdated = True
            return
        self._is_outdated = False
        key_of = _KEYS[self.sort]
        keyed = [((key_of(row), row.job_id), row) for row in self._wanted()]
        self._install(keyed)

    def _install(self, keyed: list[tuple[SortKey, JobRow]]) -> None:
        keyed.sort(key=_first)  # by the key alone: rows themselves have no order
        self._keys = [key for key, _ in keyed]
        self.shown = [row for _, row in keyed]
        self._key_of = {key[1]: key for key in self._keys}
        if self.is_reversed:
            self.shown.reverse()

    def _wanted(self) -> Iterable[JobRow]:
        rows: Iterable[JobRow] = self.rows.values()
        if self.scope_cwd is not None:
            rows = [row for row in rows if row.raw_cwd == self.scope_cwd]
        if self.tab is not Tab.ALL:
            kinds = _TAB_KINDS[self.tab]
            rows = [row for row in rows if row.kind in kinds]
        if self._filter is None:
            return rows
        passed = self._filter.select(row.fields for row in rows)
        return [self.rows[fields.job_id] for fields in passed]


def _first(pair: tuple[SortKey, JobRow]) -> SortKey:
    return pair[0]
