"""``tag set``: replace a job's tags; for the dashboard also: add some, take some away."""

from __future__ import annotations

import contextlib
import os

from agent_exec.errors import InternalError
from agent_exec.model import records
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.tags import changed, require_tag, unique
from agent_exec.model.wire import decode_meta
from agent_exec.store.removal import sweep_temporary_files
from agent_exec.store.root import require_own_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent_exec.store.jobs import JobDir, JobStore

# More than the coarsest clock of a file system that knows parts of seconds to be told apart.
_NEXT_VERSION_NS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsSet:
    """A job's tags as they are now."""

    wire_type = "tag_set"

    job_id: str
    tags: tuple[str, ...]


def set_tags(store: JobStore, job_id: str, tags: Iterable[str]) -> TagsSet:
    """Replace all tags of a job, in whatever state it is; none clears them.

    Raises:
        InvalidTagError: a tag is malformed.
        JobNotFoundError, AmbiguousJobIdError, InvalidArgumentError: no such job.
        RecordUnreadableError: its meta.json is missing, foreign or damaged.
        InvalidStateError: somebody else is changing it.
        UnsafeRootError: the root is somebody else's.
    """
    wanted = unique(require_tag(tag) for tag in tags)
    with changed_meta(store, job_id) as (found_id, document):
        document["tags"] = list(wanted)
    return TagsSet(job_id=found_id, tags=wanted)


def change_tags(
    store: JobStore, job_id: str, *, added: Iterable[str], removed: Iterable[str]
) -> TagsSet:
    """Take some tags from those a job has at that moment and add others, in one step.

    Raises:
        See ``set_tags``.
    """
    wanted, unwanted = tuple(require_tag(tag) for tag in added), frozenset(removed)
    with changed_meta(store, job_id) as (found_id, document):
        tags = changed(decode_meta(document).tags, added=wanted, removed=unwanted)
        document["tags"] = list(tags)
    return TagsSet(job_id=found_id, tags=tags)


@contextlib.contextmanager
def changed_meta(store: JobStore, job_id: str) -> Iterator[tuple[str, records.Document]]:
    """Give a job's id and its meta.json as read under its lock; write what is made of it.

    Keys that nobody knows stay as they are.

    Raises:
        See ``set_tags``.
    """
    with store.open(job_id) as job:
        require_own_root(store.root)
        try:
            with job.locked():
                document = job.read_meta_document()
                decode_meta(document)
                yield job.job_id, document
                job.write_record(records.META_FILE, document, mtime_ns=_kept_mtime_ns(job))
                sweep_temporary_files(job)
        except OSError as error:
            raise InternalError.from_os_error(error, f"lock job {job.job_id}") from None


def _kept_mtime_ns(job: JobDir) -> int | None:
    """When meta.json was written, and next to nothing: that is what orders jobs of one second.

    Inode numbers come back, so whoever remembers a version must find the time to be another one.
    """
    status = os.stat(records.META_FILE, dir_fd=job.fd, follow_symlinks=False)
    knows_parts = status.st_mtime_ns % 1_000_000_000  # else nothing could be told apart by it
    return status.st_mtime_ns + _NEXT_VERSION_NS if knows_parts else None
