"""info, doctor, settings check: about the program itself and what it needs."""

from __future__ import annotations

import os

from agent_exec.cli.call import write_stdout
from agent_exec.cli.grammar import Option, Positional, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments
    from agent_exec.commands.doctor import DoctorReport
    from agent_exec.commands.settings_check import SettingsProblem

_EXIT_FAILS = 1
_NAME_WIDTH = 24
_MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def _info() -> Verb:
    return Verb(
        "info", _run_info,
        "Say which versions these are and where the program keeps what: jobs, configuration, "
        "the dashboard's settings, state and log, the listing's cache, the trash.",
    )  # fmt: skip


def _doctor() -> Verb:
    return Verb(
        "doctor", _run_doctor,
        "Check what jobs and the dashboard need: the terminal, the root, file events, the "
        "supervisor (by running a real job elsewhere), the settings. Each check is ok, warn or "
        "fail, with the way out. Exits with 1 when one fails.",
        ("Output", (Option("--text", None, "Answer with a table for people instead of JSON"),)),
        examples=("doctor --text",),
    )  # fmt: skip


def _settings_check() -> Verb:
    return Verb(
        "settings check", _run_settings_check,
        "Say which settings cannot be used: the line, the key and what is allowed. Without FILE "
        "the program's own config.toml and tui.toml are looked at. Exits with 1 when there is "
        "something to correct.",
        ("Output", (Option("--text", None, "Answer with lines for people instead of JSON"),)),
        positional=Positional("FILE", "A file of settings; one named config.toml is the jobs'",
                              least=0, hints="path"),
        examples=("settings check --text",),
    )  # fmt: skip


VERBS = {"info": _info, "doctor": _doctor, "settings check": _settings_check}


def _run_info(_arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.info import program_info

    call.answer(program_info(call.store(), environ=call.environ))
    return 0


def _run_doctor(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.doctor import diagnose

    report = diagnose(
        call.store(), environ=call.environ, has_terminal=os.isatty(0) and os.isatty(2)
    )
    if arguments.flag("--text"):
        write_stdout(_table(report).encode(errors="replace"))
    else:
        call.answer(report)
    return _EXIT_FAILS if report.verdict == "fail" else 0


def _run_settings_check(arguments: Arguments, call: Call) -> int:
    from agent_exec.commands.settings_check import check_settings

    words = arguments.texts("FILE")
    found = check_settings(words[0] if words else None, environ=call.environ)
    if arguments.flag("--text"):
        lines = [_told(problem) for problem in found.problems]
        lines += [f"{path}: every setting can be used" for path in found.files
                  if path not in {problem.path for problem in found.problems}]  # fmt: skip
        lines = lines or ["no file of settings is there: defaults"]
        write_stdout("".join(f"{_safe(line)}\n" for line in lines).encode(errors="replace"))
    else:
        call.answer(found)
    return _EXIT_FAILS if found.problems else 0


def _told(problem: SettingsProblem) -> str:
    line = f":{problem.line}" if problem.line else ""
    key = f"{problem.key}: " if problem.key else ""
    return f"{problem.path}{line}: {key}{problem.allowed}"


def _table(report: DoctorReport) -> str:
    lines: list[str] = []
    area = ""
    for check in report.checks:
        if check.area != area:
            area = check.area
            lines += ["", area] if lines else [area]
        lines.append(f"  {_MARKS[check.verdict]}  {check.name:<{_NAME_WIDTH}}  {check.finding}")
        if check.advice and check.verdict != "ok":
            lines.append(f"        {'':<{_NAME_WIDTH}}  > {check.advice}")
    counts = [str(sum(check.verdict == word for check in report.checks)) for word in _MARKS]
    lines += ["", f"{counts[0]} ok, {counts[1]} to think about, {counts[2]} failing"]
    return "".join(f"{_safe(line)}\n" for line in lines)


def _safe(line: str) -> str:
    """Nothing a path or a variable holds may steer the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
