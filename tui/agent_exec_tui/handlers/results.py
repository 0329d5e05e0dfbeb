"""What is said when commands on jobs are through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec_tui.job_rows import ID_CHARS, clean
from agent_exec_tui.journal import Entry
from agent_exec_tui.operations import summary, told
from agent_exec_tui.screens.dialog import LISTED, TextDialog

if TYPE_CHECKING:
    from agent_exec_tui.messages import OperationEnded
    from agent_exec_tui.screens.main import MainScreen


def show_results(main: MainScreen, event: OperationEnded) -> None:
    """One toast for all; a reason on the row of each job that failed; a list if there are many."""
    _keep(main, event)
    failed = [outcome for outcome in event.outcomes if not outcome.is_done]
    main.notice(
        {
            outcome.job_id: "" if outcome.is_done else f"{event.verb}: {outcome.text}"
            for outcome in event.outcomes
        }
    )
    if len(event.outcomes) == 1:
        outcome = event.outcomes[0]
        main.say(
            told(event.verb, outcome),
            severity="information" if outcome.is_done else "error",
            timeout_s=4.0 if outcome.is_done else 10.0,
        )
    elif event.outcomes:
        if not failed:
            main.say(summary(event.verb, event.outcomes))
        else:
            lines = [
                f"{clean(outcome.job_id[:ID_CHARS])}  {'done  ' if outcome.is_done else 'FAILED'}"
                f"  {outcome.text}"
                for outcome in sorted(event.outcomes, key=lambda outcome: outcome.is_done)[:LISTED]
            ]
            if len(event.outcomes) > LISTED:
                lines.append(f"… and {len(event.outcomes) - LISTED:,} more")
            main.app.push_screen(TextDialog(summary(event.verb, event.outcomes), "\n".join(lines)))
    touched = [name for o in event.outcomes for name in (o.job_id, o.new_id) if name]
    main.reading.refresh(touched)
    new = next((outcome.new_id for outcome in event.outcomes if outcome.new_id), None)
    if new is not None:
        main.follow_new(new)


def _keep(main: MainScreen, event: OperationEnded) -> None:
    for outcome in event.outcomes:
        main.session.journal.add(
            Entry(
                at_s=event.at_s,
                verb=event.verb,
                job_id=outcome.job_id,
                line=event.line_of(outcome) if event.line_of else outcome.line,
                is_done=outcome.is_done,
                text=outcome.text,
                new_id=outcome.new_id,
                removed=(outcome.job_id,) if outcome.is_removed else (),
            )
        )
    restored = {outcome.job_id for outcome in event.outcomes if outcome.is_restored}
    main.session.journal.undone(restored)
