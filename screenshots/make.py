"""Make the README's pictures: the real dashboard over real jobs, ``python3 screenshots/make.py``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in ("core", "tui"):
    sys.path.insert(0, str(HERE.parent / folder))
os.environ["TEXTUAL_ANIMATIONS"] = "none"

from agent_exec_tui.app import DashboardApp
from agent_exec_tui.demo import Demo
from agent_exec_tui.settings import load_settings

SETTLE_S = 4.0  # long enough for the running examples to have something to show

# name -> terminal size and the keys pressed before the picture is taken
PICTURES = {
    "dashboard-80x24": ((80, 24), ("j", "j")),
    "dashboard-120x36": ((120, 36), ("j", "j")),
    "dashboard-200x50": ((200, 50), ("j", "j")),
    "clean-up-120x36": ((120, 36), ("C", "backspace", "backspace", "0", "s")),
    "add-job-120x36": ((120, 36), ("a", *"./train --seed 2")),
    "stop-120x36": ((120, 36), ("j", "j", "x")),
    "help-120x36": ((120, 36), ("question_mark",)),
}


async def take(name: str, root: str) -> None:
    """Drive the app to what the picture shows and write the SVG beside this file."""
    size, keys = PICTURES[name]
    app = DashboardApp(root, load_settings({"HOME": "/nonexistent"}))
    async with app.run_test(size=size) as pilot:
        await pilot.pause(SETTLE_S)
        await pilot.press(*keys)
        await pilot.pause(0.5)
        (HERE / f"{name}.svg").write_text(app.export_screenshot(title="agent-exec-tui"))


def main() -> None:
    """Take all pictures, or those named on the command line."""
    with Demo() as demo:
        os.chdir(demo.project)
        for name in sys.argv[1:] or PICTURES:
            asyncio.run(take(name, demo.root))


if __name__ == "__main__":
    main()
