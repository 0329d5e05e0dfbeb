"""Which verbs there are; each is built only when it is the one that is wanted."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.grammar import Verb

# In the order in which help tells them: the life of a job, then what surrounds it.
SUMMARIES = {
    "create": "Define a job without starting it",
    "start": "Start a created job",
    "run": "Create a job and start it at once",
    "restart": "Run a job again, in place",
    "status": "Say where a job is in its life",
    "list": "List jobs",
    "ps": "List running jobs",
    "tail": "Show the end of a job's output, or follow it",
    "wait": "Wait until jobs have ended",
    "kill": "Send a signal to a running job",
    "delete": "Remove a job, or the ended ones of this directory",
    "gc": "Remove old ended jobs",
    "repair": "Put right what says it runs and does not",
    "tag set": "Replace a job's tags",
    "notify set": "Change whom a job tells about its end and its output",
    "info": "Say which versions these are and where everything is kept",
    "doctor": "Check what jobs and the dashboard need",
    "settings check": "Say which settings cannot be used, and why",
    "schema": "Print the JSON Schema of all answers",
    "completions": "Print a shell's completion script",
    "help": "Explain a command",
}
ALIASES = {"rm": "delete"}
FAMILIES = {
    "tag": "Manage a job's tags",
    "notify": "Manage a job's notifications",
    "settings": "Look after the settings",
}


def canonical(word: str) -> str:
    """The verb an alias stands for; any other word unchanged."""
    return ALIASES.get(word, word)


def names_below(family: str) -> list[str]:
    """The words that may follow *family*; with an empty one, the first words there are."""
    if family:
        prefix = family + " "
        return [name.removeprefix(prefix) for name in SUMMARIES if name.startswith(prefix)]
    return list(dict.fromkeys([name.partition(" ")[0] for name in SUMMARIES] + list(ALIASES)))


def load(name: str) -> Verb | None:
    """Build the verb of that full name; None when there is none."""
    if name in ("create", "run", "start", "restart"):
        from agent_exec.cli import launch_verbs

        return launch_verbs.VERBS[name]()
    if name in ("status", "list", "ps", "tail", "wait"):
        from agent_exec.cli import look_verbs

        return look_verbs.VERBS[name]()
    if name in ("kill", "delete", "gc", "repair"):
        from agent_exec.cli import end_verbs

        return end_verbs.VERBS[name]()
    if name in ("tag set", "notify set", "schema", "completions", "help"):
        from agent_exec.cli import other_verbs

        return other_verbs.VERBS[name]()
    if name in ("info", "doctor", "settings check"):
        from agent_exec.cli import self_verbs

        return self_verbs.VERBS[name]()
    return None
