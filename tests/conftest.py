"""What every test run shares: the table of faults, when any were provoked."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _log_as_a_library_does() -> Iterator[None]:
    """Forget how a command called within this process had its story shown."""
    from agent_exec.store import story

    yield
    story.before_telling(lambda: None)
    logger = logging.getLogger("agent_exec")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What ``-n auto`` means: a third of a test is waiting, but those that measure need a core."""
    cores = os.cpu_count() or 1
    return cores if config.option.markexpr in ("faults", "peer") else cores + 1


def _get_every_signal() -> None:
    """Let tests and what they start get signals, also where a shell began them in the background.

    It ignores INT and QUIT for what it puts there, `nohup` HUP, and every child inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    _get_every_signal()
    if not hasattr(config, "workerinput"):
        from support.compiled import compile_sources

        compile_sources()
    config.addinivalue_line("markers", "row(*names): which faults of faults/rows.py it provokes")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _tell_faults(terminalreporter)
    _tell_pairs(terminalreporter)


def _tell_pairs(terminalreporter: pytest.TerminalReporter) -> None:
    from interop.pairs import pair_lines

    outcomes = {
        word: [report.nodeid for report in terminalreporter.stats.get(word, [])]
        for word in ("passed", "failed")
    }
    lines = pair_lines(outcomes)
    if lines:
        terminalreporter.section("pairs of programs")
        for line in lines:
            terminalreporter.write_line(line)


def _tell_faults(terminalreporter: pytest.TerminalReporter) -> None:
    # Here and not in faults/: the process that sums up parallel runs collects no tests itself.
    from faults.table import table_lines, verdicts_of

    found = verdicts_of(terminalreporter.stats)
    if not found:
        return
    terminalreporter.section("faults")
    for line in table_lines(found):
        terminalreporter.write_line(line)
    words = [verdict.word for verdict in found.values()]
    counts = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
    terminalreporter.write_line(f"{len(words)} faults: {counts}")
