from __future__ import annotations

from textual.binding import Binding

from agent_exec_tui import keymap
from agent_exec_tui.actions import ACTIONS, BY_ID, actions_for
from agent_exec_tui.handlers import handlers_for
from agent_exec_tui.screens.dialog import ConfirmDialog, Dialog
from agent_exec_tui.screens.main import MainScreen
from agent_exec_tui.settings import Settings
from agent_exec_tui.situation import ALL_PANES, Pane


def test_ids_are_unique_and_every_action_has_a_help_line() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert all(action.help and action.label for action in ACTIONS)


def test_no_key_means_two_things_in_one_pane() -> None:
    assert keymap.clashes({}) == []


def test_no_default_key_is_one_that_terminals_take_away() -> None:
    beside_another = {("move.page_up", "ctrl+b")}  # as in vi and less, where it does come through
    for action in ACTIONS:
        for key in action.keys:
            name = keymap.normal_key(key)
            assert name not in keymap.UNSAFE_KEYS or (action.id, name) in beside_another, action.id
            assert not name.startswith(("f1", "f2", "alt+", "ctrl+shift+")), action.id


def test_every_action_has_code_that_does_it(tmp_path: object) -> None:
    main = MainScreen(str(tmp_path), Settings())
    assert set(handlers_for(main)) == {a.id for a in ACTIONS if a.panes & ALL_PANES}


def test_every_action_with_a_key_is_bound_once_in_each_of_its_panes() -> None:
    for pane in ALL_PANES:
        bound = [
            binding.id
            for binding in (*keymap.pane_bindings(pane), *keymap.screen_bindings())
            if isinstance(binding, Binding)
        ]
        assert sorted(map(str, bound)) == sorted(
            action.id for action in actions_for(pane) if action.keys
        )


def test_every_action_of_dialogs_is_bound_in_one_and_none_of_its_keys_clash() -> None:
    bound = {
        binding.id
        for dialog in (Dialog, ConfirmDialog)
        for binding in dialog.BINDINGS
        if isinstance(binding, Binding)
    }
    assert {action.id for action in actions_for(Pane.DIALOG)} <= bound
    _, problems = keymap.checked_overrides({"dialog.confirm": ["j"]})
    assert problems == [("dialog.confirm", "key j is both move.down and dialog.confirm")]


def test_keys_are_read_as_people_write_them() -> None:
    assert keymap.normal_key("^d") == "ctrl+d"
    assert keymap.normal_key("/") == "slash"
    assert keymap.normal_key("G") == "G"
    assert keymap.shown_key("ctrl+d") == "^d"
    assert keymap.shown_key("shift+down") == "shift+↓"


def test_own_keys_replace_the_default_ones() -> None:
    taken, problems = keymap.checked_overrides({"job.start": ["B", "^l"], "app.refresh": ["L"]})
    assert taken == {"job.start": ("B", "ctrl+l"), "app.refresh": ("L",)}
    assert problems == []


def test_two_actions_may_swap_their_keys() -> None:
    taken, problems = keymap.checked_overrides({"job.stop": ["X"], "job.kill": ["x"]})
    assert taken == {"job.stop": ("X",), "job.kill": ("x",)}
    assert problems == []


def test_unusable_own_keys_are_named_and_left_out() -> None:
    wanted = {"no.such": ["z"], "job.start": ["x"], "job.add": [], "app.help": ["ctrl+i"],
              "job.tags": ["nonsense"], "job.edit": ["hyper+e"]}  # fmt: skip
    taken, problems = keymap.checked_overrides(wanted)
    assert taken == {}
    told = dict(problems)
    assert told["no.such"] == "no such action"
    assert "key x is both" in told["job.start"]
    assert told["job.add"] == "needs at least one key"
    assert told["app.help"] == "^i is tab"
    assert told["job.tags"] == "nonsense is no key"
    assert told["job.edit"] == "hyper+e is no key"


def test_every_default_key_is_a_key() -> None:
    for action in ACTIONS:
        assert all(keymap.is_key(keymap.normal_key(key)) for key in action.keys), action.id


def test_the_key_table_names_every_action() -> None:
    table = keymap.key_table()
    assert all(f"`{action.id}`" in table for action in ACTIONS)
