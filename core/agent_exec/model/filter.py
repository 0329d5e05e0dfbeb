"""The filter language: one for the dashboard, the snapshot and ``delete --filter``.

Blank-separated terms that must all hold; quotes keep blanks: ``"two words"``.

=============  ==========================================================================
``word``       the id, command, a tag or the directory has it; capitals make it exact; the
               command with or without the quotes it is shown with
``re:X``       the regular expression X finds something there (linear time, RE2); blanks
               need quotes, ``re:"^sleep 90"``
``tag:ns.*``   a tag is ``ns`` or below it; without ``.*``: is exactly that; ``tag:a,b`` either
``state:S,T``  the state begins with S or T; of a running job in doubt also what the doubt is; of an
               unreadable one why (``corrupt``, ``denied``, ``no-state``, ``no-meta``);
               ``timeout``: its own time limit ended it; ``failed`` and ``done``: what the views of
               that name show; ``ok``, ``bad``: ended with code 0, or another; ``capturing``: over,
               but what it left behind may still write
``exit:0,>9``  the exit code is 0 or above 9; ``none``: there is none;
               ``exit:TERM``: a signal ended it
``cwd:/dir``   the directory is that or lies below, ``~`` too; else: its path has that in it
``id:7f3``     the id begins so
``age:<2d``    it was created less than two days ago; ``>`` more, ``<=`` and ``>=`` likewise
``ended:>1h``  it ended more than an hour ago; what has not ended is never found so
=============  ==========================================================================

A word of ``state:`` that is whole means itself alone. What a list shows can be put behind the key
of its column as it stands there: cut with ``…``, ``–`` for nothing, ``,+2`` for two more tags.

``!`` before a term, or after its colon, turns it round; after ``exit:``, ``age:`` and ``ended:``
it asks for another value than that: ``exit:!0`` are the jobs that failed with a code.
"""

from __future__ import annotations

from agent_exec.model.filter_terms import (
    COMPARED,
    MOMENTS,
    QUOTE,
    TESTS,
    FilterError,
    since,
)
from agent_exec.model.filter_texts import CUT, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec.model.filter_terms import JobFields, Test

# How much of a span may go by before it is looked again who has passed it, and how often at most.
_REFRESH_SHARE = 60
_MIN_REFRESH_S, _MAX_REFRESH_S = 1.0, 60.0


class Filter:
    """A compiled filter as of one moment; an empty one lets every job pass.

    Attributes:
        strangers: keys of no term, such as ``foo`` of ``foo:bar``: a plain word.
        refresh_s: after how long to ask again, of the filter of that moment, since jobs grow
            older; None: what it says stays true until a job changes.
    """

    __slots__ = ("_terms", "refresh_s", "strangers", "text")

    def __init__(self, text: str, terms: tuple[_Term, ...]) -> None:
        self.text = text
        self._terms = terms
        self.strangers = tuple(term.stranger for term in terms if term.stranger)
        spans = [term.span_s for term in terms if isinstance(term, _Since)]
        self.refresh_s = (
            min(max(min(spans) / _REFRESH_SHARE, _MIN_REFRESH_S), _MAX_REFRESH_S) if spans else None
        )

    def __bool__(self) -> bool:
        return bool(self._terms)

    def matches(self, job: JobFields) -> bool:
        """Whether every term holds for *job*."""
        return all(term.holds(job) for term in self._terms)

    def mask(self, jobs: Sequence[JobFields], before: list[bool] | None = None) -> list[bool]:
        """Say of each job whether every term holds for it, and *before* did; quick with many."""
        mask = [True] * len(jobs) if before is None else before
        for term in self._terms:
            mask = term.mask(jobs, mask)
        return mask

    def narrows(self, other: Filter) -> bool:
        """Whether it lets nothing pass that *other* does not; False in doubt."""
        pairs = zip(self._terms, other._terms, strict=False)
        return len(self._terms) >= len(other._terms) and all(a.implies(b) for a, b in pairs)


