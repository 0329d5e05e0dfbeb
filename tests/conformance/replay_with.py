"""Replay the recordings with any program and say where it differs from them.

PYTHONPATH=tests python tests/conformance/replay_with.py PROGRAM [CASE...]

Without the list of deliberate differences: the real agent-exec 0.2.6 gives nothing but what
its clock and shell make different. The ids that made it remove other people's files are left
out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from conformance import differences, recording
from conformance.differences import Differences
from conformance.judge import Judgement, final_judgement
from conformance.replay import Replay

DANGEROUS = frozenset(
    {"delete_empty_id_removes_root", "delete_path_escapes_root", "err_status_empty_id"}
)
FILES_LIMIT_S = 3.0


def main() -> int:
    """Replay, print, and say with the exit status whether all was as recorded."""
    program, *wanted = sys.argv[1:]
    listed = differences.load()
    bare = Differences(
        left_out=listed.left_out,
        amendments=(),
        extra_fields={},
        extra_files=(),
        missing_steps=listed.missing_steps,
        failing_steps=listed.failing_steps,
        races=listed.races,
    )
    different = 0
    for name in wanted or recording.names():
        if name in DANGEROUS or name in listed.left_out:
            continue
        with tempfile.TemporaryDirectory(prefix="ae", ignore_cleanup_errors=True) as scratch:
            try:
                problems = _replayed(name, program, Path(scratch), bare).problems
            except AssertionError as error:
                problems = [f"cannot be replayed: {error}"]
        if problems:
            different += 1
            sys.stdout.write(f"{name}\n" + "".join(f"  {problem}\n" for problem in problems))
    sys.stdout.write(f"{different} cases differ\n")
    return int(different > 0)


def _replayed(name: str, program: str, scratch: Path, listed: Differences) -> Judgement:
    replay = Replay(
        recording.load(name),
        [program],
        scratch / name,
        missing_directory=listed.missing_steps.get(name),
        may_fail=True,
    )
    try:
        replay.set_up()
        outcome = replay.perform()
        return final_judgement(replay, outcome, listed, limit_s=FILES_LIMIT_S, is_ours=False)
    finally:
        replay.clean_up()


if __name__ == "__main__":
    sys.exit(main())
