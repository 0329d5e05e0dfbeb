"""The root is found in the documented order; a bad config names file and key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_exec.errors import ConfigError, UnsafeRootError
from agent_exec.store.config import AutoGcConfig, config_path, load_config
from agent_exec.store.root import ensure_root, require_own_root, resolve_root, root_warnings


def test_the_flag_wins_over_everything() -> None:
    assert resolve_root("/flag", {"AGENT_EXEC_ROOT": "/env"}) == "/flag"


def test_an_empty_flag_is_the_current_directory() -> None:
    assert resolve_root("", {"AGENT_EXEC_ROOT": "/env"}) == os.getcwd()


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"AGENT_EXEC_ROOT": "/env", "XDG_DATA_HOME": "/xdg"}, "/env"),
        ({"AGENT_EXEC_ROOT": "", "XDG_DATA_HOME": "/xdg"}, "/xdg/agent-exec/jobs"),
        ({"XDG_DATA_HOME": "", "HOME": "/h"}, "/h/.local/share/agent-exec/jobs"),
    ],
)
def test_the_environment_names_the_root(environ: dict[str, str], root: str) -> None:
    assert resolve_root(None, environ) == root


def test_a_relative_root_becomes_absolute() -> None:
    assert resolve_root("jobs", {}) == str(Path.cwd() / "jobs")


def test_a_root_others_can_write_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert "can be written by others" in root_warnings(str(tmp_path))[0]
    tmp_path.chmod(0o1777)
    assert "put into jobs root" in root_warnings(str(tmp_path))[0]
    tmp_path.chmod(0o700)
    assert root_warnings(str(tmp_path)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_root_of_another_user_is_not_written(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(UnsafeRootError, match="belongs to user 12345"):
        require_own_root(str(tmp_path))
    assert "only read" in root_warnings(str(tmp_path))[0]


def test_the_config_lies_in_an_absolute_xdg_directory_only() -> None:
    assert config_path("/c", {}) == "/c"
    assert config_path(None, {"XDG_CONFIG_HOME": "/x"}) == "/x/agent-exec/config.toml"
    relative = {"XDG_CONFIG_HOME": "x", "HOME": "/h"}
    assert config_path(None, relative) == "/h/.config/agent-exec/config.toml"


def test_a_missing_config_gives_the_defaults(tmp_path: Path) -> None:
    config = load_config(str(tmp_path / "none.toml"))
    assert config.shell_wrapper is None
    assert config.gc == AutoGcConfig()


def test_all_keys_are_read_and_unknown_ones_ignored(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[shell]\nunix = ["bash", "-c"]\n[gc]\nauto = false\nolder_than = "1d"\nmax_jobs = 3\n'
        "max_bytes = 4\nscan_limit = 5\ndelete_limit = 6\n[logs]\nmax_bytes = 7\n[other]\nx = 1\n"
    )
    config = load_config(str(path))
    assert config.shell_wrapper == ("bash", "-c")
    assert config.gc == AutoGcConfig(
        auto=False, older_than="1d", max_jobs=3, max_bytes=4, scan_limit=5, delete_limit=6
    )
    assert config.log_max_bytes == 7


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[gc", "parse config file"),
        ("[gc]\nauto = 1", "gc.auto"),
        ("[gc]\nmax_jobs = -1", "gc.max_jobs"),
        ("[shell]\nunix = 'sh'", "shell.unix"),
        ("gc = 3", "`gc`"),
        (b"\xff", "parse config file"),
    ],
)
def test_a_bad_config_is_an_error_with_file_and_key(
    tmp_path: Path, content: str | bytes, named: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=named) as caught:
        load_config(str(path))
    assert str(path) in str(caught.value)


def test_a_directory_as_config_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(str(tmp_path))


@pytest.mark.parametrize("umask", [0o777, 0o477, 0o177])
def test_a_new_root_is_its_user_s_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        ensure_root(str(tmp_path / "a" / "b" / "root"))
    finally:
        os.umask(before)
    modes = [(tmp_path / each).stat().st_mode & 0o700 for each in ("a", "a/b", "a/b/root")]
    assert modes == [0o700] * 3


def test_nobody_else_may_write_to_what_was_made_above_a_new_root(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ensure_root(str(tmp_path / "a" / "b" / "root"))
    finally:
        os.umask(before)
    modes = [(tmp_path / each).stat().st_mode & 0o777 for each in ("a", "a/b", "a/b/root")]
    assert modes == [0o755, 0o755, 0o700]
