"""What ``doctor`` and ``info`` say of the dashboard is what the dashboard does."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_exec.commands.check import Verdict
from agent_exec.commands.doctor import DoctorReport, diagnose
from agent_exec.commands.doctor_terminal import check_terminal
from agent_exec.store.jobs import JobStore
from agent_exec.store.places import settings_path
from agent_exec_tui.settings import is_utf8, load_settings


@pytest.mark.parametrize("variable", ["LC_ALL", "LC_CTYPE", "LANG"])
@pytest.mark.parametrize(
    "value", ["", "C", "en_US", "POSIX", "C.UTF-8", "en_GB.utf8", "de_DE.ISO-8859-1", "ja_JP.eucJP"]
)
def test_both_take_a_locale_for_the_same(variable: str, value: str) -> None:
    environ = {variable: value}
    (found,) = [
        check for check in check_terminal(environ, has_terminal=True) if check.name == "characters"
    ]
    assert (found.verdict is Verdict.OK) is is_utf8(environ)


def test_the_settings_are_where_info_says(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LANG": "C.UTF-8"}
    path = Path(settings_path(environ))
    path.parent.mkdir(parents=True)
    path.write_text("read_only = true\n")
    assert load_settings(environ).read_only


def test_settings_without_meaning_are_not_called_right(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    path = Path(settings_path(environ))
    path.parent.mkdir(parents=True)
    path.write_text('theme = "nope"\nfoo = 1\n')
    assert len(load_settings(environ).problems) == 2
    report = diagnose(JobStore(tmp_path / "jobs"), environ=environ)
    assert isinstance(report, DoctorReport)
    found = [check for check in report.checks if check.name == "tui.toml"]
    assert {(check.verdict, check.finding) for check in found} == {
        ("warn", problem) for problem in load_settings(environ).problems
    }
