"""The list of what a cleaning would remove keeps room for the command at every width."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from agent_exec_tui.screens.clean import CleanDialog
from agent_exec_tui.widgets.clean_list import CleanList, Column, columns_for
from support.dashboard import Root, app_of, dashboard, frozen_clock, until


@pytest.mark.parametrize(
    ("width", "dropped"),
    [(106, set()), (72, {"STDOUT", "STDERR"}), (30, {"STDOUT", "STDERR", "FINISHED", "WHY"})],
)
def test_the_narrower_the_fewer_columns(width: int, dropped: set[str]) -> None:
    assert set(Column) - set(columns_for(width)) == dropped


async def test_a_kept_job_is_marked_apart_from_its_id_and_what_is_cut_says_so(
    tmp_path: Path,
) -> None:
    with Root(tmp_path / "root") as root:
        root.add("8c57ce08", ("echo", "first", "x" * 90, "last"))
        root.running("9d", ("sleep", "1", "y" * 90, "last"))
        async with dashboard(root.path, (80, 24), clock=frozen_clock) as pilot:
            main = app_of(pilot).main
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, CleanDialog))
            dialog = pilot.app.screen
            dialog.query_one("#keep_newest", Input).value = "0"
            listed = dialog.query_one(CleanList)
            await until(pilot, lambda: listed.virtual_size.height == 4)
            listed.focus()
            await pilot.press("space")
            await until(pilot, lambda: " keep " in listed.render_line(1).text)
            head, job, _, running = (listed.render_line(y).text for y in range(4))
            assert job.startswith("> keep 8c57ce08 ")
            assert job.index("8c57ce08") == head.index("ID")
            assert "echo first" in job
            assert job.rstrip().endswith("last")
            assert "…" in job
            assert "…" in running
            assert {cell_len(line) for line in (head, job, running)} == {listed.size.width}
            assert pilot.app.screen is not main
