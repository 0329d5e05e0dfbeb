"""Commands on jobs as worker threads run them: each job gets an outcome, none an exception."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from agent_exec.commands import again
from agent_exec.commands.observation import NO_WAIT
from agent_exec.errors import AgentExecError, InvalidStateError, JobNotFoundError, reason_of
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER
from agent_exec.model.lazy_dataclass import dataclass, replace
from agent_exec.store.listing import read_job
from agent_exec_tui import formatting
from agent_exec_tui.command_line import USUAL, Usual, command_line, tag_line
from agent_exec_tui.job_rows import ID_CHARS, clean
from agent_exec_tui.record_rows import row_of
from agent_exec_tui.shell_text import typed_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_exec import PrewarmedLauncher
    from agent_exec.commands.definition import JobDefinition
    from agent_exec.commands.kill import KilledJob
    from agent_exec.store.jobs import JobStore
    from agent_exec.store.listing import JobRecord
    from agent_exec_tui.job_rows import JobRow

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job.

    Attributes:
        text: what happened, read after the job's id, or why it did not; fit to be shown.
        new_id: the job that was made of it, if one was.
        line: the command line that does the same, where only the command knew it.
        is_removed: whether the job is in the trash by it.
        is_restored: whether it is back from there.
    """

    job_id: str
    is_done: bool
    text: str
    new_id: str | None = None
    line: str = ""
    is_removed: bool = False
    is_restored: bool = False


Operation = Callable[["JobStore", "JobRow"], Outcome]


def apply_to_all(
    operation: Operation, store: JobStore, rows: Iterable[JobRow]
) -> tuple[Outcome, ...]:
    """Do one thing to each job; a failure is that job's outcome and stops nothing."""
    return tuple(guarded(row.job_id, partial(operation, store, row)) for row in rows)


def guarded(job_id: str, call: Callable[[], Outcome]) -> Outcome:
    """Turn what a command raises into an outcome."""
    try:
        return call()
    except (AgentExecError, OSError) as error:
        return Outcome(job_id, False, clean(reason_of(error)))
    except Exception as error:
        # One place where a bug must not end the dashboard: the thread's owner is the screen.
        logger.exception("operation on job %s failed", job_id)
        return Outcome(job_id, False, clean(f"internal error: {type(error).__name__}: {error}"))


def require_unchanged(store: JobStore, asked: JobRow) -> None:
    """Let only jobs pass that are still what the user was asked about.

    Raises:
        JobNotFoundError: it is gone.
        InvalidStateError: it was started, ended or restarted meanwhile.
    """
    record = read_job(store, asked.job_id)
    if record is None:
        raise JobNotFoundError(asked.job_id)
    now = row_of(record)
    if not asked.is_same_run(now):
        raise InvalidStateError(
            f"job {asked.short_id} has changed since you were asked, it is {now.word} now; "
            "nothing was done"
        )


def starting(launcher: PrewarmedLauncher | None) -> Operation:
    """Make the operation that starts a created job."""

    def start(store: JobStore, row: JobRow) -> Outcome:
        from agent_exec.commands.start import start_job

        start_job(store, row.job_id, observation=NO_WAIT, launcher=launcher)
        return Outcome(row.job_id, True, "started")

    return start


def signalling(signal: str) -> Operation:
    """Make the operation that sends *signal* to a job's process group."""

    def send(store: JobStore, row: JobRow) -> Outcome:
        from agent_exec.commands.kill import kill_job

        require_unchanged(store, row)
        killed = kill_job(store, row.job_id, signal=signal, door="dashboard")
        if killed.state is None or killed.state == "running":
            return Outcome(row.job_id, True, f"{signal} sent; it still runs")
        if row.is_held:
            return Outcome(row.job_id, True, _reached(signal, killed))
        how = killed.terminated_signal
        by = f" by {formatting.signal_name(how)}" if how else ""
        return Outcome(row.job_id, True, f"{killed.state}{by}")

    return send


def _reached(signal: str, killed: KilledJob) -> str:
    """Say what became of what a job that is over left behind."""
    from agent_exec_tui.held import processes

    if not killed.signalled:
        return killed.reason or "nobody is left"
    text = f"{signal} sent to {processes(len(killed.signalled))}"
    lives = len(killed.survivors or ())
    return f"{text}; {lives:,} still there" if lives else f"{text}; nothing is left"


def rerunning(launcher: PrewarmedLauncher | None, usual: Usual = USUAL) -> Operation:
    """Make the operation that runs a job's definition again as a new job."""

    def rerun(store: JobStore, row: JobRow) -> Outcome:
        record = read_job(store, row.job_id)
        if record is None:
            raise JobNotFoundError(row.job_id)
        if record.meta is None:
            raise InvalidStateError(f"job {row.short_id} cannot be read: {record.problem}")
        missing = again.lost_values(record.meta)
        if missing:
            raise InvalidStateError(
                f"values of {', '.join(missing)} are stored nowhere; "
                "e opens the definition to add them"
            )
        definition = definition_of(record, store)
        if definition is None:
            raise JobNotFoundError(row.job_id)
        line = command_line(definition, runs_now=True, usual=usual, is_kept=True)
        made = run(store, definition, launcher)
        text = f"runs again as {made.job_id[:ID_CHARS]}"
        return replace(made, job_id=row.job_id, line=line, text=text)

    return rerun


