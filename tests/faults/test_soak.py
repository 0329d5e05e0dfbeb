"""A short soak; ``soak.py`` run by itself is the long one."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.rows import covers

pytestmark = pytest.mark.faults

SOAK = Path(__file__).with_name("soak.py")
MINUTES = 0.2


@pytest.mark.timeout(300)  # on a machine that is busy with other things
@covers("soak")
def test_every_job_is_accounted_for_after_a_soak(figure: Callable[[str], None]) -> None:
    seed = random.SystemRandom().randrange(2**32)
    words = [sys.executable, str(SOAK), "--minutes", str(MINUTES), "--seed", str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figure("; ".join(done.stdout.splitlines()))
