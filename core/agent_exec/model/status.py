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
BAD = "bad"
DONE = "done"
TIMEOUT = "timeout"
CAPTURING = "capturing"
ALIVE = "alive"
ELSEWHERE = "elsewhere"
PAUSED = "paused"
STOPPED = "stopped"

# What ``list`` can be asked for; the last two stand beside the recorded word.
LISTABLE = (*LISTED, PAUSED, CAPTURING)

# Why records cannot be read.
CORRUPT = "corrupt"
DENIED = "denied"
NO_STATE = "no-state"
NO_META = "no-meta"
PROBLEMS = (CORRUPT, DENIED, NO_STATE, NO_META)

# What is said of a job that is not plainly what its record says, by the verdict on it.
DOUBT_OF_VERDICT = {
    "supervisor lost, child alive": "orphan",
    "lost": "lost",
    "pid reused": "reused",
    "stale (reboot)": "stale",
    "unverified": "stale?",
    "elsewhere": ELSEWHERE,
    "paused": PAUSED,
    "supervisor stopped": STOPPED,
}
PLAIN_VERDICTS = frozenset({"created", "ended", "running", "running (foreign)"})
# Nothing runs it any more, and nobody will record how it ended.
GONE_VERDICTS = frozenset({"lost", "pid reused", "stale (reboot)"})
DETAILS = (*DOUBT_OF_VERDICT.values(), ALIVE, TIMEOUT, CAPTURING, *PROBLEMS)
_HARMLESS = frozenset({PAUSED, STOPPED, ELSEWHERE, TIMEOUT, CAPTURING})
# What filters know besides; `failed` and `done` also find what the views of that name show.
FILTERED = (*SHOWN, OK, BAD, DONE, *DETAILS)


def words_of(state: str, exit_code: int | None, detail: str | None) -> frozenset[str]:
    """Every word a job can be found by: those of the list, of its views and of the header.

    Args:
        state: one of ``SHOWN``.
        exit_code: of a job that has one.
        detail: one of ``DETAILS``, where there is more to say.
    """
    words = {state}
    if detail is not None:
        words.add(detail)
    if state == EXITED:
        words.add(OK if exit_code == 0 else BAD)
    if BAD in words or state in (UNKNOWN, UNREADABLE) or detail not in (None, *_HARMLESS):
        words.add(FAILED)
    if state in TERMINAL and detail != ALIVE:
        words.add(DONE)
    return frozenset(words)


def word_shown(state: str, exit_code: int | None, detail: str | None) -> str:
    """The one word that stands for a job in lists; arguments as of ``words_of``."""
    if detail is not None and detail != CAPTURING:
        return detail
    if state == EXITED:
        return OK if exit_code == 0 else BAD
    return state


def problem_word(problem: str, *, has_meta: bool) -> str:
    """Say in one of ``PROBLEMS`` why records cannot be read."""
    lowered = problem.lower()
    if "permission denied" in lowered or "operation not permitted" in lowered:
        return DENIED
    if "no such file" in lowered or "missing" in lowered:
        return NO_STATE if has_meta else NO_META
    return CORRUPT
