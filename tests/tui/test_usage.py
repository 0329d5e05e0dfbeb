"""What a running job is said to use is what its own processes use, and nobody else's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.commands.definition import JobDefinition
from agent_exec.commands.kill import kill_job
from agent_exec.commands.observation import NO_WAIT
from agent_exec.commands.run import run_job
from agent_exec.store.jobs import JobStore
from agent_exec_tui import process_stats
from agent_exec_tui.process_stats import Identity, ProcessSampler
from agent_exec_tui.settings import Settings
from agent_exec_tui.sparkline import sparkline
from support.dashboard import app_of, dashboard, until
from support.waiting import wait_until

BUSY = "while True: pass"
# The leader sleeps; its child works and holds 40 MB.
PARENT = (
    "import subprocess, sys;"
    "subprocess.run([sys.executable, '-c', 'x = bytearray(b\"x\") * 40_000_000\\nwhile 1: pass'])"
)


class Running:
    """A process that leads a session, as a job's child does."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        self.pid = self.process.pid
        self.ticks = start_ticks(self.pid)

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.ticks)

    def end(self) -> None:
        os.killpg(self.pid, 9)
        self.process.wait()


def start_ticks(pid: int) -> int:
    if sys.platform == "linux":
        data = Path(f"/proc/{pid}/stat").read_bytes()
        return int(data[data.rfind(b")") + 2 :].split()[19])
    return int(psutil.Process(pid).create_time() * 1_000_000)


@pytest.fixture
def busy() -> Iterator[Running]:
    running = Running(BUSY)
    yield running
    running.end()


@pytest.fixture
def parent() -> Iterator[Running]:
    running = Running(PARENT)
    yield running
    running.end()


def test_a_busy_process_uses_processor_time_from_the_second_look_on(busy: Running) -> None:
    sampler = ProcessSampler()
    first = sampler.sample({"job": busy.identity})["job"]
    assert first.cpu_percent is None
    assert first.memory_bytes > 1_000_000

    def is_seen_working() -> bool:
        return (sampler.sample({"job": busy.identity})["job"].cpu_percent or 0) > 5

    wait_until(is_seen_working, timeout_s=20)


def test_what_a_job_started_is_counted_with_it(parent: Running) -> None:
    sampler = ProcessSampler()

    def has_grown() -> bool:
        sample = sampler.sample({"job": parent.identity})["job"]
        return sample.processes == 2 and sample.memory_bytes > 40_000_000

    wait_until(has_grown, timeout_s=20)


def test_a_process_that_only_has_the_pid_is_not_measured(busy: Running) -> None:
    stranger = Identity(busy.pid, busy.ticks - 1)
    assert ProcessSampler().sample({"job": stranger}) == {}


@pytest.mark.parametrize(("late_s", "is_meant"), [(0, True), (-60, False), (60, False)])
def test_without_exact_identity_the_time_of_the_start_decides(
    busy: Running, late_s: float, is_meant: bool
) -> None:
    created_s = psutil.Process(busy.pid).create_time()
    identity = Identity(busy.pid, None, created_s + late_s)
    assert ("job" in ProcessSampler().sample({"job": identity})) == is_meant


def test_a_pid_without_any_time_is_not_measured(busy: Running) -> None:
    assert ProcessSampler().sample({"job": Identity(busy.pid)}) == {}


def test_a_process_that_leads_no_session_is_not_measured() -> None:
    identity = Identity(os.getpid(), start_ticks(os.getpid()))
    if os.getsid(0) == os.getpid():
        pytest.skip("the tests themselves lead a session")
    if sys.platform == "linux":
        assert ProcessSampler().sample({"job": identity}) == {}


def test_psutil_measures_the_same_where_there_is_no_proc(parent: Running) -> None:
    created = int(psutil.Process(parent.pid).create_time() * 1_000_000)
    identity = Identity(parent.pid, created)

    def has_grown() -> bool:
        total = process_stats._from_psutil({identity}).get(identity)
        return total is not None and total.processes == 2 and total.memory_bytes > 40_000_000

    wait_until(has_grown, timeout_s=20)
    stranger = Identity(parent.pid, created - 5_000_000)
    assert process_stats._from_psutil({stranger}) == {}


numbers = st.lists(st.floats(0, 1000), max_size=60)


@given(numbers, st.floats(1, 1000))
def test_a_sparkline_has_room_for_every_number(values: list[float], top: float) -> None:
    drawn = sparkline(values, top=top)
    assert len(drawn) == (len(values) + 1) // 2
    assert all(0x2800 <= ord(char) < 0x2900 for char in drawn)
    ascii_drawn = sparkline(values, top=top, is_ascii=True)
    assert len(ascii_drawn) == len(values)
    assert ascii_drawn.isascii()


def test_a_sparkline_rises_with_its_numbers() -> None:
    assert sparkline([0, 0, 25, 50, 75, 100], top=100) == "⠀⣠⣾"
    assert sparkline([0, 1, 50, 100, 999], top=100, is_ascii=True) == " .=##"


@contextlib.contextmanager
def busy_job(root: Path) -> Iterator[tuple[JobStore, str]]:
    """A job that uses a processor, and where it is."""
    store = JobStore(root)
    definition = JobDefinition(command=(sys.executable, "-c", BUSY))
    job_id = run_job(store, definition, observation=NO_WAIT).job_id
    try:
        yield store, job_id
    finally:
        kill_job(store, job_id, signal="KILL")


async def test_a_running_job_shows_what_it_uses_in_its_row_and_detail(tmp_path: Path) -> None:
    with busy_job(tmp_path / "root") as (store, job_id):
        async with dashboard(store.root, (200, 50)) as pilot:
            main = app_of(pilot).main
            await until(pilot, lambda: job_id in main.table.usage, timeout_s=20)
            cpu_percent, memory_bytes = main.table.usage[job_id]
            assert cpu_percent > 1
            assert memory_bytes > 1_000_000
            await until(pilot, lambda: "uses" in main.detail.plain_text)
            assert "1 process" in main.detail.plain_text


async def test_nothing_is_measured_where_it_is_not_wanted_or_not_seen(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "root")
    job_id = run_job(store, JobDefinition(command=("sleep", "60")), observation=NO_WAIT).job_id
    try:
        async with dashboard(store.root, settings=Settings(shows_usage=False)) as pilot:
            assert app_of(pilot).main.usage_watch._rows() == []
        async with dashboard(store.root, (80, 24)) as pilot:
            main = app_of(pilot).main
            assert main.usage_watch._rows() == []
            await pilot.press("i")
            await until(pilot, lambda: [row.job_id for row in main.usage_watch._rows()] == [job_id])
    finally:
        kill_job(store, job_id, signal="KILL")


async def test_a_job_that_ended_uses_nothing_any_more(tmp_path: Path) -> None:
    with busy_job(tmp_path / "root") as (store, job_id):
        async with dashboard(store.root, (200, 50)) as pilot:
            main = app_of(pilot).main

            def line() -> str:
                strips = main._compositor.render_strips()
                return next(strip.text for strip in strips if f" {job_id[:8]} " in strip.text[:40])

            await until(pilot, lambda: "%" in line(), "the first figure", timeout_s=20)
            kill_job(store, job_id, signal="KILL")
            await until(pilot, lambda: not main.jobs.rows[job_id].is_live)
            await pilot.pause()
            assert "%" not in line()
            await until(pilot, lambda: not main.table.usage, "the figures forgotten")
