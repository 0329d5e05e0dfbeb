"""One call of the program: where its jobs are, and where its answers go."""

from __future__ import annotations

import os
import select
import sys

from agent_exec.cli.interrupt import raise_again
from agent_exec.store import story

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.cli.envelope import Document, Response
    from agent_exec.errors import AgentExecError
    from agent_exec.store.jobs import JobStore

STDOUT_FD = 1
STDERR_FD = 2

# Everything below a space but the line feed: nothing on stderr may steer the terminal.
_ESCAPED_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(10), *range(11, 32))}


class OutputError(Exception):
    """The answer cannot be handed over; what was asked for is done."""


class Call:
    """What a verb needs besides its arguments.

    Attributes:
        root: ``--root`` as given.
        environ: the caller's environment.
        verbosity: how often ``-v`` was given.
    """

    def __init__(
        self, *, root: str | None, yaml: bool, verbosity: int, environ: Mapping[str, str]
    ) -> None:
        self.root = root
        self.environ = environ
        self.verbosity = verbosity
        self._yaml = yaml
        self._documents = 0

    def store(self) -> JobStore:
        """The jobs this call is about; says on stderr what makes their root unsafe."""
        from agent_exec.store.jobs import JobStore
        from agent_exec.store.root import resolve_root, root_warnings

        raise_again()
        root = resolve_root(self.root, self.environ)
        if self.verbosity:
            story.logger(__name__).info("jobs root: %s", root)
        for warning in root_warnings(root):
            say(f"warning: {warning}")
        return JobStore(root)

    def answer(self, response: Response) -> None:
        """Write a verb's answer to stdout."""
        from agent_exec.cli.envelope import success_document

        self._write(success_document(response))

    def fail(self, error: AgentExecError) -> None:
        """Write an error's envelope to stdout."""
        from agent_exec.cli.envelope import error_document

        self._write(error_document(error))

    def _write(self, document: Document) -> None:
        if self._yaml:
            from agent_exec.cli.yaml_output import encode_yaml

            data = (b"---\n" if self._documents else b"") + encode_yaml(document)
        else:
            from agent_exec.cli.envelope import encode_json

            data = encode_json(document)
        self._documents += 1
        write_stdout(data)


def write_stdout(data: bytes, fd: int = STDOUT_FD) -> None:
    """Write all of *data*, past Python's own buffer: nothing is left to fail at exit.

    Raises:
        BrokenPipeError: nobody reads any more.
        OutputError: stdout is closed, full or failing.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            select.select((), (fd,), ())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write the answer to stdout: {error.strerror}") from None


def say(text: str) -> None:
    """Write a line to stderr, controls escaped; where there is no stderr, to nobody."""
    from agent_exec.cli.envelope import escape_hostile

    safe = escape_hostile(text)
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(safe.translate(_ESCAPED_CONTROLS) + "\n")
        stream.flush()
    except (OSError, ValueError):
        return  # closed or full; the answer on stdout is what counts
