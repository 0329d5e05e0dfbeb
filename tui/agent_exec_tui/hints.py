"""The footer's hints: what the focused pane can do now, fitted to the width; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from agent_exec_tui.actions import Action, actions_for
from agent_exec_tui.keymap import keys_of, shown_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_exec_tui.situation import Situation

Hint = tuple[str, str]
GAP_CELLS = 2


def hints_for(now: Situation, overrides: Mapping[str, tuple[str, ...]]) -> list[Hint]:
    """List the keys worth showing, likeliest first; only what is possible now."""
    actions: list[Action] = sorted(
        (action for action in actions_for(now.pane) if action.rank and action.enabled(now) is None),
        key=lambda action: action.rank,
    )
    hints = []
    for action in actions:
        keys = keys_of(action, overrides)
        if keys:
            hints.append((shown_key(keys[0]), action.label))
    return hints


def fit_hints(hints: Sequence[Hint], width: int) -> list[Hint]:
    """Keep whole hints only, as many as fit; the last one, help, always stays."""
    if not hints:
        return []
    *others, last = hints
    room = width - _cells(last)
    kept = []
    for hint in others:
        needed = _cells(hint) + GAP_CELLS
        if needed > room:
            continue
        kept.append(hint)
        room -= needed
    return [*kept, last]


def hint_line(hints: Sequence[Hint], width: int) -> str:
    """Write whole hints into a dialog's frame, as many as fit; the last one always stays."""
    return "  ".join(f"{key} {label}" for key, label in fit_hints(hints, width))


def title_line(parts: Sequence[str], width: int) -> str:
    """Write what a frame says of itself, the last parts left out where they do not fit."""
    kept = list(parts)
    while len(kept) > 1 and cell_len(" · ".join(kept)) > width:
        kept.pop()
    return " · ".join(kept)


def _cells(hint: Hint) -> int:
    return cell_len(hint[0]) + 1 + cell_len(hint[1])
