"""A job in full, as labelled lines; pure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from agent_exec.model.job import DEFAULT_SHELL_WRAPPER
from agent_exec.model.timestamps import parse_timestamp
from agent_exec_tui import formatting
from agent_exec_tui.job_rows import DOUBTFUL, RowKind, clean
from agent_exec_tui.shell_text import typed_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from agent_exec.model.job import JobMeta, JobState, Notification
    from agent_exec.model.supervision import Supervision
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.job_rows import JobRow

MASKED = "***"


class Line(NamedTuple):
    """One labelled line; a line without a label goes on with the one above."""

    label: str
    text: str
    tone: str = ""


def env_text(meta: JobMeta, revealed: Collection[str]) -> list[str]:
    """List ``KEY=value``, values hidden but for the keys asked for; what ``--mask`` names never shows."""
    shown = set(revealed) & set(revealable(meta))
    return [
        clean(entry) if entry.partition("=")[0] in shown else _hidden(entry)
        for entry in meta.env_vars
    ]


def revealable(meta: JobMeta) -> list[str]:
    """List the variables whose values may be shown on request."""
    keys = dict.fromkeys(entry.partition("=")[0] for entry in meta.env_vars)
    return [key for key in keys if key not in meta.mask]


def _hidden(entry: str) -> str:
    key, separator, _ = entry.partition("=")
    return clean(key) + (f"={MASKED}" if separator else "")


def strip_parts(row: JobRow) -> tuple[str, str]:
    """Say what the job under the cursor is, and a few facts about it."""
    parts = []
    if row.pid is not None:
        parts.append(f"pid {row.pid}")
    if row.raw_cwd:
        parts.append(f"cwd {clean(formatting.short_path(row.raw_cwd))}")
    if row.tags:
        parts.append(f"tags {','.join(row.tags)}")
    what = f"cannot be read: {row.problem}" if row.problem else row.command
    return what, "   ".join(parts)


def detail_lines(
    record: JobRecord,
    row: JobRow,
    *,
    root: str,
    now_s: float,
    revealed: Collection[str] = (),
    notice: str = "",
    evidence: str = "",
    usage: str = "",
    progress: str = "",
    is_copied: bool = False,
    is_watched: bool = False,
    owner_uid: int | None = None,
) -> list[Line]:
    """Say all that is known of a job.

    *is_copied*: it is read elsewhere, where times must say what clock they are of.
    *owner_uid*: whose the job is, if not the user's.
    """
    lines = []
    if notice:
        lines.append(Line("notice", clean(notice), "warning"))
    if record.problem:
        lines += _problem_lines(record)
    meta, state, supervision = record.meta, record.state, record.supervision
    if meta is not None:
        wrapper = meta.shell_wrapper or DEFAULT_SHELL_WRAPPER
        typed = typed_command(meta.command, wrapper) if is_copied else ""
        text = typed or clean(formatting.command_text(meta.command))
        lines.append(Line("command", text))
    told = " · you are told when it ends" if is_watched else ""
    text = _state_text(row, state, now_s, is_copied=is_copied)
    lines.append(Line("state", text + told, row.kind.value))
    if owner_uid is not None:
        text = f"uid {owner_uid}, not you: the job is only looked at"
        lines.append(Line("owner", text, "warning"))
    if progress:
        lines.append(Line("progress", clean(progress)))
    if state is not None:
        lines += _run_lines(row, state, supervision, evidence, usage)
    if meta is not None:
        lines += _meta_lines(meta, revealed, None if is_copied else now_s)
    lines += _path_lines(record, root)
    return lines


def _problem_lines(record: JobRecord) -> list[Line]:
    return [
        Line("problem", clean(record.problem or ""), "problem"),
        Line(
            "",
            f"Logs: stdout {formatting.size(record.stdout_bytes)}, "
            f"stderr {formatting.size(record.stderr_bytes)}; enter opens them.",
        ),
        Line("", "y copies the path · v opens it in an editor · d deletes the directory."),
        Line("", "It is read again when the file changes."),
    ]


def _state_text(row: JobRow, state: JobState | None, now_s: float, *, is_copied: bool) -> str:
    parts = [f"{row.sign()} {row.word}"]
    if row.exit_text != formatting.NOTHING:
        parts.append(f"{'exit' if row.exit_code is not None else 'by'} {row.exit_text}")
    if row.elapsed_at(now_s) is not None:
        parts.append(row.elapsed_text(now_s))
    if state is not None:
        for word, text in (("started", state.started_at), ("ended", state.finished_at)):
            if text:
                parts.append(f"{word} {_moment_text(text, None if is_copied else now_s)}")
        if not state.logs_drained:
            parts.append("output still being read")
    return " · ".join(parts)


def _moment_text(recorded: str, now_s: float | None) -> str:
    """The wall clock's time, with the date if that is another day than today's; or as recorded."""
    moment = parse_timestamp(recorded) if now_s is not None else None
    if moment is None or now_s is None:
        return clean(recorded)
    moment_s = moment.timestamp()
    return f"{formatting.local_time(moment_s, now_s)}, {formatting.ago(now_s - moment_s)}"


def _run_lines(
    row: JobRow, state: JobState, supervision: Supervision | None, evidence: str, usage: str
) -> Iterator[Line]:
    if supervision is not None:
        if supervision.reason:
            yield Line("reason", clean(supervision.reason), "warning")
        if supervision.cause:
            yield Line("cause", supervision.cause.value.replace("_", " "))
    elif row.kind is RowKind.FAILED:
        yield Line("reason", "not recorded; stderr may tell", "warning")
    if state.pid is not None:
        text = f"pid {state.pid}"
        if supervision is not None:
            text += f" · supervisor pid {supervision.supervisor.pid}"
        yield Line("process", text)
    if usage:
        yield Line("uses", usage)
    if evidence:
        hint = "; f fixes the record" if row.kind in DOUBTFUL else ""
        label = "output" if row.is_held else "alive"
        yield Line(label, clean(evidence) + hint, "warning" if hint or row.is_held else "")
    if supervision is not None:
        use = supervision.resource_use
        if use is not None:
            yield Line(
                "used",
                f"user {use.user_s:.2f}s · system {use.system_s:.2f}s · "
                f"at most {formatting.size(use.max_rss_bytes)} of memory",
            )
        yield from _loss_lines(supervision)


def _loss_lines(supervision: Supervision) -> Iterator[Line]:
    if supervision.dropped.total:
        why = f" ({clean(supervision.drop_reason)})" if supervision.drop_reason else ""
        lost = formatting.size(supervision.dropped.total)
        yield Line("lost", f"{lost} of output were not kept{why}", "warning")
    if supervision.dropped_matches:
        told = f"{supervision.dropped_matches} lines that may match were told to nobody"
        yield Line("lost", told, "warning")
    if supervision.unrecorded_matches:
        count = supervision.unrecorded_matches
        yield Line("lost", f"{count} events have no record", "warning")


def _meta_lines(meta: JobMeta, revealed: Collection[str], now_s: float | None) -> Iterator[Line]:
    if meta.cwd:
        yield Line("cwd", clean(formatting.short_path(meta.cwd)))
    if meta.tags:
        yield Line("tags", "  ".join(clean(tag) for tag in meta.tags))
    yield from _env_lines(meta, revealed)
    limits = limits_text(meta)
    if limits:
        yield Line("limits", limits)
    if meta.notification is not None:
        yield Line("notify", " · ".join(notification_parts(meta.notification)))
    if meta.stdin_file:
        yield Line("stdin", clean(meta.stdin_file))
    if meta.shell_wrapper is not None and len(meta.command) == 1:
        yield Line("shell", clean(formatting.command_text(meta.shell_wrapper)))
    yield Line("created", _moment_text(meta.created_at, now_s))


def _env_lines(meta: JobMeta, revealed: Collection[str]) -> Iterator[Line]:
    parts = env_text(meta, revealed)
    if not meta.inherit_env:
        parts.append("(nothing inherited)")
    parts += [f"file {clean(formatting.short_path(path))}" for path in meta.env_files]
    if parts:
        hint = "" if revealed or not revealable(meta) else "   . shows values"
        yield Line("env", "  ".join(parts) + hint)


def limits_text(meta: JobMeta) -> str:
    """Say when a job is ended by its supervisor; "" for never."""
    parts = []
    if meta.timeout_ms:
        parts.append(f"timeout {formatting.duration(meta.timeout_ms / 1000)}")
    if meta.kill_after_ms:
        parts.append(f"KILL after {formatting.duration(meta.kill_after_ms / 1000)} more")
    return " · ".join(parts)


def notification_parts(notification: Notification) -> Iterable[str]:
    """Say who is told of a job's end and output, one at a time."""
    if notification.notify_command is not None:
        yield f"command {clean(notification.notify_command)}"
    if notification.notify_file is not None:
        yield f"file {clean(formatting.short_path(notification.notify_file))}"
    match = notification.on_output_match
    if match is not None:
        yield f"on {match.stream.value} {match.match_type.value} {clean(match.pattern)!r}"


def _path_lines(record: JobRecord, root: str) -> Iterator[Line]:
    path = os.path.join(root, record.job_id)
    yield Line("path", clean(formatting.short_path(path)) + "/")
    yield Line(
        "logs",
        f"stdout {formatting.size(record.stdout_bytes)} · "
        f"stderr {formatting.size(record.stderr_bytes)} · "
        f"full {formatting.size(record.full_log_bytes)}",
    )


def report_text(
    record: JobRecord, row: JobRow, *, root: str, now_s: float, tail: str, again: str = ""
) -> str:
    """Write a failure report: what one pastes into an issue. Environment values stay hidden.

    *again*: the command line that runs the job again.
    """
    lines = detail_lines(record, row, root=root, now_s=now_s, is_copied=True)
    facts = "\n".join(f"{line.label:9} {line.text}".rstrip() for line in lines)
    again = f"\n\nto run it again:\n{again}" if again else ""
    return f"job {row.shown_id}\n{facts}{again}\n\nlast output:\n{tail}\n"
