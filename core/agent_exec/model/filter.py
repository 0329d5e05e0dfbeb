"""The filter language: one for the dashboard, the snapshot and ``delete --filter``.

Blank-separated terms that must all hold; quotes keep blanks: ``"two words"``.

=============  ==========================================================================
``word``       the id, command, a tag or the directory has it; capitals make it exact
``re:X``       the regular expression X finds something there (linear time, RE2)
``tag:ns.*``   a tag is ``ns`` or below it; without ``.*``: is exactly that
``state:S,T``  the state begins with S or T
``exit:0,>9``  the exit code is 0 or above 9; ``none``: there is none
``cwd:/dir``   the directory is that or lies below; without slash: has that in its path
``id:7f3``     the id begins so
=============  ==========================================================================

``!`` before a term, or after its colon, turns it round.
"""

from __future__ import annotations

from agent_exec.errors import InvalidArgumentError, InvalidTagError
from agent_exec.model import tags as tag_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    class _Pattern(Protocol):
        def search(self, text: bytes) -> object: ...


UNREADABLE = "unreadable"
STATE_WORDS = ("created", "running", "exited", "killed", "failed", "unknown", UNREADABLE)
# A pattern's automaton beyond this is refused: it would cost more than it could be worth.
_MAX_PATTERN_BYTES = 8 * 1024 * 1024
_MAX_EXIT_DIGITS = 18
_COMPARISONS = (">=", "<=", ">", "<")


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
        state: the word on display, one of ``STATE_WORDS``.
        text: what plain words are looked for in, a line each.
        folded: the same in small letters.
    """

    __slots__ = ("cwd", "exit_code", "folded", "job_id", "state", "tags", "text")

    def __init__(
        self,
        *,
        job_id: str,
        state: str,
        command: Sequence[str] = (),
        tags: Sequence[str] = (),
        cwd: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        self.job_id = job_id
        self.state = state
        self.tags = tags
        self.cwd = cwd or ""
        self.exit_code = exit_code
        self.text = "\n".join((job_id, " ".join(command), *tags, self.cwd))
        folded = self.text.lower()
        self.folded = self.text if folded == self.text else folded


class Filter:
    """A compiled filter; an empty one lets every job pass."""

    __slots__ = ("_terms", "text")

    def __init__(self, text: str, terms: tuple[_Term, ...]) -> None:
        self.text = text
        self._terms = terms

    def __bool__(self) -> bool:
        return bool(self._terms)

    def matches(self, job: JobFields) -> bool:
        """Whether every term holds for *job*."""
        return all(term.holds(job) for term in self._terms)

    def select(self, jobs: Iterable[JobFields]) -> list[JobFields]:
        """Keep those for which every term holds, in their order; quick with many."""
        left = list(jobs)
        for term in self._terms:
            left = term.narrow(left)
        return left


class _Term:
    """One condition and whether it is turned round."""

    __slots__ = ("_is_negated", "_test")

    def __init__(self, test: Callable[[JobFields], bool], is_negated: bool) -> None:
        self._test = test
        self._is_negated = is_negated

    def holds(self, job: JobFields) -> bool:
        return self._test(job) is not self._is_negated

    def narrow(self, jobs: list[JobFields]) -> list[JobFields]:
        test, unwanted = self._test, self._is_negated
        return [job for job in jobs if test(job) is not unwanted]


class _Word(_Term):
    """A plain word; without a function call a job, since it is tried at every key stroke."""

    __slots__ = ("_is_exact", "_word")

    def __init__(self, word: str, is_negated: bool) -> None:
        self._is_exact = word != word.lower()
        self._word = word
        super().__init__(self._has, is_negated)

    def _has(self, job: JobFields) -> bool:
        return self._word in (job.text if self._is_exact else job.folded)

    def narrow(self, jobs: list[JobFields]) -> list[JobFields]:
        word, unwanted = self._word, self._is_negated
        if self._is_exact:
            return [job for job in jobs if (word in job.text) is not unwanted]
        return [job for job in jobs if (word in job.folded) is not unwanted]


def compile_filter(text: str) -> Filter:
    """Make a filter of what a user typed.

    Raises:
        FilterError: a term is malformed; its position is told.
    """
    return Filter(text, tuple(_term_of(word, position) for word, position in _split(text)))


def _split(text: str) -> list[tuple[str, int]]:
    """Cut into terms at blanks outside quotes; an unclosed quote ends with the text."""
    found: list[tuple[str, int]] = []
    term, start, quoted = "", -1, False
    characters = enumerate(text)
    for position, char in characters:
        if char.isspace() and not quoted:
            if start >= 0:
                found.append((term, start))
            term, start = "", -1
            continue
        if start < 0:
            start = position
        if char == '"':
            quoted = not quoted
        elif char == "\\" and text[position + 1 : position + 2] == '"':
            term += next(characters)[1]
        else:
            term += char
    if start >= 0:
        found.append((term, start))
    return found


def _term_of(term: str, position: int) -> _Term:
    is_negated = term.startswith("!")
    body = term[is_negated:]
    key, colon, value = body.partition(":")
    make = _TESTS.get(key) if colon else None
    if make is None:
        return _Word(body, is_negated and bool(body))
    if value.startswith("!"):
        is_negated, value = not is_negated, value[1:]
    if not value:
        raise FilterError(f"`{key}:` needs a value", position)
    return _Term(make(value, position), is_negated)


def _regex(value: str, position: int) -> Callable[[JobFields], bool]:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PATTERN_BYTES
    options.case_sensitive = value != value.lower()
    try:
        pattern: _Pattern = re2.compile(f"(?m){value}".encode("utf-8", "replace"), options)
    except re2.error as error:
        problem = error.args[0] if error.args else "not a regular expression"
        shown = problem.decode("utf-8", "replace") if isinstance(problem, bytes) else problem
        raise FilterError(f"`re:{value}`: {shown}", position) from None

    def test(job: JobFields) -> bool:
        return pattern.search(job.text.encode("utf-8", "replace")) is not None

    return test


def _tag(value: str, position: int) -> Callable[[JobFields], bool]:
    try:
        tag_rules.require_tag_pattern(value)
    except InvalidTagError as error:
        raise FilterError(str(error), position) from None
    return lambda job: tag_rules.matches(value, job.tags)


def _state(value: str, position: int) -> Callable[[JobFields], bool]:
    wanted: set[str] = set()
    for start in value.lower().split(","):
        words = [word for word in STATE_WORDS if start and word.startswith(start)]
        if not words:
            known = ", ".join(STATE_WORDS)
            raise FilterError(f"no state begins with `{start}`; there are {known}", position)
        wanted.update(words)
    return lambda job: job.state in wanted


def _exit(value: str, position: int) -> Callable[[JobFields], bool]:
    tests = [_exit_test(part, position) for part in value.split(",")]
    return lambda job: any(test(job.exit_code) for test in tests)


def _exit_test(part: str, position: int) -> Callable[[int | None], bool]:
    if part == "none":
        return lambda code: code is None
    sign = next((sign for sign in _COMPARISONS if part.startswith(sign)), "")
    digits = part[len(sign) :]
    number = digits.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) <= _MAX_EXIT_DIGITS):
        problem = f"`exit:{part}` is neither a number, `>1` and the like, nor `none`"
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


def _cwd(value: str, position: int) -> Callable[[JobFields], bool]:
    if not value.startswith("/"):
        return lambda job: value in job.cwd
    path = value.rstrip("/")
    below = path + "/"
    return lambda job: job.cwd == path or (job.cwd + "/").startswith(below)


def _id(value: str, position: int) -> Callable[[JobFields], bool]:
    return lambda job: job.job_id.startswith(value)


_TESTS: dict[str, Callable[[str, int], Callable[[JobFields], bool]]] = {
    "re": _regex,
    "tag": _tag,
    "state": _state,
    "exit": _exit,
    "cwd": _cwd,
    "id": _id,
}
