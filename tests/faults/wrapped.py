"""Start a job whose supervisor runs under a wrapper; its own environment is always empty."""

from __future__ import annotations

import sys

from faults.bench import Bench, Call, finish

_DRIVER = """\
import sys
sys.executable = {wrapper!r}
from agent_exec_tui.__main__ import main
sys.exit(main())
"""


def start_wrapped(bench: Bench, script: str, job_id: str) -> Call:
    """Start a created job.

    Args:
        bench: where it is.
        script: a program text that gets the interpreter's arguments as its own.
        job_id: the job.
    """
    wrapper, driver = bench.scratch / "wrapper", bench.scratch / "driver.py"
    wrapper.write_text(script)
    wrapper.chmod(0o755)
    driver.write_text(_DRIVER.format(wrapper=str(wrapper)))
    usual, bench.command = bench.command, (sys.executable, str(driver))
    try:
        return finish(bench.begin("start", "--no-wait", "--no-auto-gc", job_id))
    finally:
        bench.command = usual
