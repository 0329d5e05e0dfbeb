"""One delivery of an event: to a command, to a file, or to both in this order."""

from __future__ import annotations

import os

from agent_exec.model import records
from agent_exec.process.bare_signal import signal
from agent_exec.process.descendants import living_descendants
from agent_exec.process.signalling import signal_own_child, signal_process
from agent_exec.store import atomic
from agent_exec.store.clock import now_timestamp
from agent_exec.supervisor.child import Command, LaunchProblem, start_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.model.records import Document
    from agent_exec.supervisor.definition import Definition

COMMAND, FILE = "command", "file"
SINK_LIMIT_S = 30.0

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
_FILE_MODE = 0o666  # a file of the user's own choice: the umask decides
_SIGNAL_NAMES = {
    getattr(signal, name): name
    for name in dir(signal)
    if name.startswith("SIG") and not name.startswith("SIG_")
}


class Delivery:
    """One event on its way to its sinks.

    Attributes:
        event: what the sinks get.
        event_name: the file the event is recorded in, told to commands.
        results: one a sink, as recorded.
        size_bytes: how much it keeps while it waits.
        is_done: whether every sink has been tried.
        pid: the command that runs at present, 0 if none.
        limit_at: when that command is ended.
    """

    def __init__(
        self,
        event: Document,
        event_name: str,
        command: str | None,
        file: str | None,
        size_bytes: int = 0,
    ) -> None:
        self.event = event
        self.event_name = event_name
        self.results: list[Document] = []
        self.size_bytes = size_bytes
        self.is_done = False
        self.pid = 0
        self.limit_at = 0.0
        self._command = command
        self._file = file
        self._attempted_at = ""
        self._is_over_limit = False

    def start(self, definition: Definition, dir_fd: int, now_s: float) -> None:
        """Tell the command, or without one the file at once."""
        if self._command is not None:
            self._attempted_at = now_timestamp()
            problem = self._start_command(self._command, definition, dir_fd)
            if problem is None:
                self.limit_at = now_s + SINK_LIMIT_S
                return
            self._add(COMMAND, self._command, problem)
        self._tell_file()

    def _start_command(self, command: str, definition: Definition, dir_fd: int) -> str | None:
        if not command.strip():
            return "empty shell command"
        if not definition.shell_wrapper:
            return "shell wrapper must not be empty"
        variables = {
            b"AGENT_EXEC_EVENT_PATH": os.fsencode(definition.file_path(self.event_name)),
            b"AGENT_EXEC_JOB_ID": os.fsencode(definition.job_id),
            b"AGENT_EXEC_EVENT_TYPE": os.fsencode(str(self.event["event_type"])),
        }
        fds: list[int] = []
        try:
            # A file, not a pipe: a command that does not read it must not hold anybody up.
            fds.append(atomic.open_anonymous(dir_fd, records.dump_line(self.event)))
            fds.append(os.open(os.devnull, os.O_RDWR))
            arguments = [*definition.shell_wrapper, definition.sink_prologue + command]
            standard = (fds[0], fds[1], fds[1])
            self.pid = start_process(
                Command(
                    arguments,
                    definition.sink_environment,
                    variables,
                    definition.cwd,
                    definition.umask,
                    standard,
                )
            )
        except (LaunchProblem, OSError) as problem:
            return f"spawn error: {problem}"
        finally:
            for fd in fds:
                os.close(fd)
        return None

    def on_end(self, wait_status: int) -> None:
        """Take the command's exit, then tell the file."""
        self.pid = 0
        self._add(COMMAND, self._command, self._explain(wait_status))
        self._tell_file()

    def _explain(self, wait_status: int) -> str | None:
        if self._is_over_limit:
            return f"no end within {SINK_LIMIT_S:g} s, killed"
        if os.WIFSIGNALED(wait_status):
            number = os.WTERMSIG(wait_status)
            return f"exited with status signal: {number} ({_SIGNAL_NAMES.get(number, '?')})"
        code = os.WEXITSTATUS(wait_status)
        return f"exited with status exit status: {code}" if code else None

    def end_command(self) -> None:
        """Kill the command and what it has started; ``on_end`` follows."""
        self._is_over_limit = True
        for process in living_descendants(self.pid):
            signal_process(process, signal.SIGKILL)
        signal_own_child(self.pid, signal.SIGKILL, group=True)

    def drop(self, reason: str) -> None:
        """Deliver to nobody, and say so."""
        self._attempted_at = now_timestamp()
        for kind, target in ((COMMAND, self._command), (FILE, self._file)):
            if target is not None:
                self._add(kind, target, f"dropped: {reason}")
        self.is_done = True

    def _tell_file(self) -> None:
        if self._file is not None:
            self._attempted_at = now_timestamp()
            self._add(FILE, self._file, _append_event(self._file, self.event))
        self.is_done = True

    def _add(self, kind: str, target: str | None, error: str | None) -> None:
        result: Document = {"sink_type": kind, "target": target, "success": error is None}
        if error is not None:
            result["error"] = error
        result["attempted_at"] = self._attempted_at
        self.results.append(result)

    def record(self) -> Document:
        """The event with what became of it."""
        return {**self.event, "delivery_results": self.results}


def _append_event(path: str, event: Document) -> str | None:
    directory = os.path.dirname(path)
    try:
        doing = "create parent dir"
        if directory:
            os.makedirs(directory, exist_ok=True)
        doing = "open error"
        fd = os.open(path, _APPEND, _FILE_MODE)
        try:
            doing = "write error"
            atomic.write_all(fd, records.dump_line(event) + b"\n")
        finally:
            os.close(fd)
    except OSError as error:
        return f"{doing}: {error.strerror} (os error {error.errno})"
    except ValueError as error:  # a NUL, or what is no text, in another program's record
        return f"{doing}: {error}"
    return None
