"""run: create a job and start it at once."""

from __future__ import annotations

import os
import time

from agent_exec.commands.definition import JobDefinition, define, first_order, require_definition
from agent_exec.commands.environment import displayed, inherited
from agent_exec.commands.launching import launch_job, watch_and_answer
from agent_exec.commands.observation import WATCHED, LaunchedJob, Observation
from agent_exec.errors import AgentExecError, InternalError
from agent_exec.model.job import JobStatus, require_startable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.process.handover import Launcher
    from agent_exec.store.jobs import JobDir, JobStore


class RunJob(LaunchedJob):
    """A new job that now runs, or already ran."""

    __slots__ = ()
    wire_type = "run"


def run_job(
    store: JobStore,
    definition: JobDefinition,
    *,
    observation: Observation = WATCHED,
    auto_gc: AutoGc | None = None,
    launcher: Launcher | None = None,
    environ: Mapping[str, str] | None = None,
) -> RunJob:
    """Make a job of *definition* and start it; masked values are stored nowhere.

    Args:
        store: the root.
        definition: what to run.
        observation: how long to look at it before this returns.
        auto_gc: what to clean up besides.
        launcher: makes supervisors quickly.
        environ: what the command inherits; None is this process's environment.

    Raises:
        InvalidArgumentError, InvalidTagError: see ``require_definition``.
        StdinRequiredError, StdinTooLargeError: the standard input cannot be kept.
        InternalError, UnsafeRootError: the root does not take it.
        LaunchFailedError: the command cannot be started; ``details`` name the failed job.
    """
    environ = inherited(os.environ if environ is None else environ)
    require_definition(definition)
    new_id = store.create(
        lambda job: define(job, definition, keep_runtime_env=False), is_to_run=True
    )
    began_s = time.monotonic()
    with store.open(new_id) as job:
        try:
            with job.locked():
                meta = job.read_meta()
                require_startable(new_id, job.read_state().status)
                launch = launch_job(
                    job,
                    meta,
                    entries=definition.env,
                    environ=environ,
                    order=first_order(definition),
                    launcher=launcher,
                )
        except (AgentExecError, OSError) as error:
            told = (
                error
                if isinstance(error, AgentExecError)
                else InternalError.from_os_error(error, f"start job {new_id}")
            )
            if not _is_undone(job):
                told.details = {"job_id": new_id, **(told.details or {})}  # who else could know it?
            raise told from None
        return watch_and_answer(
            RunJob,
            store,
            job,
            launch,
            observation=observation,
            auto_gc=auto_gc,
            tags=meta.tags,
            env_vars=displayed(definition.env, definition.mask),
            began_s=began_s,
        )


def _is_undone(job: JobDir) -> bool:
    """Remove a new job of which nothing was started and nothing recorded; True if it is gone."""
    from agent_exec.store.removal import remove_job

    try:
        with job.locked(makes_file=False):
            if job.read_state().status is not JobStatus.CREATED or job.has_supervisor():
                return False
            remove_job(job)
    except (AgentExecError, OSError):
        return False
    return True
