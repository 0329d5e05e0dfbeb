"""restart: run a job again in its own directory."""

from __future__ import annotations

import os
import signal as signals
import time

from agent_exec.commands.asked import log_path_of, order_run
from agent_exec.commands.definition import created_state
from agent_exec.commands.environment import displayed, inherited, require_entries, runtime_entries
from agent_exec.commands.launching import launch_job, prepare_restart, watch_and_answer
from agent_exec.commands.observation import WATCHED, LaunchedJob, Observation
from agent_exec.commands.settling import look, record_lost, settle_if_proved
from agent_exec.errors import (
    InternalError,
    InvalidStateError,
    UnverifiedProcessError,
)
from agent_exec.model import records
from agent_exec.model.job import JobStatus, require_own_identity
from agent_exec.model.wire import encode_state
from agent_exec.process.exit_watch import ExitWatch, await_exit
from agent_exec.process.liveness import Verdict
from agent_exec.process.signals import parse_signal
from agent_exec.process.tree import remove_leaf, signal_job, stop_capturing, survivors
from agent_exec.store import atomic, last_logs
from agent_exec.store.clock import now_timestamp
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.commands.settling import Look
    from agent_exec.process.handover import Launcher
    from agent_exec.process.signals import Signal
    from agent_exec.store.jobs import JobDir, JobStore

TERM_S = 3.0  # as long as `kill` looks, before KILL
KILL_S = 5.0  # the peers' budget for a confirmed end
_FOREIGN_DRAIN_S = 3.0  # the peers drain for 2 s and then write once more
_SLOW_LOOK_S = 0.25
_QUICK_LOOK_S = 0.005


class RestartedJob(LaunchedJob):
    """A job that runs again, or already ran again."""

    __slots__ = ()
    wire_type = "restart"


def restart_job(
    store: JobStore,
    job_id: str,
    *,
    env: tuple[str, ...] = (),
    signal: str = "TERM",
    observation: Observation = WATCHED,
    auto_gc: AutoGc | None = None,
    launcher: Launcher | None = None,
    environ: Mapping[str, str] | None = None,
    log_max_bytes: int | None = None,
    default_log_max_bytes: int = 0,
) -> RestartedJob:
    """End a job's run if it has one, empty its logs and run its definition again.

    Args:
        store: the root.
        job_id: or the beginning of one; any state will do.
        env: values for this launch, over those that are kept; the way to give masked ones.
        signal: what ends the old run first; KILL follows after 3 s.
        observation: how long to look at the new run before this returns.
        auto_gc: what to clean up besides.
        launcher: makes supervisors quickly.
        environ: what the command inherits; None is this process's environment.
        log_max_bytes: how much of each stream is kept from now on, 0 is everything; None is as
            the job was asked to be, and
        default_log_max_bytes: where it was not asked.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        InvalidSignalError: unknown, or one that jobs are not sent.
        InvalidStateError: the old run does not end, or the records are another job's.
        MissingEnvError: masked values are stored nowhere and were not given.
        UnverifiedProcessError: what runs cannot be proved to be the job's.
        LaunchFailedError: the command cannot be started. Where that can be known before, nothing
            was changed; else the job is ``failed`` and keeps the last run's logs.
    """
    sent = parse_signal(signal, refused=("STOP", "TSTP"))
    require_entries(env)
    environ = inherited(os.environ if environ is None else environ)
    began_s = time.monotonic()
    with store.open(job_id) as job:
        require_own_root(store.root)
        with job.locked():
            meta = job.read_meta()
            require_own_identity(job.job_id, meta)
            # Before anything is ended: what cannot start again is better left running.
            entries = runtime_entries(job.job_id, meta, env)
            state = job.read_state()
            start = None
            if state.status is not JobStatus.CREATED:
                path = log_path_of(job, state)
                start = prepare_restart(job, meta, entries, environ, path)
            order = order_run(
                job,
                state,
                log_max_bytes=log_max_bytes,
                default_log_max_bytes=default_log_max_bytes,
            )
            _end_old_run(job, sent)
            _reset(job)
            launch = launch_job(
                job,
                meta,
                entries=entries,
                environ=environ,
                order=order,
                start=start,
                launcher=launcher,
            )
        return watch_and_answer(
            RestartedJob,
            store,
            job,
            launch,
            observation=observation,
            auto_gc=auto_gc,
            tags=meta.tags,
            env_vars=displayed(entries, meta.mask),
            began_s=began_s,
        )


def _end_old_run(job: JobDir, sent: Signal) -> None:
    """See to it that nothing of the old run writes any more."""
    found = look(job)
    if found.state.status is JobStatus.RUNNING or found.runs:
        _end_running(job, found, sent)
    _end_leftovers(job, found, sent)
    _await_release(job, found)
    remove_leaf(job, found.supervision)


