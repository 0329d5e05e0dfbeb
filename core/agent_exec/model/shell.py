"""What a shell wrapper makes of a job's environment, and how the job gets its own back.

A login shell reads profiles before its command line, and on most systems the first of them sets
PATH anew: a virtual environment's programs are not found, an explicit ``--env PATH`` is void.
And dash hands no variable on whose name is none to it, such as bash's exported functions.

So what is the job's own lies beside it in the shell's environment, under names no profile
knows, with a few lines in the shell's language that bring it back: values are never on a command
line, and a wrapper through which no environment passes, such as ``docker exec``, finds nothing
there and does nothing.
"""

from __future__ import annotations

from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESTORE_VARIABLE = "AGENT_EXEC_RESTORE"
PATH_VARIABLE = "AGENT_EXEC_PATH"  # fish splits what is called so at its colons
VALUE_VARIABLE = "AGENT_EXEC_VALUE_"
CARRIED_VARIABLE = "AGENT_EXEC_CARRIED_"
PROLOGUE = 'eval "${AGENT_EXEC_RESTORE-}"; '
FISH_PROLOGUE = 'eval "$AGENT_EXEC_RESTORE"; '

_POSIX = frozenset({"sh", "dash", "ash", "bash", "ksh", "mksh", "zsh"})
_SHELLS = _POSIX | {"fish"}
KEEPS_ANY_NAME = frozenset({"bash", "rbash", "zsh", "fish"})
# A shell's own: it sets them itself, and what they are to it would change the command.
_SHELLS_OWN = frozenset(
    {"_", "EUID", "IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PWD", "RANDOM", "SECONDS",
     "SHLVL", "UID"}
)  # fmt: skip

# The shell holds each twice, and the kernel gives all of them 2 MB at most, and one 128 KB.
_MAX_RESTORED = 1000
_MAX_CHARS = 512 * 1024