def rerun_line(store: JobStore, row: JobRow, usual: Usual) -> str:
    """Write the command line that runs a job again, without the values of its environment."""
    record = read_job(store, row.job_id)
    line = line_again(record, store, usual, waits=False) if record is not None else ""
    return line or f"# {row.short_id} cannot be read any more"


def line_again(record: JobRecord, store: JobStore, usual: Usual, *, waits: bool = True) -> str:
    """Write the command line that runs a job again, without the values of its environment.

    "" where its definition cannot be read.
    """
    definition = definition_of(record, store)
    if definition is None:
        return ""
    return command_line(definition, runs_now=True, usual=usual, shows_values=False, waits=waits)


def command_of(record: JobRecord) -> str:
    """Write a job's command as it is typed at a prompt, "" where it cannot be read."""
    meta = record.meta
    return typed_command(meta.command, meta.shell_wrapper or DEFAULT_SHELL_WRAPPER) if meta else ""


def run(
    store: JobStore, definition: JobDefinition, launcher: PrewarmedLauncher | None = None
) -> Outcome:
    """Create a job and start it."""
    from agent_exec.commands.run import run_job

    made = run_job(store, definition, observation=NO_WAIT, launcher=launcher)
    return Outcome(made.job_id, True, "runs", made.job_id)


def create(store: JobStore, definition: JobDefinition) -> Outcome:
    """Create a job for later."""
    from agent_exec.commands.create import create_job

    made = create_job(store, definition)
    return Outcome(made.job_id, True, "created", made.job_id)


def restarting(launcher: PrewarmedLauncher | None, env: Sequence[str] = ()) -> Operation:
    """Make the operation that restarts a job in place."""

    def restart(store: JobStore, row: JobRow) -> Outcome:
        from agent_exec.commands.restart import restart_job

        require_unchanged(store, row)
        restart_job(store, row.job_id, env=tuple(env), observation=NO_WAIT, launcher=launcher)
        return Outcome(row.job_id, True, "restarted")

    return restart


def set_tags(tags: Sequence[str], root: Sequence[str] = ()) -> Operation:
    """Make the operation that replaces a job's tags."""

    def tag(store: JobStore, row: JobRow) -> Outcome:
        from agent_exec.commands.tag import set_tags as command

        return _tagged(row, command(store, row.job_id, tags).tags, root)

    return tag


def change_tags(
    added: Sequence[str], removed: Sequence[str], root: Sequence[str] = ()
) -> Operation:
    """Make the operation that adds and takes away tags; a job's others stay."""

    def tag(store: JobStore, row: JobRow) -> Outcome:
        from agent_exec.commands.tag import change_tags as command

        tags = command(store, row.job_id, added=added, removed=removed).tags
        return _tagged(row, tags, root)

    return tag


def _tagged(row: JobRow, tags: tuple[str, ...], root: Sequence[str]) -> Outcome:
    text = clean(f"tagged {','.join(tags)}") if tags else "tags removed"
    return Outcome(row.job_id, True, text, line=tag_line(row.job_id, tags, root))


def repair(store: JobStore, row: JobRow) -> Outcome:
    """Put right what a job's record says and cannot be true."""
    from agent_exec.commands.repair import repair_jobs

    report = repair_jobs(store, (row.job_id,))
    for job in report.jobs:
        return Outcome(row.job_id, True, clean(f"{job.action}: {job.evidence}"))
    return Outcome(row.job_id, True, "nothing to fix")


def definition_of(record: JobRecord, store: JobStore) -> JobDefinition | None:
    """Make the definition again that a job was made from; masked values that are lost stay out.

    None where it cannot be read, or was removed in this moment.
    """
    if record.meta is None:
        return None
    try:
        with store.open(record.job_id) as job:
            return again.definition_of(job, record.meta)
    except AgentExecError:
        return None


def told(verb: str, outcome: Outcome) -> str:
    """Say in a line what became of a job, its id and the verb only where they tell something."""
    name = clean(outcome.job_id[:ID_CHARS])
    if outcome.is_done:
        return f"{name} {outcome.text}"
    if not name or name in outcome.text:
        return f"{verb}: {outcome.text}"
    return f"{name} {verb}: {outcome.text}"


def summary(verb: str, outcomes: Sequence[Outcome]) -> str:
    """Say in a line what became of several jobs: ``start: 12 done, 1 failed``."""
    failed = sum(not outcome.is_done for outcome in outcomes)
    done = len(outcomes) - failed
    return f"{verb}: {done} done" + (f", {failed} failed" if failed else "")
