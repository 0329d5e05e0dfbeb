"""The list behind the table: all rows by id, those shown in order, counts by tab; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec_tui.arrangement import Arrangement, Sort, View, arranged, in_order
from agent_exec_tui.job_rows import DOUBTFUL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent_exec_tui.arrangement import Tab
    from agent_exec_tui.job_rows import JobRow, RowKind

# From so many changed rows on, one pass over all is quicker than a search for each.
BULK = 64


@dataclass(frozen=True, slots=True)
class Change:
    """What one update did to the list.

    Attributes:
        moved: rows came, went or changed places.
        updated: ids of shown rows that only look different now.
        begun: rows of jobs that are new, or run now and did not before.
        grew: rows of running jobs that wrote something.
        ended: rows of jobs that ended, compared with what was known before; of a job that was
            over before it was seen, see ``JobList.apply``.
    """

    moved: bool = False
    updated: frozenset[str] = frozenset()
    begun: tuple[JobRow, ...] = ()
    grew: tuple[JobRow, ...] = ()
    ended: tuple[JobRow, ...] = ()


class JobList:
    """Every row known, and the ones shown, in order.

    One row's change costs a binary search, not a pass over all rows. Another view can be worked
    out elsewhere (``arranged``) and put in (``install``); what changed meanwhile is not lost.
    """

    def __init__(self) -> None:
        self.rows: dict[str, JobRow] = {}
        self.counts: Counter[RowKind] = Counter()
        self._doubts: Counter[str] = Counter()
        self.log_bytes = 0
        self._gone: set[str] = set()
        self._now = Arrangement(View())
        self._changed_since: set[str] | None = None
        self._is_frozen = False
        self._is_outdated = False

    def __len__(self) -> int:
        return len(self._now.shown)

    @property
    def view(self) -> View:
        """What is shown, and how."""
        return self._now.view

    @property
    def shown(self) -> list[JobRow]:
        """The rows in the order of the screen."""
        return self._now.shown

    @property
    def scoped_total(self) -> int:
        """How many jobs there are in the directory shown, before tab and filter."""
        return self.counts.total()

    def count_of(self, tab: Tab) -> int:
        """How many jobs a tab holds, before the filter."""
        return sum(number for kind, number in self.counts.items() if tab.holds(kind))

    @property
    def doubt(self) -> str:
        """What all jobs in doubt are, in the word of their rows; "doubtful" if they differ."""
        words = [word for word, number in self._doubts.items() if number]
        return words[0] if len(words) == 1 else "doubtful"

    def shows(self, job_id: str) -> bool:
        """Whether a job is among those shown."""
        return job_id in self._now.key_of

    def position_of(self, job_id: str) -> int | None:
        """The place of a shown job, None if it is not shown."""
        now = self._now
        key = now.key_of.get(job_id)
        if key is None:
            return None
        ascending = bisect_left(now.keys, key)
        position = len(now.keys) - 1 - ascending if self.view.is_reversed else ascending
        if position < len(now.shown) and now.shown[position].job_id == job_id:
            return position
        return None

    # Other views

    def look(self, view: View) -> None:
        """Show another view at once."""
        self.install(arranged(self.snapshot(), view))

    def turn_round(self) -> None:
        """Show the same rows from the other end."""
        if self._is_frozen:
            return
        now = self._now
        now.shown.reverse()
        now.view = replace(now.view, is_reversed=not now.view.is_reversed)

    def snapshot(self) -> list[JobRow]:
        """All rows as they are now, for ``arranged``; from here on changes are remembered."""
        self._changed_since = set()
        return list(self.rows.values())

    def basis(self, view: View) -> Arrangement | None:
        """A copy of what is shown now, for ``narrowed``; None where *view* shows others, too.

        From here on changes are remembered, as after ``snapshot``.
        """
        now = self._now
        if self._is_frozen or self._is_outdated or not view.narrows(now.view):
            return None
        self._changed_since = set()
        return Arrangement(now.view, list(now.keys), list(now.shown))

    def install(self, arrangement: Arrangement) -> None:
        """Show what was worked out from the last snapshot, and what changed since."""
        if self._is_frozen:
            self._now.view, self._is_outdated = arrangement.view, True
            return
        changed, self._changed_since = self._changed_since or set(), None
        was = self.view
        self._now = arrangement
        if was.scope_cwd != arrangement.view.scope_cwd:
            self._count_again()
        for job_id in changed:
            self._take_out(job_id)
            row = self.rows.get(job_id)
            if row is not None and self.view.shows(row):
                self._put_in(row)

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
        self._doubts.clear()
        self.log_bytes = 0
        self._gone.clear()
        self._rebuild()

    # Changes

    def apply(
        self,
        rows: Sequence[JobRow],
        removed: Iterable[str] = (),
        *,
        news_since_s: float | None = None,
    ) -> Change:
        """Take over newly read rows; only what differs is touched.

        Args:
            rows: of one job, the last counts.
            removed: ids of jobs that are gone.
            news_since_s: what ended from then on and is new here ended before our eyes, seconds
                since 1970; None: nothing did.
        """
        updated: set[str] = set()
        begun: list[JobRow] = []
        grew: list[JobRow] = []
        ended: list[JobRow] = []
        changed: list[tuple[JobRow | None, JobRow | None]] = []
        for row in {row.job_id: row for row in rows}.values():  # of one job, the last word counts
            old = self.rows.get(row.job_id)
            if old == row:
                continue
            self.rows[row.job_id] = row
            self._count(old, row)
            if old is None or (row.is_live and not old.is_live):
                begun.append(row)
                if old is None and news_since_s is not None and self._is_news(row, news_since_s):
                    ended.append(row)
            elif row.is_live and row.output_bytes > old.output_bytes:
                grew.append(row)
            elif row.kind.has_ended and not old.kind.has_ended:
                ended.append(row)
            if self._replace_in_place(row):
                updated.add(row.job_id)
            else:
                changed.append((old, row))
        for job_id in removed:
            old = self.rows.pop(job_id, None)
            if old is not None:
                self._gone.add(job_id)
                self._count(old, None)
                changed.append((old, None))
        moved = self._move(changed)
        return Change(moved, frozenset(updated), tuple(begun), tuple(grew), tuple(ended))

    def take_sizes(self, sizes: Mapping[str, tuple[int, int, int]]) -> Change:
        """Note the log sizes of jobs of which they were unknown.

        In place where that moves no row: as many new rows as there are jobs would be looked
        through for garbage again and again, which keys wait for.
        """
        unknown = [row for row in map(self.rows.get, sizes) if row and not row.log_bytes]
        if self.view.sort is Sort.OUTPUT:
            return self.apply([_sized(replace(row), sizes[row.job_id]) for row in unknown])
        for row in unknown:
            _sized(row, sizes[row.job_id])
            self.log_bytes += row.log_bytes
            if self._changed_since is not None:
                self._changed_since.add(row.job_id)
        shown = self._now.key_of
        return Change(updated=frozenset(row.job_id for row in unknown if row.job_id in shown))

    def _is_news(self, row: JobRow, since_s: float) -> bool:
        """Whether a row never seen before tells of an end: a job brought back does not."""
        return (
            row.kind.has_ended
            and row.finished_s is not None
            and row.finished_s >= since_s
            and row.job_id not in self._gone
        )

    def _count(self, old: JobRow | None, new: JobRow | None) -> None:
        self.log_bytes += (new.log_bytes if new else 0) - (old.log_bytes if old else 0)
        if old is not None and self.view.is_in_scope(old):
            self.counts[old.kind] -= 1
            if old.kind in DOUBTFUL:
                self._doubts[old.word] -= 1
        if new is not None and self.view.is_in_scope(new):
            self.counts[new.kind] += 1
            if new.kind in DOUBTFUL:
                self._doubts[new.word] += 1
        row = new or old
        if self._changed_since is not None and row is not None:
            self._changed_since.add(row.job_id)

    def _count_again(self) -> None:
        in_scope = self.view.is_in_scope
        self.counts = Counter(row.kind for row in self.rows.values() if in_scope(row))
        self._doubts.clear()
        if any(self.counts[kind] for kind in DOUBTFUL):
            lost = (row for row in self.rows.values() if row.kind in DOUBTFUL)
            self._doubts.update(row.word for row in lost if in_scope(row))

    def _replace_in_place(self, row: JobRow) -> bool:
        position = self.position_of(row.job_id)
        if position is None:
            return False
        view = self.view
        stays = view.shows(row) and view.key(row) == self._now.key_of[row.job_id]
        if stays or self._is_frozen:
            self._now.shown[position] = row
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
            if new is not None and self.view.shows(new):
                self._put_in(new)
                moved = True
        return moved

    def _take_out(self, job_id: str) -> bool:
        position, now = self.position_of(job_id), self._now
        if position is None:
            return False
        del now.shown[position]
        del now.keys[len(now.keys) - 1 - position if self.view.is_reversed else position]
        del now.key_of[job_id]
        return True

    def _put_in(self, row: JobRow) -> None:
        now = self._now
        key = self.view.key(row)
        ascending = bisect_left(now.keys, key)
        position = len(now.keys) - ascending if self.view.is_reversed else ascending
        now.keys.insert(ascending, key)
        now.shown.insert(position, row)
        now.key_of[row.job_id] = key

    def _merge(self, rows: Sequence[JobRow]) -> None:
        """Put many new rows among those shown, in one pass over both, or at the end of them."""
        now, view = self._now, self.view
        new = [(view.key(row), row) for row in rows if view.shows(row)]
        new.sort(key=itemgetter(0))  # by the key alone: rows themselves have no order
        if not new:
            return
        if now.keys and new[0][0] < now.keys[-1]:
            self._now = in_order([*now.shown, *(row for _, row in new)], view)
            return
        now.keys += [key for key, _ in new]
        now.key_of |= {key[1]: key for key, _ in new}
        if view.is_reversed:
            now.shown[0:0] = [row for _, row in reversed(new)]
        else:
            now.shown += [row for _, row in new]

    def _rebuild(self) -> None:
        if self._is_frozen:
            self._is_outdated = True
            return
        self._is_outdated = False
        self._now = arranged(self.rows.values(), self.view)


def _sized(row: JobRow, sizes: tuple[int, int, int]) -> JobRow:
    row.stdout_bytes, row.stderr_bytes, row.full_bytes = sizes
    return row
