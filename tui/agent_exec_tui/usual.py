"""What a command line need not say here: the root, the shell and the log limit it goes by anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.errors import AgentExecError
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER
from agent_exec.store.config import config_path, load_config
from agent_exec.store.root import ROOT_VARIABLE, resolve_root
from agent_exec_tui.command_line import Usual

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT_VARIABLES = (ROOT_VARIABLE, "XDG_DATA_HOME")


def root_words(root: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name a root on a command line, unless it is the default of every shell.

    A line is pasted elsewhere, or run tomorrow: what only this environment says, it must say.
    """
    is_default = root == resolve_root(None, environ)
    if is_default and not any(environ.get(name) for name in _ROOT_VARIABLES):
        return ()
    return ("--root", root)


def usual_here(root: str, environ: Mapping[str, str]) -> Usual:
    """Look up what a line need not say; a config.toml that cannot be used says nothing."""
    words = root_words(root, environ)
    try:
        config = load_config(config_path(None, environ))
    except AgentExecError:
        return Usual(root=words)
    return Usual(
        root=words,
        shell_wrapper=config.shell_wrapper or DEFAULT_SHELL_WRAPPER,
        log_max_bytes=config.log_max_bytes,
    )
