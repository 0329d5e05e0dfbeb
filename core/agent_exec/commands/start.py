"""start: run a created job."""

from __future__ import annotations

import os

from agent_exec.commands.asked import order_run
from agent_exec.commands.environment import displayed, inherited, runtime_entries
from agent_exec.commands.launching import launch_job, watch_and_answer
from agent_exec.commands.observation import WATCHED, LaunchedJob, Observation
from agent_exec.model.job import require_own_identity, require_startable
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.process.handover import Launcher
    from agent_exec.store.jobs import JobStore


class StartedJob(LaunchedJob):
    """A created job that now runs, or already ran."""

    __slots__ = ()
    wire_type = "start"


def start_job(
    store: JobStore,
    job_id: str,
    *,
    observation: Observation = WATCHED,
    auto_gc: AutoGc | None = None,
    launcher: Launcher | None = None,
    environ: Mapping[str, str] | None = None,
    log_max_bytes: int | None = None,
    default_log_max_bytes: int = 0,
) -> StartedJob:
    """Start a created job; of any number of concurrent callers exactly one does.

    Args:
        store: the root.
        job_id: or the beginning of one.
        observation: how long to look at it before this returns.
        auto_gc: what to clean up besides.
        launcher: makes supervisors quickly.
        environ: what the command inherits; None is this process's environment.
        log_max_bytes: how much of each stream is kept from now on, 0 is everything; None is as
            the job was asked to be, and
        default_log_max_bytes: where it was not asked.

    Raises:
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        InvalidStateError: it is not ``created``, or its records are another job's.
        MissingEnvError: it needs values that are stored nowhere.
        LaunchFailedError: its command cannot be started; the job is ``failed``.
    """
    environ = inherited(os.environ if environ is None else environ)
    with store.open(job_id) as job:
        require_own_root(store.root)
        with job.locked():
            meta = job.read_meta()
            state = job.read_state()
            require_startable(job_id, state.status)
            require_own_identity(job.job_id, meta)
            entries = runtime_entries(job.job_id, meta)
            launch = launch_job(
                job,
                meta,
                entries=entries,
                environ=environ,
                order=order_run(
                    job,
                    state,
                    log_max_bytes=log_max_bytes,
                    default_log_max_bytes=default_log_max_bytes,
                ),
                launcher=launcher,
            )
        return watch_and_answer(
            StartedJob,
            store,
            job,
            launch,
            observation=observation,
            auto_gc=auto_gc,
            tags=meta.tags,
            env_vars=displayed(entries, meta.mask),
            began_s=None,  # the peers' constant is 0
        )
