"""A supervisor's work: take over what the launcher hands it, run the job, account for faults."""

from __future__ import annotations

from agent_exec.model.json_text import forgo_json
from agent_exec.supervisor.child import LaunchProblem
from agent_exec.supervisor.definition import TakenError, load_definition
from agent_exec.supervisor.journal import Journal
from agent_exec.supervisor.release import release
from agent_exec.supervisor.report import Report
from agent_exec.supervisor.run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.supervisor.definition import Definition


def supervise(dir_fd: int, lock_fd: int, report_fd: int, definition_fd: int) -> int:
    """Run one job to its end; returns this process's exit status.

    The process has been detached already.

    Args:
        dir_fd: the job's directory.
        lock_fd: supervisor.lock, held; kept open for as long as this process lives.
        report_fd: where the launcher listens.
        definition_fd: gives the definition.
    """
    report = Report(report_fd)
    try:
        definition = load_definition(definition_fd)
    except TakenError:
        return 1  # its lock, too, is another supervisor's by now
    except (OSError, ValueError, EOFError, TypeError, KeyError) as error:
        report.send("failed", reason=f"read the definition: {error}")
        release(lock_fd)
        return 1
    try:
        return _supervise(definition, dir_fd, report)
    except BaseException as error:
        report.send("fault", fault=f"{type(error).__name__}: {error}")
        raise
    finally:
        release(lock_fd)


def _supervise(definition: Definition, dir_fd: int, report: Report) -> int:
    journal = Journal(dir_fd, definition)
    run = Run(definition, dir_fd, journal, report)
    try:
        load_all()
        run.start()
    except (LaunchProblem, OSError) as problem:
        journal.publish_failed(str(problem))
        journal.close()
        report.send("failed", reason=str(problem))
        return 1
    try:
        run.supervise()
    except BaseException as error:
        # A fault of ours: the job goes on unsupervised, and its record must say why.
        journal.note(reason=f"the supervisor failed: {type(error).__name__}: {error}")
        raise
    return 0


def load_all() -> None:
    """Load now what CPython itself loads late.

    While a job runs its interpreter and its packages may be replaced or removed.
    """
    import resource  # noqa: F401  (of os.wait4, at the first child that ends)

    forgo_json()
