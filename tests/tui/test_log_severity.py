"""Which lines look like errors and warnings."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_exec_tui.log_severity import Severity, error_lines, severity_of, severity_words
from support.hostile_text import hostile_text
from support.severity_corpus import ERRORS, HARMLESS


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        (b"ValueError: bad", True),
        (b"E   AssertionError", True),
        (b"error[E0308]: mismatched types", True),
        (b"make: *** [all] Error 2", True),
        (b"Traceback (most recent call last):", True),
        (b"FAILED tests/test_x.py", True),
        (b"thread 'main' panicked at src/main.rs", True),
        (b"2 passed, 1 failed", True),
        (b"\x1b[31mERROR\x1b[0m boom", True),
        (b"0 errors, 0 failures", False),
        (b"no errors found", False),
        (b"errors: 0", False),
        (b"0 errors, 3 failed", True),
        (b"terror and mirrors", False),
        (b"compiled error_handler.c", False),
    ],
)
def test_error_looking_lines(line: bytes, is_error: bool) -> None:
    assert bool(error_lines().count_lines(b"before\n" + line + b"\nafter\n")) is is_error


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("warning: 2 deprecations", Severity.WARNING),
        ("  PytestConfigWarning: unknown option", Severity.WARNING),
        ("2026-01-01 WARN disk is slow", Severity.WARNING),
        ("npm WARN deprecated left-pad@1.0.0", Severity.WARNING),
        ("src/main.c:3:5: warning: unused variable 'error'", Severity.ERROR),
        ("0 warnings", None),
        ("Warnings: 0", None),
        ("no warnings, 1 deprecation", Severity.WARNING),
        ("swarming about", None),
        ("warning: it failed", Severity.ERROR),
        ("0 errors, 1 warning", Severity.WARNING),
        ("", None),
        ("x" * 5000 + " error", None),
    ],
)
def test_how_bad_a_line_looks(line: str, severity: Severity | None) -> None:
    assert severity_of(line) is severity


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    assert severity_of(text) in (None, *Severity)


@settings(deadline=None)
@given(hostile_text(4096))
def test_hostile_text_has_an_answer_soon(text: str) -> None:
    begun_s = time.thread_time()
    severity = severity_of(text)
    error_lines().count_lines(text.encode() * 8)
    words = severity_words(text, severity) if severity else []
    assert time.thread_time() - begun_s < 0.3
    assert all(0 <= begin <= end <= len(text) for begin, end in words)


@pytest.mark.parametrize("line", ERRORS)
def test_what_programs_print_when_something_is_wrong_is_stopped_at(line: str) -> None:
    assert severity_of(line) is Severity.ERROR
    assert severity_words(line, Severity.ERROR)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_sounds_like_an_error_is_passed_by(line: str) -> None:
    assert severity_of(line) is not Severity.ERROR
    assert severity_words(line, Severity.ERROR) == []


def test_only_the_word_is_marked_not_what_is_harmless_beside_it() -> None:
    line = "żółw: 0 errors, java.io.IOException: 1 failed"
    words = [line[begin:end] for begin, end in severity_words(line, Severity.ERROR)]
    assert words == ["IOException", "failed"]


def test_a_log_of_many_lines_has_the_errors_that_its_lines_have() -> None:
    data = "\n".join(line for pair in zip(HARMLESS, ERRORS, strict=False) for line in pair) + "\n"
    assert error_lines().count_lines(data.encode()) == len(HARMLESS)


@pytest.mark.parametrize(
    "unit",
    [
        "0 errors ",
        "error ",
        "error-",
        "x.error.",
        "errors/",
        " PASSED",
        "--error",
        "error=",
        "-",
        "ok 1 ",
        "on error ",
    ],
)
def test_the_time_for_a_hostile_line_is_bounded(unit: str) -> None:
    line = (unit * 5000).encode()
    started = time.thread_time()
    error_lines().count_lines((line + b"\n") * 20)
    assert time.thread_time() - started < 0.5
