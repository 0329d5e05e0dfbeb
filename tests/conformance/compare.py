"""The superset compare: everything recorded must be there, what is on top must be listed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from conformance.differences import ABSENT, Amendment, Differences
from conformance.recording import RECORDED_NOW, Json, Names

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

# Different at every call; only the type counts. Sizes of records vary with the paths in them.
VOLATILE = frozenset(
    {"pid", "elapsed_ms", "waited_ms", "duration_ms", "observed_within_ms", "freed_bytes", "bytes"}
)
# What an answer at the first output may or may not have yet.
RACING = frozenset(
    {"state", "exit_code", "finished_at", "duration_ms", "signal", "stdout", "stderr",
     "stdout_range", "stderr_range", "stdout_total_bytes", "stderr_total_bytes"}
)  # fmt: skip
UNORDERED_TYPES = frozenset({"delete", "gc"})  # their jobs come as the directory lists them

Path = tuple[str, ...]


class _Missing:
    def __repr__(self) -> str:
        return ABSENT


MISSING = _Missing()


@dataclass
class Comparison:
    """Gathers where ours is not as recorded and not as listed."""

    case: str
    names: Names
    listed: Differences
    problems: list[str] = field(default_factory=list)
    used: set[Amendment] = field(default_factory=set)

    def problem(self, path: Path, recorded: object, ours: object) -> None:
        self.problems.append(
            f"{' > '.join(path)}:\n    recorded {_short(recorded)}\n    ours     {_short(ours)}"
        )

    def value(self, path: Path, recorded: Json, ours: Json | _Missing, kind: str = "") -> None:
        """Compare one value, unless the list has something to say about its place."""
        amendment = self.listed.amendment_at(self.case, path)
        if amendment is None:
            self._as_recorded(path, recorded, ours, kind)
            return
        plain = Comparison(self.case, self.names, self.listed)
        plain._as_recorded(path, recorded, ours, kind)
        if plain.problems:
            self.used.add(amendment)
            if not fits(self.names.translated_json(amendment.ours), ours):
                self.problem(path, f"(listed) {amendment.ours!r}", ours)

    def _as_recorded(self, path: Path, recorded: Json, ours: Json | _Missing, kind: str) -> None:
        is_racing = len(path) == 2 and path[1] in RACING and self.case in self.listed.races
        if is_racing and (isinstance(ours, _Missing) or type(recorded) is type(ours)):
            return
        if isinstance(ours, _Missing):
            self.problem(path, recorded, ours)
        elif isinstance(recorded, dict) and isinstance(ours, dict):
            self._objects(path, recorded, ours, kind)
        elif isinstance(recorded, list) and isinstance(ours, list):
            self._lists(path, recorded, ours, kind)
        elif type(recorded) is not type(ours):
            self.problem(path, recorded, ours)
        elif path[-1] in VOLATILE:
            return
        elif not _same_scalar(recorded, ours):
            self.problem(path, recorded, ours)

    def _objects(
        self, path: Path, recorded: dict[str, Json], ours: dict[str, Json], kind: str
    ) -> None:
        for key, value in recorded.items():
            self.value((*path, key), value, ours.get(key, MISSING), kind)
        shared = [key for key in ours if key in recorded]
        if shared != [key for key in recorded if key in ours]:
            self.problem(path, list(recorded), list(ours))
        allowed = self.listed.extra_fields.get(kind, frozenset())
        for key in ours.keys() - recorded.keys() - allowed:
            if self.case in self.listed.races and key in RACING:
                continue
            amendment = self.listed.amendment_at(self.case, (*path, key))
            if amendment is not None and fits(amendment.ours, ours[key]):
                self.used.add(amendment)
            else:
                self.problem((*path, key), MISSING, ours[key])

    def _lists(self, path: Path, recorded: list[Json], ours: list[Json], kind: str) -> None:
        inner = f"{kind}.{path[-1]}"
        if path[-1] == "jobs":
            theirs_by_id, ours_by_id = _by_id(recorded), _by_id(ours)
            if kind not in UNORDERED_TYPES and [*theirs_by_id] != [*ours_by_id]:
                self.problem(path, [*theirs_by_id], [*ours_by_id])
            for job_id, job in theirs_by_id.items():
                self.value((*path, job_id), job, ours_by_id.get(job_id, MISSING), inner)
            for job_id in ours_by_id.keys() - theirs_by_id.keys():
                self.problem((*path, job_id), MISSING, ours_by_id[job_id])
        elif len(recorded) != len(ours):
            self.problem(path, recorded, ours)
        else:
            for index, (theirs, mine) in enumerate(zip(recorded, ours, strict=True)):
                self.value((*path, str(index)), theirs, mine, inner)

    def file(self, path: Path, recorded: bytes, ours: bytes | None) -> None:
        """Compare one file's content as what its name says it is."""
        name = PurePosixPath(path[-1]).name
        if ours is None:
            self.value(path, recorded.decode(errors="replace"), MISSING)
        elif name.endswith(".json") and _is_json(recorded):
            self.value(path, json.loads(recorded), _loaded(ours), name)
            if name in ("meta.json", "state.json") and ours != _as_peers_write(ours, recorded):
                self.problem(path, "the peers' form: two spaces, no final line feed", ours)
        elif name.endswith(".ndjson"):
            theirs, mine = _events(recorded), _events(ours)
            if len(theirs) != len(mine):
                self.problem(path, theirs, mine)
            for index, (line, our_line) in enumerate(zip(theirs, mine, strict=False)):
                self.value((*path, str(index)), line, our_line, "event")
        else:
            self.value(path, _comparable(name, recorded), _comparable(name, ours))


