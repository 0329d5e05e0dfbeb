"""What a filter looks at in a job, and the test that each kind of term makes of its value."""

from __future__ import annotations

from agent_exec.errors import InternalError, InvalidArgumentError, InvalidTagError
from agent_exec.model import tags as tag_rules
from agent_exec.model.filter_texts import (
    CUT,
    NO_VALUE,
    in_order,
    is_rest,
    short_signal,
    signal_named,
)
from agent_exec.model.status import DOUBT_OF_VERDICT, FILTERED, words_of
from agent_exec.model.timestamps import parse_duration_s, parse_timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class _Pattern(Protocol):
        def search(self, text: bytes) -> object: ...

    Test = Callable[["JobFields"], bool]


# A pattern's automaton beyond this is refused: it would cost more than it could be worth.
_MAX_PATTERN_BYTES = 8 * 1024 * 1024
_MAX_EXIT_DIGITS = 18
_COMPARISONS = (">=", "<=", ">", "<")
_OPPOSITE = {">=": "<", "<=": ">", ">": "<=", "<": ">="}


# The verdict as ``status`` and ``--json`` tell it is as good a word as the list's.
DOUBTS_BY_VERDICT = {verdict: [word] for verdict, word in DOUBT_OF_VERDICT.items()}


class FilterError(InvalidArgumentError):
    """A filter that cannot be understood.

    Attributes:
        position: index of the offending term in the text.
    """

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"filter: {problem}", details={"position": position})
        self.problem = problem
        self.position = position


class JobFields:
    """What a filter looks at in one job.

    Attributes:
        state: the contract's word, one of ``status.SHOWN``.
        detail: a word for what is known beyond that: of a running job in doubt one of
            ``DOUBT_OF_VERDICT``, of one that its own time limit ended ``TIMEOUT``.
        signal: as recorded, of a job that one ended.
        created: when it was, in seconds since 1970 or as recorded: that is read when it is asked.
        ended: likewise, of a job that has.
        text: what plain words are looked for in, a line each.
        folded: the same in small letters.
        shown: the command as it is shown, quoted for a shell; its words where nobody shows it.
    """

    __slots__ = (
        "created", "cwd", "detail", "ended", "exit_code", "folded", "job_id", "shown", "signal",
        "state", "tags", "text",
    )  # fmt: skip

    def __init__(
        self,
        *,
        job_id: str,
        state: str,
        command: Sequence[str] = (),
        tags: Sequence[str] = (),
        cwd: str | None = None,
        exit_code: int | None = None,
        detail: str | None = None,
        created: float | str | None = None,
        ended: float | str | None = None,
        shown: str | None = None,
        signal: str | None = None,
    ) -> None:
        self.signal = signal
        self.job_id = job_id
        self.state = state
        self.detail = detail
        self.created = created
        self.ended = ended
        self.tags = tags
        self.cwd = cwd or ""
        self.exit_code = exit_code
        self.text = "\n".join((job_id, " ".join(command), *tags, self.cwd))
        folded = self.text.lower()
        self.folded = self.text if folded == self.text else folded
        self.shown: str | Sequence[str] = command if shown is None else shown

    def shown_text(self) -> str:
        """The command as it is shown: made when it is asked for, which is seldom."""
        if isinstance(self.shown, str):
            return self.shown
        import shlex

        return self.shown[0] if len(self.shown) == 1 else shlex.join(self.shown)


QUOTE = "'"  # what a command has more of on screen than in its record
_BY_LINE = "(?m)"  # ^ and $ are the ends of a line


def _regex(value: str, position: int) -> Test:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PATTERN_BYTES
    options.case_sensitive = value != value.lower()
    try:
        pattern: _Pattern = re2.compile(f"{_BY_LINE}{value}".encode("utf-8", "replace"), options)
    except re2.error as error:
        problem = error.args[0] if error.args else "not a regular expression"
        shown = problem.decode("utf-8", "replace") if isinstance(problem, bytes) else problem
        shown = shown.replace(f": {_BY_LINE}", ": ", 1)  # the user did not write that
        raise FilterError(f"`re:{value}`: {shown}", position) from None

    def found(text: str) -> bool:
        return pattern.search(text.encode("utf-8", "replace")) is not None

    if QUOTE in value:
        return lambda job: found(job.text) or found(job.shown_text())
    return lambda job: found(job.text)


def _tag(value: str, position: int) -> Test:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    starts = [part.removesuffix(CUT) for part in parts if part.endswith(CUT)]
    patterns = [part for part in parts if not (part.endswith(CUT) or is_rest(part))]
    try:
        for pattern in patterns or ([] if starts else [value]):
            tag_rules.require_tag_pattern(pattern)
    except InvalidTagError as error:
        raise FilterError(str(error), position) from None
    if not starts:
        return lambda job: any(tag_rules.matches(pattern, job.tags) for pattern in patterns)
    return lambda job: (
        any(tag_rules.matches(pattern, job.tags) for pattern in patterns)
        or any(tag.startswith(start) for tag in job.tags for start in starts)
    )


