"""status, list, ps, tail, wait: looking at jobs."""

from __future__ import annotations

import os

from agent_exec.cli.call import STDERR_FD, STDOUT_FD, write_stdout
from agent_exec.cli.grammar import Option, Positional, Verb, milliseconds, whole_number
from agent_exec.cli.options import JOB_ID, tag_pattern
from agent_exec.model.status import GONE_VERDICTS, LISTABLE, TERMINAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments
    from agent_exec.commands.wait import WaitedJob
    from agent_exec.store.jobs import JobStore

_LEAST_POLL_S = 0.1
_EXIT_TIME_IS_UP = 124  # as timeout(1) has it
_EXIT_WITHOUT_CODE = 125  # of its own failures, too, as timeout(1) has it
_LAST_SIGNAL = 127

_SELECTION = (
    Option("--limit", "N", "Show so many at most (default 50); 0 is all", convert=whole_number),
    Option("--cwd", "PATH", "Only jobs that run in this directory; without it, here",
           hints="path"),
    Option("--all", None, "Jobs of all directories"),
    Option("--tag", "PATTERN", "Only jobs with this tag, or one below it for a pattern ns.* "
           "(repeatable: all must fit)", repeats=True, convert=tag_pattern, hints="tag"),
)  # fmt: skip
_STATE = Option("--state", "STATE", f"Only jobs in this state: {', '.join(LISTABLE)}",
                choices=LISTABLE)  # fmt: skip


def _status() -> Verb:
    return Verb(
        "status", _run_status,
        "Say where a job is in its life, where its logs lie and how large they are. A job whose "
        "supervisor is proved to be gone is put right on the way.",
        positional=JOB_ID,
    )  # fmt: skip


def _list() -> Verb:
    return Verb(
        "list", _run_list, "List jobs, newest first; without options those of this directory.",
        ("Selection", (*_SELECTION, _STATE)), conflicts=(("--all", "--cwd"),),
        examples=("list --all --state running", "list --tag build.*"),
    )  # fmt: skip


def _ps() -> Verb:
    return Verb(
        "ps", _run_ps, "List running jobs, newest first: `list --state running`.",
        ("Selection", _SELECTION), conflicts=(("--all", "--cwd"),),
    )  # fmt: skip


def _tail() -> Verb:
    return Verb(
        "tail", _run_tail,
        "Show the end of a job's output. With --follow, go on with what comes: one JSON "
        "document a piece and at last one (tail_end) that says why there are no more: the job "
        "ended, with its state and exit code, or was lost or removed, or a signal came. With "
        "--raw the bare output and nothing else.",
        ("Output", (
            Option("--tail-lines --lines", "N", "Show so many lines of each stream (default 50); "
                   "0 is no limit", convert=whole_number),
            Option("--max-bytes", "N", "Show so much of each stream (default 65536)",
                   convert=whole_number),
            Option("--follow", None, "Go on with what the job writes, until it has ended"),
            Option("--raw", None, "With --follow: the text alone, stderr's to stderr"),
        )),
        positional=JOB_ID,
        examples=("tail --lines 5 3f2a91c", "tail --follow 3f2a91c", "tail --follow --raw 3f2a91c"),
    )  # fmt: skip


def _wait() -> Verb:
    return Verb(
        "wait", _run_wait,
        "Wait until a job has ended and its logs are complete, or the time is up; several jobs: "
        "until all have ended, or with --any until one has.",
        ("Waiting", (
            Option("--until", "SECONDS", "Wait so long at most (default 30)",
                   convert=milliseconds),
            Option("--forever", None, "Wait without a limit"),
            Option("--any", None, "Be content with the first job that ends"),
            Option("--all", None, "Wait for every job (the default)"),
            Option("--poll", "SECONDS", "Time between looks where nothing tells us (default 1)",
                   convert=milliseconds),
            Option("--exit-status", None, "Exit as the job did: its code, 128 + its signal, 125 "
                   "if it has neither (not started, lost), 124 if the time is up"),
        )),
        positional=Positional("JOB_ID", "The jobs: their IDs, or the beginnings of them",
                              most=None, hints="job"),
        conflicts=(("--until", "--forever"), ("--any", "--all")),
        examples=("wait --forever 3f2a91c", "wait --any --exit-status 3f2a91c 77be04d"),
        states=("created", "running"),
    )  # fmt: skip


VERBS = {"status": _status, "list": _list, "ps": _ps, "tail": _tail, "wait": _wait}


