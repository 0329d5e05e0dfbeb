"""info names the places that are really used."""

from __future__ import annotations

import os
from pathlib import Path

from agent_exec import __version__
from agent_exec.store.jobs import JobStore
from agent_exec.store.trash import Trash
from support.built_jobs import put_job
from support.console import Document, console


def places_of(tmp_path: Path) -> tuple[Document, dict[str, Document]]:
    env = {"HOME": str(tmp_path)} | {
        f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE")
    }
    said = console("info", root=tmp_path / "jobs", env=env)
    assert (said.exit_status, said.stderr) == (0, "")
    places = said.document["places"]
    assert isinstance(places, dict)
    return said.document, places


def test_versions_are_told(tmp_path: Path) -> None:
    document, _ = places_of(tmp_path)
    versions = document["versions"]
    assert isinstance(versions, dict)
    assert (versions["program"], versions["contract"]) == (__version__, "0.2.6")
    assert versions["libraries"].keys() >= {"textual", "pydantic", "watchfiles"}


def test_every_place_is_told_and_whether_it_is_there(tmp_path: Path) -> None:
    _, places = places_of(tmp_path)
    assert list(places) == ["root", "config", "settings", "state", "cache", "trash", "log"]
    assert [place["exists"] for place in places.values()] == [False] * 7
    for place in places.values():
        path = str(place["path"])
        assert path.startswith(str(tmp_path))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).touch()
    _, places = places_of(tmp_path)
    assert [place["exists"] for place in places.values()] == [True] * 7


def test_the_trash_is_the_one_that_is_used(tmp_path: Path) -> None:
    _, places = places_of(tmp_path)
    (tmp_path / "jobs").mkdir()
    store = JobStore(tmp_path / "jobs")
    put_job(store, "a")
    trash = Trash(environ={"XDG_STATE_HOME": str(tmp_path / "state")})
    with store.open("a") as job:
        trash.take(job)
    assert list(Path(str(places["trash"]["path"])).glob("*/0/a/meta.json"))