def _by_id(jobs: list[Json]) -> dict[str, Json]:
    return {str(job["job_id"]): job for job in jobs if isinstance(job, dict)}


def _same_scalar(recorded: Json, ours: Json) -> bool:
    if isinstance(recorded, str) and isinstance(ours, str) and RECORDED_NOW.search(recorded):
        return RECORDED_NOW.sub("<time>", recorded) == TIMESTAMP.sub("<time>", ours)
    return recorded == ours


def _comparable(name: str, content: bytes) -> str:
    text = content.decode("utf-8", "backslashreplace")
    if name != "full.log" and not name.endswith("elsewhere.log"):
        return text
    # Which stream's line comes first within an instant is the scheduler's choice.
    return "\n".join(sorted(TIMESTAMP.sub("<time>", text).split("\n")))


def _events(content: bytes) -> list[Json]:
    """The lines, by stream: which stream's comes first is the scheduler's choice."""
    events = [_loaded(line) for line in content.splitlines()]
    return sorted(
        events, key=lambda event: str(event.get("stream")) if isinstance(event, dict) else ""
    )


def _is_json(content: bytes) -> bool:
    return isinstance(_loaded(content), dict | list)


def _loaded(content: bytes) -> Json:
    try:
        document: Json = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return document


def _as_peers_write(ours: bytes, recorded: bytes) -> bytes:
    if recorded == ours or not recorded.startswith(b"{\n  "):
        return ours  # not written by any program, but by the case itself
    return json.dumps(_loaded(ours), indent=2, ensure_ascii=False).encode()


def fits(listed: Json, ours: Json | _Missing) -> bool:
    """Whether ours is what the list says; an object may have more."""
    if isinstance(listed, str) and listed.startswith("<") and listed.endswith(">"):
        shapes: dict[str, bool] = {
            ABSENT: isinstance(ours, _Missing),
            "<any>": True,
            "<null>": ours is None,
            "<text>": isinstance(ours, str) and ours != "",
            "<number>": isinstance(ours, int) and not isinstance(ours, bool),
            "<time>": isinstance(ours, str) and TIMESTAMP.fullmatch(ours) is not None,
        }
        return shapes[listed]
    if isinstance(listed, dict):
        return isinstance(ours, dict) and all(
            fits(value, ours.get(key, MISSING)) for key, value in listed.items()
        )
    if isinstance(listed, list):
        return isinstance(ours, list) and len(ours) == len(listed) and all(map(fits, listed, ours))
    return type(listed) is type(ours) and listed == ours


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 600 else text[:600] + "…"
