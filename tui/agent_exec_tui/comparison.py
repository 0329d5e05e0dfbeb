"""Two jobs side by side: definition, outcome and timing, fact by fact; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent_exec.model.job import DEFAULT_SHELL_WRAPPER
from agent_exec_tui import formatting
from agent_exec_tui.detail_text import MASKED, limits_text, notification_parts
from agent_exec_tui.job_rows import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_exec.model.job import JobMeta
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.job_rows import JobRow

NOTHING = formatting.NOTHING


class Verdict(StrEnum):
    """What two values say of each other; UNKNOWN where a value is stored nowhere."""

    SAME = "="
    DIFFERENT = "≠"
    UNKNOWN = "?"
    ASIDE = " "

    @property
    def ascii(self) -> str:
        """The sign for terminals that have ASCII only."""
        return "!" if self is Verdict.DIFFERENT else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the comparison, free of control characters.

    Attributes:
        verdict: ASIDE for what differs between any two runs, such as times.
    """

    label: str
    left: str
    right: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two jobs; *record* None while it is not read, or when it is gone."""

    row: JobRow
    record: JobRecord | None

    @property
    def meta(self) -> JobMeta | None:
        """The definition."""
        return self.record.meta if self.record else None

    def title(self, *, is_ascii: bool = False) -> str:
        """Which job this is, in a few words."""
        kind = self.row.kind
        return f"{self.row.short_id}  {kind.letter if is_ascii else kind.glyph} {self.row.word}"


def outcome_facts(left: Side, right: Side, *, now_s: float) -> list[Fact]:
    """Compare how two jobs ended, or stand, and how long they took."""
    return [*_outcome(left, right), *_timing(left, right, now_s)]


def definition_facts(left: Side, right: Side, *, reveal: bool) -> list[Fact]:
    """Compare what two jobs were told to do.

    *reveal* shows environment values; what ``--mask`` names is never shown and never compared.
    """
    return [*_definition(left, right), *_environment(left, right, reveal=reveal)]


def _definition(left: Side, right: Side) -> Iterator[Fact]:
    for label, raw, shown in _DEFINITION:
        ours = left.meta and (raw(left.meta), shown(left.meta))
        theirs = right.meta and (raw(right.meta), shown(right.meta))
        if (ours and ours[1]) or (theirs and theirs[1]):
            yield Fact(
                label=label,
                left=(ours and ours[1]) or NOTHING,
                right=(theirs and theirs[1]) or NOTHING,
                verdict=_verdict(ours and ours[0], theirs and theirs[0]),
            )


def _verdict(ours: object, theirs: object) -> Verdict:
    return Verdict.SAME if ours == theirs else Verdict.DIFFERENT


def _wrapper(meta: JobMeta) -> tuple[str, ...]:
    return meta.shell_wrapper or DEFAULT_SHELL_WRAPPER


def _notification(meta: JobMeta) -> str:
    if meta.notification is None:
        return ""
    return " · ".join(notification_parts(meta.notification))


_DEFINITION: tuple[tuple[str, Callable[[JobMeta], object], Callable[[JobMeta], str]], ...] = (
    (
        "command",
        lambda meta: meta.command,
        lambda meta: clean(formatting.command_text(meta.command)),
    ),
    ("shell", _wrapper, lambda meta: clean(formatting.command_text(_wrapper(meta)))),
    ("cwd", lambda meta: meta.cwd, lambda meta: clean(formatting.short_path(meta.cwd))),
    ("tags", lambda meta: set(meta.tags), lambda meta: "  ".join(map(clean, meta.tags))),
    (
        "limits",
        lambda meta: (meta.timeout_ms, meta.kill_after_ms, meta.abandon_job_after_ms),
        lambda meta: limits_text(meta),
    ),
    ("notify", lambda meta: meta.notification, _notification),
    (
        "inherits",
        lambda meta: meta.inherit_env,
        lambda meta: "the environment" if meta.inherit_env else "no environment",
    ),
    (
        "env files",
        lambda meta: meta.env_files,
        lambda meta: "  ".join(clean(formatting.short_path(path)) for path in meta.env_files),
    ),
)


def _environment(left: Side, right: Side, *, reveal: bool) -> Iterator[Fact]:
    ours, theirs = _values(left.meta), _values(right.meta)
    masked = {key for side in (left, right) if side.meta for key in side.meta.mask}
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        is_in_both = key in ours and key in theirs
        if key in masked and is_in_both:
            verdict = Verdict.UNKNOWN
        else:
            verdict = _verdict(ours.get(key, ...), theirs.get(key, ...))
        shows = reveal and key not in masked
        yield Fact(
            label="env",
            left=_entry(key, ours, shows=shows),
            right=_entry(key, theirs, shows=shows),
            verdict=verdict,
        )


def _values(meta: JobMeta | None) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for entry in meta.env_vars if meta else ():
        key, separator, value = entry.partition("=")
        values[key] = value if separator else None
    return values


def _entry(key: str, values: dict[str, str | None], *, shows: bool) -> str:
    if key not in values:
        return NOTHING
    value = values[key]
    if value is None:
        return clean(key)
    return f"{clean(key)}={clean(value) if shows else MASKED}"


def _outcome(left: Side, right: Side) -> Iterator[Fact]:
    for label, text in (("state", _state), ("cause", _cause), ("reason", _reason)):
        ours, theirs = text(left), text(right)
        if ours or theirs:
            verdict = _verdict(ours, theirs)
            yield Fact(label=label, left=ours or NOTHING, right=theirs or NOTHING, verdict=verdict)


def _state(side: Side) -> str:
    row = side.row
    parts = [row.word]
    if row.exit_text != NOTHING:
        parts.append(f"{'exit' if row.exit_code is not None else 'by'} {row.exit_text}")
    if row.problem:
        parts.append(row.problem)
    return " · ".join(parts)


def _cause(side: Side) -> str:
    supervision = side.record.supervision if side.record else None
    return supervision.cause.value.replace("_", " ") if supervision and supervision.cause else ""


def _reason(side: Side) -> str:
    supervision = side.record.supervision if side.record else None
    return clean(supervision.reason) if supervision and supervision.reason else ""


def _timing(left: Side, right: Side, now_s: float) -> Iterator[Fact]:
    took = [side.row.elapsed_at(now_s) for side in (left, right)]
    texts = [side.row.elapsed_text(now_s) for side in (left, right)]
    if any(seconds is not None for seconds in took):
        note = _ratio(*took)
        yield Fact(label="took", left=texts[0], right=texts[1] + note, verdict=Verdict.ASIDE)

    def started(side: Side) -> str:
        begun_s = side.row.started_s
        return "" if begun_s is None else formatting.local_time(begun_s, now_s)

    for label, text in (("used", _used), ("lost", _lost), ("started", started)):
        ours, theirs = text(left), text(right)
        if ours or theirs:
            yield Fact(
                label=label,
                left=ours or NOTHING,
                right=theirs or NOTHING,
                verdict=Verdict.ASIDE,
            )


def _ratio(ours: float | None, theirs: float | None) -> str:
    """How the right one compares: `` (2.1x as long)``; nothing for what is over in no time."""
    if ours is None or theirs is None or min(ours, theirs) < 0.001:
        return ""
    ratio = theirs / ours
    return f" ({ratio:.2g}x as long)" if ratio < 99.5 else f" ({ratio:,.0f}x as long)"


def _used(side: Side) -> str:
    supervision = side.record.supervision if side.record else None
    use = supervision.resource_use if supervision else None
    if use is None:
        return ""
    return (
        f"user {use.user_s:.2f}s · system {use.system_s:.2f}s · "
        f"{formatting.size(use.max_rss_bytes)}"
    )


def _lost(side: Side) -> str:
    supervision = side.record.supervision if side.record else None
    if supervision is None or not supervision.dropped.total:
        return ""
    return f"{formatting.size(supervision.dropped.total)} of output not kept"
