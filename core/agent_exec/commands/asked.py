"""What one run is asked to be besides meta.json, and who asked for its end: options.json's verbs."""

from __future__ import annotations

import os

from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.store.options import change_options, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobState
    from agent_exec.model.options import EndedBy, JobOptions
    from agent_exec.model.supervision import EndCause, Supervision
    from agent_exec.store.jobs import JobDir


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What one run gets.

    Attributes:
        run: its number; 0 where it is not counted.
        full_log_path: absolute, when full.log shall lie elsewhere.
        log_max_bytes: how much of each stream is kept; 0 is everything.
    """

    run: int = 1
    full_log_path: str | None = None
    log_max_bytes: int = 0


def order_run(
    job: JobDir,
    state: JobState,
    *,
    log_max_bytes: int | None = None,
    default_log_max_bytes: int = 0,
) -> RunOrder:
    """Count the next run of a job, whose lock the caller holds, and gather what it is to get.

    The first run of a job that asks for nothing costs no file: its number goes without saying.

    Args:
        job: the job.
        state: as it stands.
        log_max_bytes: instead of what was asked for, from now on; None leaves it.
        default_log_max_bytes: where nothing was asked for.

    Raises:
        InternalError: the disk does not take it.
    """
    kept = read_options(job)
    supervision = job.read_supervision()
    if kept is None and supervision is None and log_max_bytes is None and not _has_run(state):
        return RunOrder(log_max_bytes=default_log_max_bytes)
    from agent_exec.model.options import MAX_RUN, NOTHING_ASKED

    options = kept or NOTHING_ASKED
    last = max(options.run, _run_of(supervision), int(_has_run(state)))
    asked = replace(options, run=last + 1 if last < MAX_RUN else 1)
    if log_max_bytes is not None:
        asked = replace(asked, log_max_bytes=log_max_bytes)
    if asked.log_path is None:
        asked = replace(asked, log_path=log_path_of(job, state))
    if asked.run > 1 or replace(asked, run=options.run) != options:
        change_options(job, asked)
    limit = asked.log_max_bytes
    return RunOrder(
        run=asked.run,
        full_log_path=asked.log_path,
        log_max_bytes=default_log_max_bytes if limit is None else limit,
    )


def log_path_of(job: JobDir, state: JobState) -> str | None:
    """Where a job's full.log is asked to lie; None is in its directory."""
    kept = read_options(job)
    if kept is not None and kept.log_path is not None:
        return kept.log_path
    # Of jobs made by 0.1.0, which had no other place for it.
    supervision = job.read_supervision()
    is_of_run = supervision is not None and supervision.describes(state)
    return supervision.full_log_path if supervision is not None and is_of_run else None


def _has_run(state: JobState) -> bool:
    from agent_exec.model.job import JobStatus

    return state.status is not JobStatus.CREATED


def _run_of(supervision: Supervision | None) -> int:
    from agent_exec.model.options import MAX_RUN

    return supervision.run if supervision is not None and 0 < supervision.run < MAX_RUN else 0


def asked_of(job: JobDir) -> JobOptions:
    """What a job was asked to be besides meta.json."""
    from agent_exec.model.options import NOTHING_ASKED

    return read_options(job) or NOTHING_ASKED


def note_ended_by(
    job: JobDir, state: JobState, *, signal: int, door: str, who: str | None = None
) -> None:
    """Write down who is about to end a run; the caller holds the job's lock.

    Args:
        job: the job.
        state: the run that is meant.
        signal: the number that will be sent.
        door: where the caller came in: ``cli``, ``library``, ``dashboard``, ``http``, ``mcp``.
        who: what that door knows the caller by; None is this process's user.

    Raises:
        InternalError: the disk does not take it.
    """
    from agent_exec.model.options import EndedBy
    from agent_exec.store.clock import now_timestamp

    supervision = job.read_supervision()
    is_ours = supervision is not None and supervision.describes(state)
    uid = os.geteuid()
    ended_by = EndedBy(
        run=_run_of(supervision) if is_ours else 0,
        started_at=state.started_at,
        pid=state.pid,
        who=who or _user_name(uid),
        uid=uid,
        when=now_timestamp(),
        door=door,
        signal=str(signal),
    )
    change_options(job, replace(asked_of(job), ended_by=ended_by))


def _user_name(uid: int) -> str:
    import pwd  # asks the system's directory of users; only for an end

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ended_by_of(options: JobOptions, state: JobState, cause: EndCause | None) -> EndedBy | None:
    """Who ended the run that *state* tells of; None where it ended of itself, or nobody knows.

    A signal that the run outlived did not end it: then a limit did, or another signal.
    """
    found = options.ended_by
    if found is None or not state.is_terminal or not found.describes(state):
        return None
    if cause is not None and cause.value in ("timeout", "launch_failed"):
        return None
    if state.result.signal not in (None, found.signal):
        return None
    return found
