from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_exec_tui.recents import Submitted
from agent_exec_tui.settings import AttentionSettings, Settings, load_settings
from agent_exec_tui.settings_file import parse_settings
from agent_exec_tui.state import KeptState, for_root, load_state, save_state
from agent_exec_tui.widgets.job_columns import Field, WidthClass


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "agent-exec").mkdir()
    return tmp_path / "agent-exec" / "tui.toml"


def load(config: Path, **environ: str) -> Settings:
    return load_settings({"XDG_CONFIG_HOME": str(config.parent.parent), **environ})


def test_no_file_is_no_problem(config: Path) -> None:
    assert load(config, LANG="C.UTF-8") == Settings()


def test_settings_are_taken_over(config: Path) -> None:
    config.write_text(
        'theme = "nord"\nascii = true\nread_only = true\nusage = false\nseverity = false\n'
        '[attention]\noutput = false\nsilent_s = 90\n[notify]\nbell = false\n[keys]\n"job.start" = "B"\njob.add = ["+x", "I"]\n'
    )
    settings = load(config)
    assert (settings.theme, settings.ascii, settings.read_only) == ("nord", True, True)
    assert not settings.shows_usage
    assert not settings.shows_severity
    assert not settings.notify.bell
    assert settings.attention == AttentionSettings(output=False, silent_s=90)
    assert settings.keys["job.start"] == ("B",)


def test_mistakes_are_told_with_line_and_key_and_cost_only_themselves(config: Path) -> None:
    config.write_text('theme = "nord"\nread_only = "perhaps"\nno_such = 1\n')
    settings = load(config)
    assert settings.theme == "nord"
    assert not settings.read_only
    text = "\n".join(settings.problems)
    assert "tui.toml:2: read_only" in text
    assert "tui.toml:3: no_such: no such setting" in text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('theme = "nord"\n[keys]\n"job.add" = "I"\n"job.start" = "^i"\n', 4),
        ('[keys]\njob.add = "I"\njob.start = "^i"\n', 3),
        ('keys.job.add = "I"\nkeys.job.start = "^i"\ntheme = "nord"\n', 2),
        ('[keys.job]\nadd = "I"\nstart = [\n  "^i",\n]\n', 3),
        ('[keys]\njob = {add = "I", start = "^i"}\n', 2),
        ('[notify]\nbell = true\n\n[keys]\n"job.start" = "^i"\n', 5),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_its_line(
    config: Path, text: str, line: int
) -> None:
    config.write_text(text)
    assert load(config).problems == (f"{config}:{line}: keys.job.start: ^i is tab",)


def test_columns_are_chosen_by_width_and_a_mistake_in_one_class_costs_only_that(
    config: Path,
) -> None:
    config.write_text(
        'theme = "nord"\n[columns]\nnarrow = []\nmedium = ["age", "command", "pid"]\n'
        'wide = ["id", "colour"]\nfull = ["id", "id"]\nany = ["memory"]\nhuge = ["id"]\n'
    )
    settings = load(config)
    assert settings.theme == "nord"
    assert settings.columns == {
        WidthClass.NARROW: (),
        WidthClass.MEDIUM: (Field.AGE, Field.COMMAND, Field.PID),
        WidthClass.WIDE: (Field.MEMORY,),
        WidthClass.FULL: (Field.MEMORY,),
    }
    wide, full, huge = settings.problems
    assert "tui.toml:5: columns.wide: no column 'colour'; there are state, id, started" in wide
    assert "tui.toml:6: columns.full: 'id' is named twice" in full
    assert "tui.toml:8: columns.huge: " in huge


@pytest.mark.parametrize("text", ["theme = ", "\x00", 'keys = "x"\n', "[keys]\nx = 3\n"])
def test_a_broken_file_is_told_and_never_fatal(config: Path, text: str) -> None:
    config.write_text(text)
    settings = load(config)
    assert settings.problems
    assert settings.theme == Settings().theme


def test_a_value_with_two_flaws_is_told_once_and_costs_only_itself(config: Path) -> None:
    config.write_text('ascii = 5\n[columns]\nwide = [1, 2]\nnarrow = ["id"]\n')
    settings = load(config)
    of_ascii, of_wide = settings.problems
    assert "tui.toml:1: ascii: " in of_ascii
    assert "tui.toml:3: columns.wide: " in of_wide
    assert settings.columns == {WidthClass.NARROW: (Field.ID,)}


