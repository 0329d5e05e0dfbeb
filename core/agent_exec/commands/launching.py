"""One launch of a job's definition, shared by run, start and restart."""

from __future__ import annotations

import contextlib
import os
import time

from agent_exec.commands.auto_gc import run_auto_gc
from agent_exec.commands.environment import given_environment, key_of
from agent_exec.commands.launch_check import (
    require_enterable,
    require_passable,
    require_program,
    require_stdin,
    require_writable,
)
from agent_exec.commands.observation import answer, observe
from agent_exec.commands.shell_start import require_carried, start_through_shell
from agent_exec.errors import AgentExecError, InternalError, InvalidArgumentError, LaunchFailedError
from agent_exec.model import records
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER, JobStatus
from agent_exec.process import launch as process_launch
from agent_exec.process.cgroup import setting_of
from agent_exec.process.handover import LaunchSpec, current_umask
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.asked import RunOrder
    from agent_exec.commands.auto_gc import AutoGc
    from agent_exec.commands.observation import Answer, Observation
    from agent_exec.commands.shell_start import ShellStart
    from agent_exec.model.job import JobMeta
    from agent_exec.process.handover import Launcher
    from agent_exec.process.launch import RunningLaunch
    from agent_exec.store.jobs import JobDir, JobStore


def launch_job(
    job: JobDir,
    meta: JobMeta,
    *,
    entries: tuple[str, ...],
    environ: Mapping[str, str],
    order: RunOrder,
    start: ShellStart | None = None,
    launcher: Launcher | None = None,
) -> RunningLaunch:
    """Start a created job, whose lock the caller holds; its env files are read now.

    Args:
        job: the job.
        meta: what to run.
        entries: ``--env`` values, unmasked.
        environ: what the child inherits, and its notification commands get.
        order: what this run gets besides.
        start: what ``prepare_restart`` made; None makes it now.
        launcher: makes supervisors quickly; None spawns one.

    Raises:
        InvalidStateError: somebody else is starting it.
        LaunchFailedError: nothing runs; the job is ``failed`` and keeps the reason.
    """
    try:
        try:
            start = start or prepare_start(meta, entries, environ)
        except (InternalError, InvalidArgumentError) as error:
            raise process_launch.refuse(job, str(error), order.run) from None
        spec = LaunchSpec(
            job_id=job.job_id,
            command=meta.command,
            shell_wrapper=meta.shell_wrapper or DEFAULT_SHELL_WRAPPER,
            cwd=meta.cwd if meta.cwd is not None else _present_directory(),
            arguments=start.arguments,
            environment=start.environment,
            marks_environment=meta.inherit_env,
            cgroup=setting_of(environ),
            sink_environment=start.sink_environment,
            sink_prologue=start.sink_prologue,
            umask=current_umask(),
            stdin_file=meta.stdin_file,
            timeout_ms=meta.timeout_ms,
            kill_after_ms=meta.kill_after_ms,
            progress_every_ms=meta.progress_every_ms,
            full_log_path=order.full_log_path,
            log_max_bytes=order.log_max_bytes,
            run=order.run,
        )
        launch = process_launch.launch(job, spec, launcher=launcher)
    except LaunchFailedError as error:
        _keep_full_log_path(job, order.full_log_path)
        if order.run > 1:
            _bring_back_logs(job)
        raise _named(job, error.reason) from None
    if order.run > 1:
        _drop_last_logs(job)
    return launch


def _bring_back_logs(job: JobDir) -> None:
    """After a launch that failed: what the last run wrote is still all there is to read.

    Its supervisor may not have ended yet, but once it has said so it writes no more.
    """
    from agent_exec.model.supervision import EndCause
    from agent_exec.store import last_logs  # a first run has nothing before it

    with contextlib.suppress(AgentExecError):
        supervision = job.read_supervision()
        failed = supervision is not None and supervision.cause is EndCause.LAUNCH_FAILED
        if failed and job.read_state().status is JobStatus.FAILED:
            last_logs.bring_back(job)


def _drop_last_logs(job: JobDir) -> None:
    from agent_exec.store import last_logs

    last_logs.drop(job)


def prepare_start(
    meta: JobMeta, entries: tuple[str, ...], environ: Mapping[str, str]
) -> ShellStart:
    """Read the env files and build what the shell is handed.

    Raises:
        InternalError: an env file cannot be read.
        InvalidArgumentError: a variable would not reach the command, or no process can be given
            what the record has.
    """
    require_passable(meta, entries)
    wrapper = meta.shell_wrapper or DEFAULT_SHELL_WRAPPER
    given = given_environment(meta, entries)
    environment = {**(environ if meta.inherit_env else {}), **given}
    require_carried(wrapper, meta.command, map(key_of, entries), environment)
    return start_through_shell(wrapper, meta.command, environment, given, environ)


def prepare_restart(
    job: JobDir,
    meta: JobMeta,
    entries: tuple[str, ...],
    environ: Mapping[str, str],
    full_log_path: str | None,
) -> ShellStart:
    """``prepare_start`` for a job that has run: nothing is changed unless all of it is there.

    Raises:
        LaunchFailedError: an env file, the directory, the shell, the standard input or the
            place of full.log is missing.
    """
    try:
        start = prepare_start(meta, entries, environ)
        require_enterable(meta.cwd)
        require_program(start.arguments[0], start.environment.get("PATH"), meta.cwd)
        require_stdin(job, meta.stdin_file)
        require_writable(full_log_path)
    except (InternalError, InvalidArgumentError) as error:
        raise _named(job, f"{error}; nothing was changed") from None
    return start


def _named(job: JobDir, reason: str) -> LaunchFailedError:
    return LaunchFailedError(
        reason, details={"job_id": job.job_id, "root": job.root, "reason": reason}
    )


def watch_and_answer(
    kind: type[Answer],
    store: JobStore,
    job: JobDir,
    launch: RunningLaunch,
    *,
    observation: Observation,
    auto_gc: AutoGc | None,
    tags: tuple[str, ...],
    env_vars: tuple[str, ...],
    began_s: float | None,
) -> Answer:
    """Clean up besides, look at a job that was just started, and tell of it.

    Args:
        kind: the verb's own answer.
        store: the root.
        job: the job.
        launch: closed when this returns.
        observation: how long to look.
        auto_gc: what to clean up.
        tags: the job's.
        env_vars: for display, masked.
        began_s: since when ``elapsed_ms`` counts, monotonic; None is never, hence 0.
    """
    with launch:
        launched_at_s = time.monotonic()
        spare = frozenset({job.job_id})
        removed = None
        if observation.wait:  # the job has that time anyway
            removed = run_auto_gc(store, auto_gc, spare=spare)
        observed = observe(job, launch, observation, launched_at_s=launched_at_s)
    elapsed_ms = 0 if began_s is None else int((time.monotonic() - began_s) * 1000)
    if not observation.wait:  # what is told is how the job began
        removed = run_auto_gc(store, auto_gc, spare=spare)
    return answer(
        kind,
        job,
        observed,
        tags=tags,
        env_vars=env_vars,
        elapsed_ms=elapsed_ms,
        auto_gc=removed,
    )


def _keep_full_log_path(job: JobDir, path: str | None) -> None:
    """Tell where full.log would have lain, although nothing ran."""
    name = records.SUPERVISION_FILE
    if path is None:
        return
    with contextlib.suppress(AgentExecError):
        document = records.load_record(atomic.read_record(name, name, dir_fd=job.fd), name)
        if "full_log_path" not in document:
            job.write_record(name, {**document, "full_log_path": path})


def _present_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
