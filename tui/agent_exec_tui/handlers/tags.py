"""Changing tags: one job's are typed anew; what is done to the line of several is done to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_exec.errors import InvalidTagError
from agent_exec.model.tags import require_tag, unique
from agent_exec_tui import operations
from agent_exec_tui.command_line import tag_line
from agent_exec_tui.handlers.chosen import READABLE, Chosen
from agent_exec_tui.handlers.work import EachLine, work_on
from agent_exec_tui.screens.menu import PromptDialog
from agent_exec_tui.tag_change import TagChange, common_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_exec_tui.handlers import Handler
    from agent_exec_tui.job_rows import JobRow
    from agent_exec_tui.operations import Operation
    from agent_exec_tui.screens.main import MainScreen


class TagHandlers:
    """The handler of tags."""

    def __init__(self, main: MainScreen) -> None:
        self._main = main

    def handlers(self) -> dict[str, Handler]:
        """By action id."""
        return {"job.tags": self._tags}

    def _tags(self) -> None:
        main = self._main
        chosen = Chosen.of(main.situation().targets, READABLE)
        rows = chosen.rows
        shown = rows[0].tags if chosen.is_one else common_tags([row.tags for row in rows])

        def change_of(text: str) -> TagChange:
            return TagChange(shown=shown, typed=unique(text.split()), is_whole=chosen.is_one)

        def changed(change: TagChange) -> list[JobRow]:
            return [row for row in rows if change.of(row.tags) != row.tags]

        def lines(text: str) -> Sequence[str]:
            change, root = change_of(text), main.root_words()
            return EachLine(
                lambda row: tag_line(row.job_id, change.of(row.tags), root), changed(change)
            )

        def typed(answer: str | None) -> None:
            if answer is None:
                return
            change = change_of(answer)
            if not (touched := changed(change)):
                main.say("nothing was changed", timeout_s=2)
                return
            work_on(main, "tags", self._operation(change), touched, ())

        hint = (
            "separated by blanks; these replace the present ones"
            if chosen.is_one
            else "those all of them have; what you add or take away is done to each"
        )
        prompt = PromptDialog(
            "Tags" if chosen.is_alone else f"Tags of {chosen.jobs}",
            does="save",
            value=" ".join(shown),
            hint="\n".join(filter(None, (hint, chosen.left_text))),
            check=_flaw,
            command_lines=lines,
        )
        main.app.push_screen(prompt, typed)

    def _operation(self, change: TagChange) -> Operation:
        root = self._main.root_words()
        if change.is_whole:
            return operations.set_tags(change.typed, root)
        return operations.change_tags(change.added, change.removed, root)


def _flaw(text: str) -> str | None:
    for tag in text.split():
        try:
            require_tag(tag)
        except InvalidTagError as error:
            return str(error)
    return None
