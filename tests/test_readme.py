"""What the README tells is so: its examples run, its keys are the real ones, its files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_exec.errors import code_table
from support.programs import environment

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_a_python_example_prints_what_it_says(number: int, tmp_path: Path) -> None:
    code = PYTHON[number].replace("/tmp/my-jobs", str(tmp_path / "jobs"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    promised = re.findall(r"print\(.*\)\s+# (\S.*)", code)
    for text in promised:
        assert text in printed or text.startswith("what "), (text, printed)


def test_the_pictures_and_files_it_names_are_there() -> None:
    named = re.findall(r"\]\(([A-Za-z0-9./_-]+)\)", README)
    missing = [name for name in named if not (CHECKOUT / name).exists()]
    assert named
    assert missing == []


def test_its_keys_are_the_action_tables() -> None:
    from agent_exec_tui.keymap import key_table

    between = re.search(r"<!-- keys:[^\n]*-->\n(.*?)<!-- /keys -->", README, re.DOTALL)
    assert between
    assert between[1].strip() == key_table().strip()


def test_its_settings_are_understood(tmp_path: Path) -> None:
    from agent_exec_tui.settings import load_settings

    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    folder = tmp_path / "agent-exec"
    folder.mkdir()
    (folder / "tui.toml").write_text(example)
    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})
    assert settings.problems == ()
    assert settings.theme == "terminal"
    assert settings.keys == {"job.start": ("s", "f5")}


def test_the_table_of_error_codes_is_the_codes_own() -> None:
    lines = ["| code | when | exit status | try again |", "|---|---|---|---|"]
    lines += [
        f"| `{code}` | {when.replace('``', '`')} | {status} | {'yes' if again else 'no'} |"
        for code, when, status, again in code_table()
    ]
    assert "\n".join(lines) in README
