"""The list of what is deliberately not as recorded, each entry with its reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.recording import Json

LIST = Path(__file__).parent / "differences.toml"
ANY_CASE = "*"

# Stands for a file or field that is not there.
ABSENT = "<absent>"


@dataclass(frozen=True, eq=False)
class Amendment:
    """One place where ours is meant to differ.

    Attributes:
        where: the way to it: "stdout", "stderr", "exit_status", "files" or "modes", then file
            names and keys; each may be a pattern such as ``*``.
        ours: what is there instead; objects need only have what is given here.
        sometimes: whether ours may also be as recorded.
    """

    cases: tuple[str, ...]
    where: tuple[str, ...]
    ours: Json
    reason: str
    sometimes: bool = False

    def covers(self, case: str, path: tuple[str, ...]) -> bool:
        """Whether this entry is about exactly that place of that case."""
        return (
            any(fnmatchcase(case, pattern) for pattern in self.cases)
            and len(path) == len(self.where)
            and all(map(fnmatchcase, path, self.where))
        )


@dataclass(frozen=True)
class Differences:
    """The whole list.

    Attributes:
        left_out: cases that are not replayed, and why.
        extra_fields: by kind of document ("status", "list.jobs", "meta.json"): what ours has
            on top.
        extra_files: patterns of what lies in our job directories on top.
        missing_steps: by case, directories its set-up made without noting it.
        failing_steps: cases whose set-up makes calls that we answer with an error.
        races: cases whose answer depends on who is faster, and why.
    """

    left_out: dict[str, str]
    amendments: tuple[Amendment, ...]
    extra_fields: dict[str, frozenset[str]]
    extra_files: tuple[str, ...]
    missing_steps: dict[str, str]
    failing_steps: dict[str, str]
    races: dict[str, str]

    def is_extra_file(self, name: str) -> bool:
        """Whether a file of that name may lie in a job directory of ours."""
        return any(fnmatchcase(name, pattern) for pattern in self.extra_files)

    def amendment_at(self, case: str, path: tuple[str, ...]) -> Amendment | None:
        """The entry for that place, if there is one."""
        return next((entry for entry in self.amendments if entry.covers(case, path)), None)


def load() -> Differences:
    """Read the list from its file."""
    with LIST.open("rb") as file:
        document = tomllib.load(file)
    return Differences(
        left_out=_by_case(document["left_out"]),
        amendments=tuple(
            Amendment(
                cases=tuple(entry["cases"]),
                where=tuple(entry["where"]),
                ours=entry["ours"],
                reason=entry["reason"],
                sometimes=entry.get("sometimes", False),
            )
            for entry in document["different"]
        ),
        extra_fields={
            kind: frozenset(fields) for kind, fields in document["extra"]["fields"].items()
        },
        extra_files=tuple(document["extra"]["files"]),
        missing_steps={
            case: step["mkdir"] for step in document["missing_step"] for case in step["cases"]
        },
        failing_steps=_by_case(document["failing_step"]),
        races=_by_case(document["race"]),
    )


def _by_case(entries: list[dict[str, str | list[str]]]) -> dict[str, str]:
    return {case: str(entry["reason"]) for entry in entries for case in entry["cases"]}
