"""A way back from deletion: directories moved aside by rename, kept until the program ends.

Nothing is copied: where the trash lies on another file system than the root, there is none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time

from agent_exec.errors import InternalError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store import atomic, locks
from agent_exec.store.places import trash_directory
from agent_exec.store.removal import remove_tree, remove_unless_taken
from agent_exec.store.trees import OPEN_DIRECTORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.store.jobs import JobDir

KEEP_S = 86400.0
_ORIGIN_FILE = atomic.ORIGIN_FILE


@dataclass(frozen=True, slots=True)
class TrashedJob:
    """A job that was moved to the trash.

    Attributes:
        root: where it lay.
        path: where it lies now.
    """

    job_id: str
    root: str
    path: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo brought back, and what it could not, with the reasons."""

    restored: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


class _Batch:
    """What goes, and comes back, together: a directory with one more for each root."""

    def __init__(self, directory: str) -> None:
        self.began_ns = time.time_ns()
        self.path = os.path.join(directory, f"{self.began_ns}-{os.getpid()}")
        self.jobs: list[TrashedJob] = []
        self._places: dict[str, str] = {}

    def place_for(self, root: str) -> str:
        """A directory that says for people where its jobs came from."""
        place = self._places.get(root)
        if place is None:
            place = os.path.join(self.path, str(len(self._places)))
            for directory in (os.path.dirname(self.path), self.path, place):
                # One by one: what lies in each is nobody else's business.
                atomic.make_directories(directory)
            dir_fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                atomic.write_new_file(dir_fd, _ORIGIN_FILE, os.fsencode(root), durable=False)
            finally:
                os.close(dir_fd)
            self._places[root] = place
        return place

    def look_again(self) -> None:
        """Know what another process moved here."""
        try:
            names = [name for name in os.listdir(self.path) if name.isascii() and name.isdigit()]
        except FileNotFoundError:
            names = []  # nothing ever was
        for name in sorted(names, key=int):
            place = os.path.join(self.path, name)
            with (
                contextlib.suppress(OSError),  # not a place of ours
                open(atomic.open_regular(os.path.join(place, _ORIGIN_FILE)), "rb") as file,
            ):
                self._places[os.fsdecode(file.read())] = place
        self.jobs = [
            TrashedJob(job_id, root, os.path.join(place, job_id))
            for root, place in self._places.items()
            for job_id in sorted(os.listdir(place))
            if job_id != _ORIGIN_FILE
        ]


class Trash:
    """One program's trash; not to be used by two threads at a time.

    ``begin`` opens a new batch; ``undo`` brings a batch back as a whole, the last one first.
    """

    def __init__(
        self, directory: str | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Use *directory*, or the user's own below ``$XDG_STATE_HOME``; nothing is made yet."""
        self._directory = directory or trash_directory(environ)
        self._batches: list[_Batch] = []

    @property
    def undoable(self) -> int:
        """How many jobs the next ``undo`` would bring back; 0 when there is nothing to undo."""
        return next((len(batch.jobs) for batch in reversed(self._batches) if batch.jobs), 0)

    def accepts(self, root: str) -> bool:
        """Whether jobs of *root* can be moved here and back: the same file system."""
        try:
            atomic.make_directories(self._directory)
            return os.stat(self._directory).st_dev == os.stat(root).st_dev
        except OSError:
            return False

    def begin(self) -> None:
        """Open a new batch: what goes from here on comes back together."""
        if not self._batches or self._batches[-1].jobs:
            self._batches.append(_Batch(self._directory))

    def take(self, job: JobDir) -> None:
        """Move a job here; the caller holds its lock.

        Raises:
            OSError: it stands as it was; EXDEV: see ``accepts``.
        """
        if not self._batches:
            self.begin()
        batch = self._batches[-1]
        path = os.path.join(batch.place_for(job.root), job.job_id)
        if os.path.lexists(path):
            raise OSError(errno.EEXIST, "already in the trash", path)
        os.rename(job.path, path)
        batch.jobs.append(TrashedJob(job.job_id, job.root, path))

    def look_again(self) -> None:
        """Know what a copy of this trash, in another process, has moved into the last batch."""
        if self._batches:
            self._batches[-1].look_again()

    def undo(self) -> Undone:
        """Bring the last batch back; what cannot be, because its id is taken, stays here."""
        while self._batches and not self._batches[-1].jobs:
            self._batches.pop()
        if not self._batches:
            return Undone((), ())
        batch = self._batches[-1]
        restored, failed, kept = [], [], []
        for trashed in batch.jobs:
            target = os.path.join(trashed.root, trashed.job_id)
            try:
                if os.path.lexists(target):
                    raise OSError(errno.EEXIST, "there is a job of that id again", target)
                _bring_back(trashed.path, target)
                restored.append(trashed.job_id)
            except OSError as error:
                kept.append(trashed)
                failed.append((trashed.job_id, str(error.strerror)))
        # A batch of which nothing can come back must not bar the way to those before it.
        batch.jobs = kept if restored else []
        return Undone(tuple(restored), tuple(failed))

    def empty(self) -> None:
        """Remove for good what this program moved here, and what others left for a day.

        Raises:
            InternalError: something of ours could not be removed.
        """
        batches, self._batches = self._batches, []
        for batch in batches:
            try:
                _remove_batch(batch.path)
            except FileNotFoundError:
                continue  # nothing was ever moved there
            except OSError as error:
                raise InternalError.from_os_error(error, f"empty the trash {batch.path}") from None
        self.sweep()

    def sweep(self) -> None:
        """Remove what has lain here for a day, whoever left it; never raises."""
        oldest_ns = time.time_ns() - int(KEEP_S * 1e9)
        self._batches = [batch for batch in self._batches if batch.began_ns >= oldest_ns]
        try:
            names = os.listdir(self._directory)
        except OSError:
            return
        for name in names:
            moment, _, pid = name.partition("-")
            if not (moment.isdigit() and pid.isdigit()):
                continue  # not ours to judge
            if int(moment) < oldest_ns:
                with contextlib.suppress(OSError):
                    _remove_batch(os.path.join(self._directory, name))


def _bring_back(path: str, target: str) -> None:
    """Move a job back, under its lock: no other program's sweep may be emptying it meanwhile.

    Raises:
        OSError: it is gone, or being removed.
    """
    fd = os.open(path, OPEN_DIRECTORY)
    try:
        if not locks.try_lock_directory(fd):
            raise OSError(errno.EBUSY, "it is being removed for good", path)
        os.rename(path, target)
        locks.let_go(fd)
    finally:
        os.close(fd)


def _remove_batch(path: str) -> None:
    """Remove the jobs of a batch one by one, each under its lock, then what is left of it.

    Raises:
        OSError: something could not be removed; the rest is.
    """
    problem: OSError | None = None
    for place in os.scandir(path):
        if not place.is_dir(follow_symlinks=False):
            continue
        for job in os.scandir(place.path):
            if job.is_dir(follow_symlinks=False):
                try:
                    remove_unless_taken(job.path)
                except FileNotFoundError:
                    continue  # brought back, or removed by another
                except OSError as error:
                    problem = problem or error
        if all(entry.name == _ORIGIN_FILE for entry in os.scandir(place.path)):
            remove_tree(place.path)
    if problem is not None:
        raise problem
    if not any(entry.is_dir(follow_symlinks=False) for entry in os.scandir(path)):
        remove_tree(path)  # else a job that is being brought back keeps its place