def _run_status(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.status import job_status

    (job_id,) = arguments.texts("JOB_ID")
    call.answer(job_status(call.store(), job_id))
    return 0


def _run_list(arguments: Arguments, call: Call) -> int:
    return _answer_list(arguments, call, arguments.text("--state"))


def _run_ps(arguments: Arguments, call: Call) -> int:
    return _answer_list(arguments, call, "running")


def _answer_list(arguments: Arguments, call: Call, state: str | None) -> int:
    from agent_exec.commands.list import list_jobs

    cwd = None
    if not arguments.flag("--all"):
        cwd = os.path.realpath(arguments.text("--cwd") or _present_directory())
    answer = list_jobs(
        call.store(),
        limit=arguments.number("--limit", 50),
        state=state,
        cwd=cwd,
        tags=arguments.texts("--tag"),
    )
    call.answer(answer)
    return 0


def _present_directory() -> str:
    try:
        return os.getcwd()
    except OSError as error:
        from agent_exec.errors import InternalError

        raise InternalError.from_os_error(
            error, "find the current directory (give --all or --cwd)"
        ) from None


def _run_tail(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.tail import tail_job

    (job_id,) = arguments.texts("JOB_ID")
    store = call.store()
    lines = arguments.number("--tail-lines", 50)
    max_bytes = arguments.number("--max-bytes", 65536)
    if arguments.flag("--follow"):
        return _follow(call, store, job_id, lines, max_bytes, arguments.flag("--raw"))
    call.answer(tail_job(store, job_id, lines=lines, max_bytes=max_bytes))
    return 0


def _follow(
    call: Call, store: JobStore, job_id: str, lines: int, max_bytes: int, is_raw: bool
) -> int:
    from agent_exec.commands.tail import follow_job

    if is_raw:
        for chunk in follow_job(
            store, job_id, lines=lines, max_bytes=max_bytes, should_stop=_require_reader
        ):
            write_stdout(chunk.data, STDERR_FD if chunk.stream == "stderr" else STDOUT_FD)
        return 0
    from agent_exec.cli.ending import Ending

    stop: list[bool] = []
    ending = Ending(lambda: stop.append(True))
    chunks = follow_job(
        store,
        job_id,
        lines=lines,
        max_bytes=max_bytes,
        should_stop=lambda: _require_reader() or bool(stop),
    )
    while True:
        try:
            call.answer(next(chunks))
        except StopIteration as over:
            call.answer(over.value)
            return ending.status


def _require_reader() -> bool:
    """Raise BrokenPipeError once nobody reads the answer; a quiet job would never find out."""
    import select

    poll = select.poll()
    poll.register(STDOUT_FD, 0)  # nothing but its end
    if any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
        raise BrokenPipeError
    return False


def _run_wait(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.wait import wait_job, wait_jobs

    until_s = None
    if not arguments.flag("--forever"):
        until_s = arguments.number("--until", 30_000) / 1000
    poll_s = max(arguments.number("--poll", 1000) / 1000, _LEAST_POLL_S)
    ids = arguments.texts("JOB_ID")
    is_any = arguments.flag("--any")
    if len(ids) == 1 and not is_any and not arguments.flag("--all"):
        job = wait_job(call.store(), ids[0], poll_s=poll_s, until_s=until_s)
        call.answer(job)
        statuses = [_exit_status(job)]
    else:
        waited = wait_jobs(
            call.store(), ids, mode="any" if is_any else "all", until_s=until_s, poll_s=poll_s
        )
        call.answer(waited)
        statuses = [_exit_status(job) for job in waited.jobs]
    if not arguments.flag("--exit-status"):
        return 0
    if is_any:
        return next((status for status in statuses if status != _EXIT_TIME_IS_UP), _EXIT_TIME_IS_UP)
    return next((status for status in statuses if status), 0)


def _exit_status(job: WaitedJob) -> int:
    """The job's end as a shell would tell it; a wait that saw none is out of time."""
    if job.state not in TERMINAL:
        is_lost = job.liveness is not None and job.liveness.verdict in GONE_VERDICTS
        return _EXIT_WITHOUT_CODE if is_lost else _EXIT_TIME_IS_UP
    if job.exit_code is not None and 0 <= job.exit_code <= 255:
        return job.exit_code
    signal = job.signal or ""
    if signal.isascii() and signal.isdigit() and len(signal) <= 3 and int(signal) <= _LAST_SIGNAL:
        return 128 + int(signal)
    return _EXIT_WITHOUT_CODE
