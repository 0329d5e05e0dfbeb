"""A recorded call of the real agent-exec 0.2.6, and what it becomes in another scratch directory."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

RECORDINGS = Path(__file__).parent / "recordings"

# When the recordings were made: a time of that day meant "now".
RECORDED_NOW = re.compile(r"2026-11-22T\d\d:\d\d:\d\d(\.\d+)?Z")
_MIN_PREFIX_CHARS = 6
_SHORT_CHARS = 7


def names() -> list[str]:
    """The names of all recorded cases."""
    return sorted(path.stem for path in RECORDINGS.glob("*.json") if path.stem != "index")


def load(name: str) -> dict[str, Json]:
    """One recorded case as it lies in its file."""
    document = json.loads((RECORDINGS / f"{name}.json").read_text())
    assert isinstance(document, dict)
    return document


def to_bytes(content: Json) -> bytes:
    """What a recording's text, or its ``{"base64"}``, stands for."""
    if isinstance(content, dict):
        encoded = content["base64"]
        assert isinstance(encoded, str)
        return base64.b64decode(encoded)
    assert isinstance(content, str)
    return content.encode()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Names:
    """What is called differently here than in the recording: paths and ids."""

    case: str
    scratch: Path
    ids: dict[str, str] = field(default_factory=dict)

    def learn(self, recorded: Json, ours: Json) -> None:
        """Take the id of a job that both calls made."""
        if not (isinstance(recorded, dict) and isinstance(ours, dict)):
            return
        theirs, mine = recorded.get("job_id"), ours.get("job_id") or _failed_id(ours)
        if isinstance(theirs, str) and isinstance(mine, str) and theirs:
            self.ids.setdefault(theirs, mine)
            self.ids.setdefault(theirs[:_SHORT_CHARS], mine[:_SHORT_CHARS])

    def learn_prefix(self, word: str) -> None:
        """Take the beginning of an id, so that texts that quote it fit as well."""
        if len(word) < _MIN_PREFIX_CHARS:
            return
        for theirs, mine in list(self.ids.items()):
            if theirs.startswith(word) and theirs != word:
                self.ids[word] = mine[: len(word)]

    def translated(self, text: str) -> str:
        """*text* of the recording, in our names."""
        text = text.replace(f"/SCRATCH/{self.case}", str(self.scratch))
        for theirs in sorted(self.ids, key=len, reverse=True):
            text = text.replace(theirs, self.ids[theirs])
        return text

    def translated_json(self, value: Json) -> Json:
        """The same for every string of a document, keys included."""
        if isinstance(value, str):
            return self.translated(value)
        if isinstance(value, list):
            return [self.translated_json(item) for item in value]
        if isinstance(value, dict):
            return {self.translated(key): self.translated_json(item) for key, item in value.items()}
        return value


def _failed_id(answer: dict[str, Json]) -> Json:
    """The job that an error is about."""
    error = answer.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    return details.get("job_id") if isinstance(details, dict) else None


def parsed(stdout: bytes) -> Json:
    """The JSON or YAML document on stdout; None if it is something else."""
    try:
        document: Json = json.loads(stdout)
    except ValueError:
        if not stdout.startswith(b"schema_version:"):
            return None
        document = yaml.load(stdout, yaml.BaseLoader)
    return document
