"""How a job's command is started through its shell with the environment that is its own."""

from __future__ import annotations

import os

from agent_exec.errors import InvalidArgumentError
from agent_exec.model.job import DEFAULT_SHELL_WRAPPER
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.model.shell import (
    CARRIED_VARIABLE,
    KEEPS_ANY_NAME,
    arguments_of,
    is_shell_name,
    restoring,
    shell_of,
)
from agent_exec.store import story

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from agent_exec.model.shell import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellStart:
    """What is handed to the shell.

    Attributes:
        arguments: the argv.
        environment: the shell's; the command's own comes out of it.
        sink_environment: what notification commands' shells get, and
        sink_prologue: what stands before each of those.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    sink_environment: Mapping[str, str]
    sink_prologue: str


def start_through_shell(
    wrapper: tuple[str, ...],
    command: tuple[str, ...],
    environment: dict[str, str],
    explicit: Collection[str],
    environ: Mapping[str, str],
) -> ShellStart:
    """Build the command line and the environment of one launch.

    Args:
        wrapper: program and flags that get the command.
        command: the job's.
        environment: the job's whole; added to.
        explicit: which keys of it were given for this job.
        environ: what notification commands get.
    """
    shell = shell_of(wrapper)
    own = restoring(shell, environment, explicit)
    carrier: tuple[str, ...] = ()
    odd = [key for key in environment if not is_shell_name(key)]
    if odd and shell is not None and _drops_odd_names(shell, environment.get("PATH")):
        if len(command) > 1:
            from agent_exec.process.spawn import program_words  # few variables have such names

            carrier = program_words("carry.py")
            for number, key in enumerate(odd):
                environment[f"{CARRIED_VARIABLE}{number}"] = f"{key}={environment.pop(key)}"
        elif lost := [key for key in odd if key in explicit]:
            told = story.logger(__name__)
            told.warning("%s drops variables of such names: %s", shell.program, lost)
    sinks = restoring(shell, environ, ())
    sink_environment = {**environ, **sinks.variables} if sinks.variables else environ
    environment.update(own.variables)
    return ShellStart(
        arguments=arguments_of(wrapper, command, own.prologue, carrier),
        environment=environment,
        sink_environment=sink_environment,
        sink_prologue=sinks.prologue,
    )


def require_carried(
    wrapper: Sequence[str] | None,
    command: Sequence[str],
    keys: Iterable[str],
    environment: Mapping[str, str],
) -> None:
    """Let only variables pass that reach the command.

    Args:
        wrapper: program and flags that get the command; None is the default.
        command: the job's.
        keys: those of ``--env``. An env file may hold more than a job needs.
        environment: where the shell is looked for.

    Raises:
        InvalidArgumentError: a line for a shell that drops a variable of such a name.
    """
    odd = [key for key in keys if not is_shell_name(key)]
    shell = shell_of(wrapper or DEFAULT_SHELL_WRAPPER) if odd and len(command) == 1 else None
    if shell is not None and _drops_odd_names(shell, environment.get("PATH")):
        raise InvalidArgumentError(
            f"a line for {shell.program} cannot be given the variable {odd[0]!r}: that shell drops "
            "what is no name to it; give the program and its arguments as words of their own, "
            "or --shell-wrapper 'bash -lc'"
        )


def _drops_odd_names(shell: Shell, path: str | None) -> bool:
    """Whether a shell hands on only what is a name to it; ``sh`` is another on each system."""
    for directory in (os.defpath if path is None else path).split(":"):
        found = os.path.join(directory, shell.program)  # an absolute one stays as it is
        if os.access(found, os.X_OK):
            return os.path.basename(os.path.realpath(found)) not in KEEPS_ANY_NAME
    return shell.name not in KEEPS_ANY_NAME