def _state(value: str, position: int) -> Test:
    wanted: set[str] = set()
    whole = value.lower()
    for part in [whole] if whole in DOUBTS_BY_VERDICT else whole.split(","):
        start = part.removesuffix(CUT)
        exact = [start] if part in FILTERED else DOUBTS_BY_VERDICT.get(part, [])
        words = exact or [word for word in FILTERED if start and word.startswith(start)]
        if not words:
            known = ", ".join(FILTERED)
            raise FilterError(f"no state begins with `{start}`; there are {known}", position)
        wanted.update(words)
    return lambda job: not wanted.isdisjoint(words_of(job.state, job.exit_code, job.detail))


def _exit(value: str, position: int) -> Test:
    is_other = value.startswith("!")
    parts = value[is_other:].split(",")
    signals = {name for part in parts if (name := signal_named(part))}
    starts = tuple(part[:-1].upper() for part in parts if part.endswith(CUT) and part != CUT)
    rest = (part for part in parts if not (signal_named(part) or part.endswith(CUT)))
    tests = [_exit_test(part, position) for part in rest]

    def holds(job: JobFields) -> bool:
        by = short_signal(job.signal)
        is_by = by in signals or bool(by and starts and by.startswith(starts))
        return is_by or any(test(job.exit_code) for test in tests)

    if not is_other:
        return holds
    # Another end than these: what still runs has none.
    return lambda job: (job.exit_code is not None or bool(job.signal)) and not holds(job)


def _exit_test(part: str, position: int) -> Callable[[int | None], bool]:
    if part in ("none", NO_VALUE):
        return lambda code: code is None
    sign = next((sign for sign in _COMPARISONS if part.startswith(sign)), "")
    digits = part[len(sign) :]
    number = digits.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) <= _MAX_EXIT_DIGITS):
        problem = f"`exit:{part}` is neither a number, `>1` and the like, a signal, nor `none`"
        raise FilterError(problem, position)
    bound = int(digits)
    tests: dict[str, Callable[[int], bool]] = {
        ">=": lambda code: code >= bound,
        "<=": lambda code: code <= bound,
        ">": lambda code: code > bound,
        "<": lambda code: code < bound,
        "": lambda code: code == bound,
    }
    test = tests[sign]
    return lambda code: code is not None and test(code)


def _cwd(value: str, position: int) -> Test:
    if value == NO_VALUE:
        return lambda job: not job.cwd
    if CUT in value:
        first, *others = value.split(CUT)
        return lambda job: job.cwd.startswith(first) and in_order((first, *others), job.cwd)
    if not value.startswith("/"):
        return lambda job: value in job.cwd
    path = value.rstrip("/")
    below = path + "/"
    return lambda job: job.cwd == path or (job.cwd + "/").startswith(below)


def _id(value: str, position: int) -> Test:
    return lambda job: job.job_id.startswith(value)


MOMENTS: dict[str, Callable[[JobFields], float | str | None]] = {
    "age": lambda job: job.created,
    "ended": lambda job: job.ended,
}


def since(key: str, value: str, position: int, now_s: float) -> tuple[Test, int]:
    """Make the test of a term of time, and say what span it compares with.

    Raises:
        FilterError: the value is malformed.
    """
    compared = value.removeprefix("!")
    sign = next((sign for sign in _COMPARISONS if compared.startswith(sign)), "")
    try:
        span_s = parse_duration_s(compared[len(sign) :])
    except InternalError:
        sign = ""
    if not sign:
        problem = f"`{key}:{value}` is not `<2d`, `>1h` or the like (s, m, h, d)"
        raise FilterError(problem, position) from None
    bound_s, moment = now_s - span_s, MOMENTS[key]
    tests: dict[str, Callable[[float], bool]] = {
        ">=": lambda moment_s: moment_s <= bound_s,
        "<=": lambda moment_s: moment_s >= bound_s,
        ">": lambda moment_s: moment_s < bound_s,
        "<": lambda moment_s: moment_s > bound_s,
    }
    test = tests[_OPPOSITE[sign] if value.startswith("!") else sign]

    def holds(job: JobFields) -> bool:
        moment_s = _seconds(moment(job))
        return moment_s is not None and test(moment_s)

    return holds, span_s


def _seconds(moment: float | str | None) -> float | None:
    if isinstance(moment, str):
        read = parse_timestamp(moment)
        return read.timestamp() if read else None
    return moment


# Numbers and times: `!` after their colon is another value, which has to be there.
COMPARED = frozenset({"exit", *MOMENTS})

TESTS: dict[str, Callable[[str, int], Test]] = {
    "re": _regex,
    "tag": _tag,
    "state": _state,
    "exit": _exit,
    "cwd": _cwd,
    "id": _id,
}