class _Term:
    """One condition and whether it is turned round.

    Attributes:
        stranger: what looks like a key and is none.
    """

    __slots__ = ("_is_negated", "_source", "_test")

    stranger = ""

    def __init__(self, test: Test, is_negated: bool, source: str) -> None:
        self._test = test
        self._is_negated = is_negated
        self._source = source

    def implies(self, other: _Term) -> bool:
        return self._source == other._source

    def holds(self, job: JobFields) -> bool:
        return self._test(job) is not self._is_negated

    def mask(self, jobs: Sequence[JobFields], before: list[bool]) -> list[bool]:
        test, unwanted = self._test, self._is_negated
        pairs = zip(before, jobs, strict=True)
        return [passed and test(job) is not unwanted for passed, job in pairs]


class _Word(_Term):
    """A plain word; without a function call a job, since it is tried at every key stroke."""

    __slots__ = ("_is_exact", "_parts", "_pieces", "_word", "stranger")

    def __init__(self, word: str, is_negated: bool) -> None:
        self._is_exact = word != word.lower()
        self._word = word
        # Around quotes stands what the record has as well: most jobs are out by that alone.
        seams = QUOTE in word or CUT in word
        bare = word.replace(CUT, QUOTE).replace('"', QUOTE) if seams else ""
        self._parts = [part for part in bare.split(QUOTE) if part] if seams else None
        self._pieces = word.split(CUT)
        key, colon, value = word.partition(":")
        is_stranger = colon and key.isascii() and key.isalpha() and not value.startswith("//")
        self.stranger = key if is_stranger else ""
        super().__init__(self._has, is_negated, f"{'!' if is_negated else ''}{word}")

    def implies(self, other: _Term) -> bool:
        if super().implies(other):
            return True
        if not isinstance(other, _Word) or self._is_negated or other._is_negated:
            return False
        return other._word in (self._word if other._is_exact else self._word.lower())

    def _has(self, job: JobFields) -> bool:
        text = job.text if self._is_exact else job.folded
        if self._parts is None or self._word in text:
            return self._word in text
        if not all(part in text for part in self._parts):
            return False
        shown = job.shown_text()
        return in_order(self._pieces, shown if self._is_exact else shown.lower())

    def mask(self, jobs: Sequence[JobFields], before: list[bool]) -> list[bool]:
        if self._parts is not None:
            return super().mask(jobs, before)
        word, unwanted = self._word, self._is_negated
        pairs = zip(before, jobs, strict=True)
        if self._is_exact:
            return [passed and (word in job.text) is not unwanted for passed, job in pairs]
        return [passed and (word in job.folded) is not unwanted for passed, job in pairs]


class _Since(_Term):
    """A comparison with the time since something happened.

    Attributes:
        span_s: what it is compared with.
    """

    __slots__ = ("span_s",)

    def __init__(self, test: Test, is_negated: bool, source: str, span_s: float) -> None:
        self.span_s = span_s
        super().__init__(test, is_negated, source)

    def implies(self, other: _Term) -> bool:
        return False  # what passes one moment need not pass the next


def compile_filter(text: str, now_s: float, *, home: str = "") -> Filter:
    """Make a filter of what a user typed.

    Args:
        text: as typed.
        now_s: seconds since 1970 at which ages are taken.
        home: the directory that ``~`` means; without one it means itself.

    Raises:
        FilterError: a term is malformed; its position is told.
    """
    terms = (_term_of(word, position, now_s, home) for word, position in _split(text))
    return Filter(text, tuple(terms))


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


def _term_of(term: str, position: int, now_s: float, home: str) -> _Term:
    is_negated = term.startswith("!")
    body = term[is_negated:]
    key, colon, value = body.partition(":")
    make = TESTS.get(key) if colon else None
    if make is None and not (colon and key in MOMENTS):
        return _Word(body, is_negated and bool(body))
    if value.startswith("!") and key not in COMPARED:
        is_negated, value = not is_negated, value[1:]
    if value in ("", "!"):
        raise FilterError(f"`{key}:` needs a value", position)
    if make is None:
        test, span_s = since(key, value, position, now_s)
        return _Since(test, is_negated, term, span_s)
    if key == "cwd" and home and (value == "~" or value.startswith("~/")):
        value = home.rstrip("/") + value[1:]
    return _Term(make(value, position), is_negated, term)