def test_an_unknown_theme_is_named(config: Path) -> None:
    config.write_text('mouse = false\ntheme = "sepia"\n')
    settings = load(config)
    (problem,) = settings.problems
    assert f"{config}:2: theme: no theme 'sepia'; there are terminal, " in problem
    assert "none, " in problem
    assert "nord, " in problem
    assert (settings.theme, settings.mouse) == (Settings().theme, False)
    (problem,) = load_settings({"XDG_CONFIG_HOME": "/nowhere"}, theme="sepia").problems
    assert "--theme: no theme 'sepia'; there are terminal, " in problem


def test_a_theme_chosen_the_last_time_is_used_where_nobody_says_otherwise(config: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(config.parent.parent)}
    config.write_text("mouse = false\n")
    assert load_settings(environ, last_theme="nord").theme == "nord"
    assert load_settings(environ, last_theme="terminal").is_terminal_native
    assert load_settings(environ, last_theme="gone") == load(config)
    assert load_settings(environ, last_theme="nord", theme="dracula").theme == "dracula"
    assert load_settings({**environ, "NO_COLOR": "1"}, last_theme="nord").has_no_colour
    config.write_text('theme = "textual-dark"\n')
    assert load_settings(environ, last_theme="nord").theme == "textual-dark"


def test_no_color_stands_over_the_file_and_the_command_line_over_both(config: Path) -> None:
    config.write_text('theme = "nord"\n')
    assert load(config, NO_COLOR="1").has_no_colour
    environ = {"XDG_CONFIG_HOME": str(config.parent.parent), "NO_COLOR": "1"}
    assert load_settings(environ, theme="terminal").textual_theme == "ansi-dark"


@pytest.mark.parametrize(
    ("environ", "ascii"),
    [({"LANG": "C"}, True), ({"LANG": "en_US.ISO-8859-1"}, True), ({"LANG": "C.UTF-8"}, False),
     ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True), ({}, False)],
)  # fmt: skip
def test_a_poor_locale_gets_ascii(config: Path, environ: dict[str, str], ascii: bool) -> None:
    assert load(config, **environ).ascii is ascii


def test_the_state_comes_back_as_it_was_left(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "state.json")
    state = KeptState(
        sort="exit",
        is_reversed=True,
        tab="Failed",
        filter_text="x",
        percent=40,
        follows_newest=True,
        theme="nord",
        recents=(Submitted(command="make | tee log", is_shell=True, tags="ci", at_s=1.5),),
    )
    save_state(path, state)
    assert load_state(path) == state
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"sort": "no such", "tab": 3, "percent": 2000, "filter_text": null}',
        '{"recents": [1, {}, {"command": 3}, {"command": "a \'b"}, {"command": "a", "env": "K=v"}]}',
    ],
)
def test_a_damaged_state_is_as_if_there_were_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert load_state(str(path)) == KeptState()


def test_a_filter_is_kept_for_the_jobs_it_was_typed_for() -> None:
    state = KeptState(root="/a", sort="command", tab="Failed", filter_text="x", job_id="1")
    assert for_root(state, "/a") == state
    assert for_root(state, "/b") == KeptState(root="/b", sort="command")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('ascii = "yes"', 'ascii: must be true, false or "auto"'),
        ("mouse = 1", "mouse: must be true or false, without quotes"),
        ('usage = "on"', "usage: must be true or false, without quotes"),
        ("theme = 3", "theme: must be text in quotes"),
        ("notify = 3", "notify: must be a table"),
    ],
)
def test_a_mistake_is_told_in_plain_words_with_what_is_allowed(line: str, why: str) -> None:
    (problem,) = parse_settings("/x/tui.toml", line.encode(), is_ascii=False).problems
    assert problem.startswith(f"/x/tui.toml:1: {why}")


@pytest.mark.parametrize("content", [b"a = " + b"[" * 50_000, b"a = " + b"1" * 6000, b"\xff"])
def test_a_file_built_to_exhaust_the_reader_is_a_problem_and_no_more(content: bytes) -> None:
    from agent_exec_tui.settings_file import parse_settings

    settings = parse_settings("tui.toml", content, is_ascii=False)
    assert settings.problems[0].startswith("tui.toml: ")