def _end_running(job: JobDir, found: Look, sent: Signal) -> None:
    if found.liveness.may_live and not found.liveness.is_here:
        raise UnverifiedProcessError(
            f"the processes of job {job.job_id} cannot be reached: {found.liveness.evidence}; "
            f"nothing was signalled, and it is not run again; see `repair {job.job_id}`"
        )
    for number, budget_s in ((sent.number, TERM_S), (signals.SIGKILL, KILL_S)):
        if found.state.is_terminal and not found.runs:
            return
        if not found.liveness.is_alive:
            # Nothing of it runs. Asked to, we take that for its end even where only another
            # program could prove it; a stranger with its pid is none of our business.
            record_lost(job, found)
            return
        if _end(job, found, number, budget_s):
            return
        found = look(job)
    if found.state.status is JobStatus.RUNNING or found.runs:
        raise InvalidStateError(
            f"job {job.job_id} did not terminate within restart budget: {found.liveness.evidence}"
        )


def _end(job: JobDir, found: Look, number: int, budget_s: float) -> bool:
    """Signal the old run's whole tree; True once it is over and recorded.

    Raises:
        UnverifiedProcessError: the recorded pid cannot be proved to be the job's.
    """
    child = found.supervision.child if found.supervision is not None else None
    start_ticks = child.start_ticks if child is not None else None
    is_orphan = found.liveness.verdict is Verdict.CHILD_ALIVE
    give_up_at = time.monotonic() + budget_s
    with ExitWatch(found.state.pid or 0, start_ticks) as watch:
        signal_job(job, found.state, found.supervision, number)
        while (left_s := give_up_at - time.monotonic()) > 0:
            if not watch.has_ended:
                await_exit([watch], min(left_s, _SLOW_LOOK_S))
            elif settle_if_proved(job, ended_by=number if is_orphan else None).is_terminal:
                _end_left_behind(job, found, give_up_at)
                return True
            else:
                time.sleep(min(left_s, _QUICK_LOOK_S))  # its supervisor writes the end
    return False


def _end_left_behind(job: JobDir, found: Look, give_up_at: float) -> None:
    """Give what its own process left behind the same time to end, then kill it."""
    while survivors(job, found.state, found.supervision):
        if time.monotonic() >= give_up_at:
            signal_job(job, found.state, found.supervision, signals.SIGKILL)
            return
        time.sleep(_QUICK_LOOK_S * 4)


def _end_leftovers(job: JobDir, found: Look, sent: Signal) -> None:
    """End what a run that is over left behind, as what runs is ended: two runs never mix.

    Raises:
        InvalidStateError: some of it lives on.
    """
    state = job.read_state()
    if state.status is JobStatus.CREATED:
        return
    for number, budget_s in ((sent.number, TERM_S), (signals.SIGKILL, KILL_S)):
        if not survivors(job, state, found.supervision):
            return
        signal_job(job, state, found.supervision, number)
        give_up_at = time.monotonic() + budget_s
        while survivors(job, state, found.supervision) and time.monotonic() < give_up_at:
            time.sleep(_QUICK_LOOK_S * 4)
    left = survivors(job, state, found.supervision)
    if left:
        named = ", ".join(f"{each.pid} ({each.command})" for each in left[:5])
        raise InvalidStateError(
            f"job {job.job_id} is over, but what it left behind does not end: {named}",
            details={"survivors": [each.pid for each in left]},
        )


def _await_release(job: JobDir, found: Look) -> None:
    """Wait until the old supervisor, ours or a peer's, writes nothing any more."""
    if not stop_capturing(job, found.supervision):
        raise InvalidStateError(
            f"job {job.job_id} has an old supervisor that does not let go of its logs; try again"
        )
    give_up_at = time.monotonic() + _FOREIGN_DRAIN_S
    while not job.read_state().logs_drained and time.monotonic() < give_up_at:
        if settle_if_proved(job).logs_drained:
            return
        time.sleep(_SLOW_LOOK_S)  # a peer's supervisor writes once more after its drain


def _reset(job: JobDir) -> None:
    """Make it a created job again: no output, no claim, no event; meta.json is not touched.

    The last run's logs stay beside the new ones until the new run is there.
    """
    if job.read_state().status is JobStatus.CREATED:
        return  # never ran; a claim on it is a start under way, or for the launch to judge
    try:
        last_logs.set_aside(job)
        atomic.remove_if_there(job.fd, records.CLAIM_FILE)
        state = created_state(job.job_id, now_timestamp())
        job.write_record(records.STATE_FILE, encode_state(state))
        # Only now: until there the job is over, and these tell of its end.
        for name in (records.COMPLETION_EVENT_FILE, records.SUPERVISION_FILE):
            atomic.remove_if_there(job.fd, name)
    except BaseException as error:
        if last_logs.are_forgotten(job):
            last_logs.bring_back(job)
        if isinstance(error, OSError):
            raise InternalError.from_os_error(error, f"reset job {job.job_id}") from None
        raise
