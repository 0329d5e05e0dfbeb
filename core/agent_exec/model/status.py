"""The words for where a job is in its life: which there are, and which mean that it is over.

Plain words, for whatever decides by them: the wire's five, what is shown where these do not
say it, and the verdicts on what the evidence says.
"""

from __future__ import annotations

CREATED = "created"
RUNNING = "running"
EXITED = "exited"
KILLED = "killed"
FAILED = "failed"
# Of jobs of which the record does not tell, or which nobody runs although it says so.
UNKNOWN = "unknown"
UNREADABLE = "unreadable"

ALL = (CREATED, RUNNING, EXITED, KILLED, FAILED)
TERMINAL = frozenset({EXITED, KILLED, FAILED})
ACTIVE = frozenset({CREATED, RUNNING})
LISTED = (*ALL, UNKNOWN)
SHOWN = (*LISTED, UNREADABLE)

# What a job's state is called beyond that: words for the column, the filter and programs.
OK = "ok"
DONE = "done"
TIMEOUT = "timeout"
CAPTURING = "capturing"
ALIVE = "alive"

# What is said of a job that is not plainly what its record says, by the verdict on it.
DOUBT_OF_VERDICT = {
    "supervisor lost, child alive": "orphan",
    "lost": "lost",
    "pid reused": "reused",
    "stale (reboot)": "stale",
    "unverified": "unverified",
    "elsewhere": "elsewhere",
    "paused": "paused",
    "supervisor stopped": "stopped",
}
PLAIN_VERDICTS = frozenset({"created", "ended", "running", "running (foreign)"})
# Nothing runs it any more, and nobody will record how it ended.
GONE_VERDICTS = frozenset({"lost", "pid reused", "stale (reboot)"})
DETAILS = (*DOUBT_OF_VERDICT.values(), ALIVE, TIMEOUT, CAPTURING)
# What filters know besides; `failed` and `done` are also what the views of that name show.
FILTERED = (*SHOWN, OK, DONE, *DETAILS)


def word_of(state: str, exit_code: int | None, detail: str | None) -> str:
    """The one word for a job: what a list's column shows and what a filter finds it by.

    Args:
        state: one of ``SHOWN``.
        exit_code: of a job that has one.
        detail: one of ``DETAILS``, where there is more to say.
    """
    if detail is not None and detail != CAPTURING:
        return detail
    if state == EXITED:
        return OK if exit_code == 0 else FAILED
    return state


def has_failed(state: str, exit_code: int | None) -> bool:
    """Whether something went wrong: a code other than 0, no start, no end, no readable record.

    A killed job was ended on purpose.
    """
    if state == EXITED:
        return exit_code != 0
    return state in (FAILED, UNKNOWN, UNREADABLE)
