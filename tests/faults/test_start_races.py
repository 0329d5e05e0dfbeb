"""Many starts of one job at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faults.bench import Bench, finish
from faults.rows import covers

pytestmark = pytest.mark.faults

ROUNDS = 10  # of 20 calls each; the claim is one system call, so each call is a try of its own
STARTS = 20


@covers("many starts: one child", "many starts: the losers", "many starts: the record")
def test_of_many_starts_one_runs_the_job_and_the_others_are_told_so(
    bench: Bench, figure: Callable[[str], None]
) -> None:
    runs = bench.scratch / "runs"
    for _ in range(ROUNDS):
        runs.write_text("")
        job_id = bench.create("sh", "-c", f"echo run >> {runs}; seq 5000")
        calls = [bench.begin("start", "--no-wait", job_id) for _ in range(STARTS)]
        answers = [finish(call) for call in calls]
        assert bench.wait_over(job_id) == ("exited", 0)
        assert runs.read_text() == "run\n"
        assert sum(answer.ok for answer in answers) == 1
        losers = [answer for answer in answers if not answer.ok]
        assert {loser.error_code for loser in losers} == {"invalid_state"}
        expected = "".join(f"{number}\n" for number in range(1, 5001))
        assert bench.file(job_id, "stdout.log").read_text() == expected
    figure(f"{ROUNDS} rounds of {STARTS} starts: 1 child, 1 ok, {STARTS - 1} refused each")