# The profiles' PATH comes behind the job's own: what only they know stays to be found.
_MERGE_PATH = """\
AGENT_EXEC_REST=${PATH-}:
while [ -n "$AGENT_EXEC_REST" ]; do
AGENT_EXEC_NEXT=${AGENT_EXEC_REST%%:*}
AGENT_EXEC_REST=${AGENT_EXEC_REST#*:}
case ":${AGENT_EXEC_PATH}:" in
*":${AGENT_EXEC_NEXT}:"*) ;;
*) [ -z "$AGENT_EXEC_NEXT" ] || AGENT_EXEC_PATH="${AGENT_EXEC_PATH}:${AGENT_EXEC_NEXT}" ;;
esac
done
"""
# A profile that traces would write the values into the job's log.
_QUIETLY = "{ AGENT_EXEC_FLAGS=$-; set +x; } 2>/dev/null\n"
_AS_BEFORE = 'case "$AGENT_EXEC_FLAGS" in *x*) unset AGENT_EXEC_FLAGS; set -x ;; '
_AS_BEFORE += "*) unset AGENT_EXEC_FLAGS ;; esac\n"
_MERGE_PATH_IN_FISH = """\
for AGENT_EXEC_NEXT in $PATH
contains -- $AGENT_EXEC_NEXT $AGENT_EXEC_PATH
or set -g AGENT_EXEC_PATH $AGENT_EXEC_PATH $AGENT_EXEC_NEXT
end
set -gx PATH $AGENT_EXEC_PATH
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """The shell at a wrapper's end.

    Attributes:
        program: as the wrapper names it.
        name: its last component.
        reads_files: whether it may run files of the user's or the system's before the command.
    """

    program: str
    name: str
    reads_files: bool


@dataclass(frozen=True, slots=True)
class Restoring:
    """How a command gets its own environment back.

    Attributes:
        prologue: stands before the command in the shell's script; empty where nothing does.
        variables: what comes on top of the shell's environment, and is gone from the command's.
    """

    prologue: str
    variables: dict[str, str]


NOTHING_RESTORED = Restoring("", {})


def shell_of(wrapper: Sequence[str]) -> Shell | None:
    """Find the shell that a wrapper ends with; None for anything else that takes a command."""
    for index in range(len(wrapper) - 2, -1, -1):
        name = wrapper[index].rpartition("/")[2]
        if name in _SHELLS:
            flags = wrapper[index + 1 :]
            break
    else:
        return None
    letters = "".join(word[1:] for word in flags if word.startswith("-") and word[1:2] != "-")
    if "c" not in letters or not flags[-1].startswith("-"):
        return None
    reads_files = (
        name in ("zsh", "fish")
        or not {"l", "i"}.isdisjoint(letters)
        or "--login" in flags
        or "--interactive" in flags
    )
    return Shell(wrapper[index], name, reads_files)


def is_shell_name(key: str) -> bool:
    """Whether every shell takes *key* for the name of a variable."""
    return key.isascii() and key.isidentifier()


def restoring(
    shell: Shell | None, environment: Mapping[str, str], explicit: Iterable[str]
) -> Restoring:
    """Say how a command gets back what the files that its shell reads may have changed.

    Args:
        shell: the wrapper's.
        environment: the job's whole.
        explicit: keys that were given for this job; their values stand as they are.
    """
    if shell is None or not shell.reads_files:
        return NOTHING_RESTORED
    given = [key for key in explicit if is_shell_name(key) and key not in _SHELLS_OWN]
    if len(given) > _MAX_RESTORED or sum(len(environment[key]) for key in given) > _MAX_CHARS:
        given = ["PATH"] if "PATH" in given else []
    variables = {f"{VALUE_VARIABLE}{number}": environment[key] for number, key in enumerate(given)}
    merges_path = "PATH" not in given and bool(environment.get("PATH"))
    if not variables and not merges_path:
        return NOTHING_RESTORED
    if merges_path:
        variables[PATH_VARIABLE] = environment["PATH"]
    is_fish = shell.name == "fish"
    code = (_fish_code if is_fish else _posix_code)(shell, given, merges_path)
    return Restoring(FISH_PROLOGUE if is_fish else PROLOGUE, {**variables, RESTORE_VARIABLE: code})


def _posix_code(shell: Shell, given: Sequence[str], merges_path: bool) -> str:
    # `command`: one that a profile made read-only must not end the shell; it says so on stderr.
    export = "export" if shell.name == "zsh" else "command export"
    lines = [_QUIETLY]
    names = [RESTORE_VARIABLE]
    if merges_path:
        names += [PATH_VARIABLE, "AGENT_EXEC_REST", "AGENT_EXEC_NEXT"]
        lines += [_MERGE_PATH, _export(shell, export, "PATH", PATH_VARIABLE)]
    for number, key in enumerate(given):
        names.append(f"{VALUE_VARIABLE}{number}")
        lines.append(_export(shell, export, key, names[-1]))
    return "".join([*lines, f"unset {' '.join(names)}\n", _AS_BEFORE])


def _export(shell: Shell, export: str, key: str, variable: str) -> str:
    unlock = f"typeset +r {key} 2>/dev/null || :\n" if shell.name == "zsh" else ""
    return f'{unlock}{export} "{key}=${{{variable}}}" || :\n'


def _fish_code(shell: Shell, given: Sequence[str], merges_path: bool) -> str:
    lines = [_MERGE_PATH_IN_FISH] if merges_path else []
    names = [RESTORE_VARIABLE, PATH_VARIABLE, "AGENT_EXEC_NEXT"]
    for number, key in enumerate(given):
        names.append(f"{VALUE_VARIABLE}{number}")
        lines.append(f'set -gx {key} "${names[-1]}"\n')
    return "".join([*lines, f"set -e {' '.join(names)}\n"])


def arguments_of(
    wrapper: Sequence[str],
    command: Sequence[str],
    prologue: str = "",
    carrier: Sequence[str] = (),
) -> tuple[str, ...]:
    """The argv of a job: one word is a script for the wrapper, more are handed over as is.

    Args:
        wrapper: program and flags that get the command.
        command: the job's.
        prologue: see ``Restoring``.
        carrier: the words of a program that starts the command with variables the shell dropped.
    """
    if len(command) == 1:
        return (*wrapper, prologue + command[0])
    if prologue == FISH_PROLOGUE:
        return (*wrapper, f"{prologue}exec $argv", "--", *carrier, *command)
    return (*wrapper, f'{prologue}exec "$@"', "--", *carrier, *command)
