"""A short soak; ``soak.py`` run by itself is the long one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from faults.bench import Bench
from faults.rows import covers
from faults.soak import soak

pytestmark = pytest.mark.faults

SECONDS = 15.0


@pytest.mark.timeout(300)  # on a machine that is busy with other things
@covers("soak")
def test_every_job_is_accounted_for_after_a_soak(
    bench: Bench, figure: Callable[[str], None]
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    report = soak(bench, SECONDS, seed)
    assert report.problems == [], f"seed {seed}"
    assert report.supervisors_killed > 5
    assert report.runs > 20
    figure(f"seed {seed}: " + "; ".join(report.lines()))
