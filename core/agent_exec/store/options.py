"""options.json of one job: read by anybody, written only by who holds the job's lock."""

from __future__ import annotations

from agent_exec.errors import InternalError, RecordMissingError
from agent_exec.model import records
from agent_exec.model.records import OPTIONS_FILE
from agent_exec.store import atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.options import JobOptions
    from agent_exec.store.jobs import JobDir


def read_options(job: JobDir) -> JobOptions | None:
    """What the job was asked to be besides meta.json; None where it has no such record.

    A record that cannot be read asks for nothing.
    """
    document = _read(job)
    if document is None:
        return None
    from agent_exec.model.options import decode_options  # most jobs have none

    return decode_options(document)


def keep_options(job: JobDir, options: JobOptions) -> None:
    """Put the record into a new job's directory; the entry is the caller's to sync."""
    from agent_exec.model.options import encode_options

    data = records.dump_record(encode_options(options, {}))
    atomic.write_new_file(job.fd, OPTIONS_FILE, data)


def change_options(job: JobDir, options: JobOptions) -> None:
    """Replace the record of a job whose lock the caller holds; unknown keys stay.

    Raises:
        InternalError: the disk does not take it; the old content stands.
    """
    from agent_exec.model.options import encode_options

    job.write_record(OPTIONS_FILE, encode_options(options, _read(job) or {}))


def _read(job: JobDir) -> records.Document | None:
    try:
        return records.load_record(
            atomic.read_record(OPTIONS_FILE, OPTIONS_FILE, dir_fd=job.fd), OPTIONS_FILE
        )
    except RecordMissingError:
        return None
    except InternalError as error:
        from agent_exec.store import story

        story.logger(__name__).warning("job %s: %s; taken as empty", job.job_id, error)
        return {}
