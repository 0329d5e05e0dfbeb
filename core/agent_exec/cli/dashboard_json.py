"""``--json`` and ``--json --watch``: what the dashboard would show, as documents."""

from __future__ import annotations

import os

from agent_exec.cli.call import STDOUT_FD, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.call import Call
    from agent_exec.cli.grammar import Arguments


def answer_dashboard(arguments: Arguments, call: Call) -> int:
    """Write the snapshot, and with ``--watch`` what changes until somebody ends it."""
    filter_text = arguments.text("--filter")
    store = call.store()
    if not os.path.isdir(store.root):
        say(f"warning: there is no jobs root {store.root} yet")
    if not arguments.flag("--watch"):
        from agent_exec.commands.snapshot import dashboard_snapshot

        call.answer(dashboard_snapshot(store, filter_text=filter_text, environ=call.environ))
        return 0
    from agent_exec.cli.ending import Ending
    from agent_exec.commands.watch_snapshot import DashboardWatch

    with DashboardWatch(
        store, filter_text=filter_text, environ=call.environ, out_fd=STDOUT_FD
    ) as watch:
        end = Ending(watch.stop)
        for document in watch:
            call.answer(document)
        if not watch.has_reader:
            raise BrokenPipeError
        return end.status
