"""Notification settings: given fields replace, others stay."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.notify import NotificationChange, set_notification
from agent_exec.errors import InvalidArgumentError
from agent_exec.model.job import MatchStream, MatchType, Notification, OutputMatch
from agent_exec.store.jobs import JobStore
from support.built_jobs import put_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "root").mkdir()
    store = JobStore(tmp_path / "root")
    put_job(store, "a")
    return store


def meta(store: JobStore) -> dict[str, object]:
    with open(os.path.join(store.root, "a", "meta.json"), "rb") as file:
        document = json.load(file)
    assert isinstance(document, dict)
    return document


def put_notification(store: JobStore, notification: dict[str, object]) -> None:
    document = {**meta(store), "notification": notification}
    with open(os.path.join(store.root, "a", "meta.json"), "w", encoding="utf-8") as file:
        json.dump(document, file)


def test_a_match_is_made_with_its_defaults(store: JobStore) -> None:
    answer = set_notification(store, "a", NotificationChange(output_pattern="ERR"))
    assert answer.job_id == "a"
    assert answer.notification == Notification(on_output_match=OutputMatch(pattern="ERR"))
    assert meta(store)["notification"] == {
        "on_output_match": {"pattern": "ERR", "match_type": "contains", "stream": "either"}
    }
    keys = list(meta(store))
    assert keys.index("notification") == keys.index("tags") - 1


def test_given_fields_replace_and_others_stay(store: JobStore) -> None:
    put_notification(
        store,
        {"notify_file": "/keep", "x": 1, "on_output_match": {"pattern": "p", "command": "c"}},
    )
    change = NotificationChange(
        command="cat",
        output_match_type=MatchType.REGEX,
        output_stream=MatchStream.STDERR,
        output_file="/tmp/x",
    )
    match = set_notification(store, "a", change).notification.on_output_match
    assert match == OutputMatch(
        pattern="p",
        match_type=MatchType.REGEX,
        stream=MatchStream.STDERR,
        command="c",
        file="/tmp/x",
    )
    stored = meta(store)["notification"]
    assert isinstance(stored, dict)
    assert (stored["notify_command"], stored["notify_file"], stored["x"]) == ("cat", "/keep", 1)


@pytest.mark.parametrize(
    "change",
    [
        NotificationChange(),
        NotificationChange(output_pattern=""),
        NotificationChange(output_stream=MatchStream.STDERR),
    ],
)
def test_without_a_pattern_nothing_is_kept(store: JobStore, change: NotificationChange) -> None:
    assert set_notification(store, "a", change).notification == Notification()
    assert "notification" not in meta(store)


def test_an_empty_pattern_removes_the_match(store: JobStore) -> None:
    put_notification(store, {"notify_command": "c", "on_output_match": {"pattern": "p"}})
    answer = set_notification(store, "a", NotificationChange(output_pattern=""))
    assert answer.notification == Notification(notify_command="c")


def test_nonsense_changes_nothing(store: JobStore) -> None:
    before = meta(store)
    for change in (
        NotificationChange(output_pattern="(", output_match_type=MatchType.REGEX),
        NotificationChange(command="a\0b"),
    ):
        with pytest.raises(InvalidArgumentError):
            set_notification(store, "a", change)
    assert meta(store) == before


def test_a_relative_file_is_relative_to_the_caller(store: JobStore) -> None:
    change = NotificationChange(output_pattern="x", output_file="events")
    match = set_notification(store, "a", change).notification.on_output_match
    assert match is not None
    assert match.file == os.path.join(os.getcwd(), "events")


def test_a_pattern_that_no_line_can_hold_is_refused(store: JobStore) -> None:
    with pytest.raises(InvalidArgumentError, match="newline"):
        set_notification(store, "a", NotificationChange(output_pattern="\nx"))
