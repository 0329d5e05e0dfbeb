"""What a launch removes besides, what it never takes, and that it tells."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from agent_exec.commands.auto_gc import GC_LOCK_FILE, AutoGc, run_auto_gc
from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.run import run_job
from agent_exec.store.clock import timestamp_of
from support.built_jobs import put_job

if TYPE_CHECKING:
    from agent_exec.store.jobs import JobStore

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _root(store: JobStore) -> None:
    os.mkdir(store.root)


def test_the_answer_tells_what_went_and_is_silent_when_nothing_did(store: JobStore) -> None:
    put_job(store, "old", finished_at=LONG_AGO, stdout=b"x" * 100)
    answer = run_job(store, JobDefinition(command=("true",)), auto_gc=AutoGc())
    assert answer.auto_gc is not None
    assert answer.auto_gc.deleted == 1
    assert answer.auto_gc.freed_bytes > 100
    assert run_job(store, JobDefinition(command=("true",)), auto_gc=AutoGc()).auto_gc is None


def test_what_is_tagged_keep_stays(store: JobStore) -> None:
    put_job(store, "kept", finished_at=LONG_AGO, tags=("keep",))
    put_job(store, "old", finished_at=LONG_AGO)
    run_auto_gc(store, AutoGc())
    assert store.names() == ["kept"]


def test_a_young_rule_leaves_the_failures_of_the_last_day(store: JobStore) -> None:
    hours_ago = timestamp_of(time.time() - 2 * 3600)
    put_job(store, "done", finished_at=hours_ago)
    put_job(store, "failed", "failed", finished_at=hours_ago)
    put_job(store, "old-failure", "failed", finished_at=LONG_AGO)
    run_auto_gc(store, AutoGc(older_than="1h"))
    assert store.names() == ["failed"]


def test_a_lock_from_the_future_stops_nothing(store: JobStore) -> None:
    put_job(store, "old", finished_at=LONG_AGO)
    path = os.path.join(store.root, GC_LOCK_FILE)
    with open(path, "w", encoding="utf-8"):
        os.utime(path, (time.time() + 86400,) * 2)
    run_auto_gc(store, AutoGc())
    assert os.listdir(store.root) == []


def test_whatever_goes_wrong_the_job_that_ran_is_told_of(store: JobStore) -> None:
    settings = AutoGc(older_than="9" * 30 + "d")
    assert run_job(store, JobDefinition(command=("true",)), auto_gc=settings).job_id
