"""What is said of commands on jobs that are through."""

from __future__ import annotations

from agent_exec_tui.operations import Outcome, summary, told


def test_one_job_is_told_by_its_id_and_what_happened_each_once() -> None:
    assert told("tags", Outcome("5e0cbeb4" * 4, True, "tagged a,b.c")) == "5e0cbeb4 tagged a,b.c"
    assert told("run", Outcome("586d28e7" * 4, True, "runs")) == "586d28e7 runs"
    assert told("stop", Outcome("5e0cbeb4" * 4, False, "no such process")) == (
        "5e0cbeb4 stop: no such process"
    )
    about = "job 5e0cbeb4 has changed since you were asked"
    assert told("stop", Outcome("5e0cbeb4" * 4, False, about)) == f"stop: {about}"
    assert told("run", Outcome("", False, "no such directory")) == "run: no such directory"


def test_several_jobs_are_counted() -> None:
    outcomes = [Outcome("a", True, "started"), Outcome("b", False, "it runs")]
    assert summary("start", outcomes) == "start: 1 done, 1 failed"
