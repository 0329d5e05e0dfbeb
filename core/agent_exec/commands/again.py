"""The definition that a job was made from, to make another one from it."""

from __future__ import annotations

import contextlib
import os

from agent_exec.commands.asked import asked_of
from agent_exec.commands.definition import JobDefinition, StdinFile
from agent_exec.commands.environment import key_of
from agent_exec.commands.stdin import DEFAULT_MAX_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.job import JobMeta
    from agent_exec.store.jobs import JobDir


def definition_of(job: JobDir, meta: JobMeta | None = None) -> JobDefinition:
    """Everything a job was asked to be; ``rerun_of`` names it.

    Values that were masked and are stored nowhere stay out: see ``lost_values``.

    Args:
        job: the job.
        meta: its meta.json, where the caller has read it already.

    Raises:
        RecordUnreadableError: meta.json is missing, foreign or damaged.
    """
    meta = job.read_meta() if meta is None else meta
    lost = lost_values(meta)
    asked = asked_of(job)
    return JobDefinition(
        command=meta.command,
        cwd=meta.cwd,
        env=meta.env_vars_runtime
        or tuple(entry for entry in meta.env_vars if key_of(entry) not in lost),
        env_files=meta.env_files,
        inherit_env=meta.inherit_env,
        mask=meta.mask,
        stdin=StdinFile(job.file_path(meta.stdin_file)) if meta.stdin_file else None,
        stdin_max_bytes=_stdin_limit(job, meta),
        timeout_ms=meta.timeout_ms,
        kill_after_ms=meta.kill_after_ms,
        progress_every_ms=meta.progress_every_ms,
        notification=meta.notification,
        tags=meta.tags,
        shell_wrapper=meta.shell_wrapper,
        full_log_path=asked.log_path,
        log_max_bytes=asked.log_max_bytes,
        rerun_of=job.job_id,
    )


def _stdin_limit(job: JobDir, meta: JobMeta) -> int:
    """What was let pass once is let pass again, whatever the limit is by now."""
    if not meta.stdin_file:
        return DEFAULT_MAX_BYTES
    with contextlib.suppress(OSError):
        size_bytes = os.stat(meta.stdin_file, dir_fd=job.fd, follow_symlinks=False).st_size
        return max(size_bytes, DEFAULT_MAX_BYTES)
    return DEFAULT_MAX_BYTES


def lost_values(meta: JobMeta) -> list[str]:
    """Name the variables whose values are stored nowhere."""
    if meta.env_vars_runtime:
        return []
    return [key for key in map(key_of, meta.env_vars) if key in meta.mask]
