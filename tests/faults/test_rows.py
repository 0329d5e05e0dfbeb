"""No fault of the list is forgotten: each has a test, or a reason why it has none."""

from __future__ import annotations

import ast
from pathlib import Path

from faults.rows import NOT_PROVOKED, ROWS


def _covered(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "covers"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_fault_has_a_test_or_a_reason() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    covered = set().union(*(_covered(path) for path in files))
    assert set(ROWS) - covered == set(NOT_PROVOKED)
