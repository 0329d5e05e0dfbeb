"""Two programs at once: a created job runs once, and nobody's doing undoes the other's."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from support.peers import SEED, TODAY
from support.programs import OURS, Program, finish, program
from support.waiting import wait_until

ROUNDS = 5
STARTS_EACH = 4


def has_text(path: Path, text: str) -> bool:
    return path.read_text() == text


def _need(name: str) -> Program:
    found = program(name)
    if found is None:
        pytest.skip(f"agent-exec {name} is not installed (tests/interop/install_peers.sh)")
    return found


@pytest.mark.parametrize("creator", [OURS, TODAY], indirect=True)
def test_starts_by_both_programs_run_the_job_once(creator: Program, root: Path) -> None:
    ours, today = _need(OURS), _need(TODAY)
    for round_number in range(ROUNDS):
        mark = root.parent / f"mark{round_number}"
        script = f"echo run >> {mark}; sleep 0.3"
        job_id = str(creator.must(root, "create", "--", "sh", "-c", script)["job_id"])
        calls = [
            (program, program.start_call(root, "start", "--no-wait", job_id))
            for _ in range(STARTS_EACH)
            for program in (ours, today)
        ]
        answers = [(program, finish(call)) for program, call in calls]

        def is_over(job_id: str = job_id) -> bool:
            state = json.loads((root / job_id / "state.json").read_text())
            return bool(state["job"]["status"] == "exited")

        wait_until(is_over, timeout_s=10)
        assert mark.read_text() == "run\n"
        mine = [answer for program, answer in answers if program.is_ours]
        assert sum(answer.ok for answer in mine) <= 1
        assert all(answer.ok or answer.error_code == "invalid_state" for answer in mine)


def test_beside_the_seed_which_has_no_claim_ours_tells_what_happened(root: Path) -> None:
    """The seed may run the job beside us; ours runs it at most once itself and never lies."""
    ours, seed = _need(OURS), _need(SEED)
    for round_number in range(ROUNDS):
        mark = root.parent / f"mark{round_number}"
        script = f"echo run >> {mark}; sleep 0.3"
        job_id = str(ours.must(root, "create", "--", "sh", "-c", script)["job_id"])
        calls = [ours.start_call(root, "start", "--no-wait", job_id) for _ in range(STARTS_EACH)]
        seeds = seed.start_call(root, "start", "--no-wait", job_id)
        mine = [finish(call) for call in calls]
        theirs = finish(seeds)
        assert sum(answer.ok for answer in mine) <= 1
        assert all(answer.ok or answer.error_code == "invalid_state" for answer in mine)
        runs = sum(answer.ok for answer in mine) + theirs.ok
        wait_until(partial(has_text, mark, "run\n" * runs), timeout_s=10)


@pytest.mark.parametrize("other", [TODAY], indirect=True)
def test_cleaning_by_one_never_takes_what_the_other_launches(other: Program, root: Path) -> None:
    ours = _need(OURS)
    for starter, cleaner in ((ours, other), (other, ours)):
        for _ in range(ROUNDS):
            job_id = str(starter.must(root, "create", "--", "sh", "-c", "echo kept")["job_id"])
            start = starter.start_call(root, "start", "--no-wait", job_id)
            while start.poll() is None:
                cleaner.must(root, "gc", "--older-than", "30d")
            finish(start)
            wait_until(partial(has_text, root / job_id / "stdout.log", "kept\n"), timeout_s=5)


@pytest.mark.parametrize("other", [TODAY], indirect=True)
def test_a_kill_during_the_others_restart_leaves_one_true_story(other: Program, root: Path) -> None:
    ours = _need(OURS)
    for killer, restarter in ((ours, other), (other, ours)):
        job_id = str(ours.must(root, "run", "--no-wait", "--", "sleep", "60")["job_id"])
        restart = restarter.start_call(root, "restart", "--no-wait", job_id)
        killer.call(root, "kill", "--signal", "KILL", job_id)
        answer = finish(restart)
        assert answer.ok or answer.error_code in {"invalid_state", "launch_failed"}, answer
        killer.call(root, "kill", "--signal", "KILL", job_id)

        def has_ended(job_id: str = job_id) -> bool:
            status = ours.must(root, "status", job_id)["state"]
            return status in {"killed", "failed"}

        wait_until(has_ended, timeout_s=8)
