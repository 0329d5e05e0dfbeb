"""Ends of processes are told by the kernel, and looked for where it cannot tell all of them."""

from __future__ import annotations

import os
import select
import signal

from agent_exec.commands.kill import kill_job
from agent_exec.commands.process_watch import ProcessWatch
from agent_exec.commands.snapshot import DashboardJob, dashboard_job
from agent_exec.store.jobs import JobStore
from agent_exec.store.listing import read_job
from support.foreign import foreign_job
from support.launching import lose_supervisor, running
from support.waiting import wait_until


def row_of(store: JobStore, job_id: str) -> DashboardJob:
    record = read_job(store, job_id)
    assert record is not None
    return dashboard_job(store, record)


def is_told(watch: ProcessWatch, timeout_s: float) -> bool:
    poll = select.poll()
    for fd in watch.descriptors():
        poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def test_the_end_of_a_supervisor_and_of_its_child_are_told(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    watch = ProcessWatch(store)
    watch.follow(row_of(store, job_id))
    assert len(watch.descriptors()) == 2
    assert watch.next_look_s() is None
    assert not is_told(watch, 0)
    child = lose_supervisor(store, job_id)
    assert is_told(watch, 10)
    assert watch.ended() == {job_id}
    watch.follow(row_of(store, job_id))
    assert len(watch.descriptors()) == 1
    assert watch.ended() == set()
    os.kill(child, signal.SIGKILL)
    assert is_told(watch, 10)
    watch.follow(row_of(store, job_id))
    assert watch.descriptors() == []  # nothing is left that could end
    watch.close()


def test_a_job_that_is_over_is_forgotten(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    watch = ProcessWatch(store)
    watch.follow(row_of(store, job_id))
    kill_job(store, job_id)
    watch.follow(row_of(store, job_id))
    assert (watch.descriptors(), watch.job_ids(), watch.ended()) == ([], (), set())


def test_a_job_of_another_program_is_followed_by_its_process(store: JobStore) -> None:
    job_id = foreign_job(store, "running", os.getpid())
    watch = ProcessWatch(store)
    watch.follow(row_of(store, job_id))
    assert len(watch.descriptors()) == 1
    watch.close()
    assert watch.descriptors() == []


def test_where_there_is_no_descriptor_left_it_is_looked_for(store: JobStore) -> None:
    job_id = running(store, "sleep", "60")
    watch = ProcessWatch(store, most_descriptors=1, look_every_s=0.05)
    watch.follow(row_of(store, job_id))
    assert len(watch.descriptors()) == 1
    assert watch.next_look_s() is not None
    wait_until(lambda: watch.ended() == {job_id})
    watch.forget(job_id)
    assert watch.next_look_s() is None
    watch.follow(row_of(store, job_id))
    assert len(watch.descriptors()) == 1  # the room was given back
    watch.close()
