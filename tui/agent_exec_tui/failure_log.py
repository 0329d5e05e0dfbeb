"""What goes wrong while the terminal belongs to the dashboard: kept in a file, not on the screen."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

MAX_BYTES: Final = 1024 * 1024
"""A log larger than this is begun anew."""
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _OwnFile(logging.FileHandler):
    """A file made when there is something to write, readable by its owner alone."""

    def _open(self) -> io.TextIOWrapper:
        os.makedirs(os.path.dirname(self.baseFilename), mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(OSError):
            if os.stat(self.baseFilename).st_size > MAX_BYTES:
                flags |= os.O_TRUNC
        return open(os.open(self.baseFilename, flags, 0o600), "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """A disk that does not take the log costs nothing but the log."""


@contextlib.contextmanager
def failures_in(path: str) -> Iterator[None]:
    """Write what is logged as a warning or worse, and what ends a thread, to the file at *path*."""
    handler = _OwnFile(path, delay=True, encoding="utf-8")
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    hook = threading.excepthook

    def tell(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, OSError) and args.exc_value.errno == errno.EIO:
            return  # the terminal's window was closed
        name = args.thread.name if args.thread else "a thread"
        error = args.exc_value or args.exc_type()
        logging.getLogger(__name__).error("%s ended by an error", name, exc_info=error)

    root.addHandler(handler)
    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = hook
        root.removeHandler(handler)
        handler.close()
