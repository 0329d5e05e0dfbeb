"""create: define a job for later."""

from __future__ import annotations

import os

from agent_exec.commands.definition import JobDefinition, define, require_definition
from agent_exec.model.job import JobStatus
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.records import STDERR_LOG, STDOUT_LOG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.store.jobs import JobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedJob:
    """A job that waits to be started."""

    wire_type = "create"

    job_id: str
    root: str
    state: JobStatus
    stdout_log_path: str
    stderr_log_path: str


def create_job(store: JobStore, definition: JobDefinition) -> CreatedJob:
    """Keep *definition* as a new job, whole or not at all.

    Raises:
        InvalidArgumentError, InvalidTagError: see ``require_definition``.
        StdinRequiredError, StdinTooLargeError: the standard input cannot be kept.
        InternalError, UnsafeRootError: the root does not take it.
    """
    require_definition(definition)
    job_id = store.create(lambda job: define(job, definition, keep_runtime_env=True))
    return CreatedJob(
        job_id=job_id,
        root=store.root,
        state=JobStatus.CREATED,
        stdout_log_path=os.path.join(store.root, job_id, STDOUT_LOG),
        stderr_log_path=os.path.join(store.root, job_id, STDERR_LOG),
    )
