"""Whatever comes from a terminal, in whatever pieces: only whole keys are keys."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual.events import Key, Paste

from agent_exec_tui.bursts import Burst, PasteRefused
from agent_exec_tui.input_keys import InputParser
from agent_exec_tui.input_tokens import (
    PASTE_BYTES,
    InputTokens,
    Letters,
    LoneEscape,
    Pasted,
    Sequence,
    Token,
)

REPLIES = [
    b"\x1b]11;rgb:1a1a/1b1b/1c1c\x1b\\",
    b"\x1b]11;rgba:1a1a/1b1b/1c1c/ffff\x07",
    b"\x1b]52;c;cXF4eHl5\x07",
    b"\x1b]lA title with q and x\x1b\\",
    b"\x1bP>|tmux 3.4\x1b\\",
    b"\x1bP1$r0;1m\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP!|00000000\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^private\x1b\\",
    b"\x1b[?62;22;52c",
    b"\x1b[>41;354;0c",
    b"\x1b[0n",
    b"\x1b[?997;1n",
    b"\x1b[24;80R",
    b"\x1b[?24;80;1R",
    b"\x1b[?1u",
    b"\x1b[?31u",
    b"\x1b[?2026;2$y",
    b"\x1b[?2004;0$y",
    b"\x1b[4;1$y",
    b"\x1b[8;24;80t",
    b"\x1b[4;480;640t",
    b"\x1b[48;24;80;480;640t",
    b"\x1b[?1;0;1024S",
    b"\x1b[2;1;1;120;120;1;0x",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[<35;40;10M",
    b"\x1b[<0;4;10m",
    b"\x1b[32;40;10M",
    b"\x1b[M\x43\x84\x2a",
    b"\x1b[Mqxy",
    b"\x1b[113;1:3u",
    b"\x1b[13;1:3u",
    b"\x1b[1;1:3B",
    b"\x1b[3;1:3~",
    b"\x1b[113~",
    b"\x1b[57363;129:3u",
    b"\x9b0n",
    b"\x9d11;rgb:0/0/0\x9c",
    b"\xc2\x9b0n",
    b"\x90>|x\x9c",
]
KEYS = {
    b"\x1b[A": "up", b"\x1bOB": "down", b"\x1b[1;5C": "ctrl+right", b"\x1b[Z": "shift+tab",
    b"\x1b[[A": "f1", b"\x1b[5~": "pageup", b"\x1b[3$": "shift+delete", b"\x1bb": "ctrl+left",
    b"\x1bx": "alt+x", b"\x1b[113u": "q", b"\x1b[113;1:1u": "q", b"\x1b[113;1:2u": "q",
    b"\x1b[113;;113u": "q", b"\x1b[97:65;2u": "A", b"\x1b[97:65:97;2:1;65u": "A",
    b"\x1b[1094::99;;1094u": "ц", b"\x1b[0;;233u": "é", b"\x1b[13;1:1u": "enter",
    b"\x1b[99;5u": "ctrl+c", b"\x1b[99;133:1u": "ctrl+c", b"\x1b[1;1:2B": "down",
    b"\x1b[57414u": "enter", b"\x1b[27;5;99~": "ctrl+c", b"\x1b[57399;129u": "0",
}  # fmt: skip


def tokens_of(*pieces: bytes, pause_s: float = 0.0) -> list[Token]:
    reader, now_s, found = InputTokens(), 100.0, []
    for piece in pieces:
        found += reader.feed(piece, now_s)
        now_s += pause_s
        found += reader.tick(now_s)
    return joined(found)


def joined(tokens: list[Token]) -> list[Token]:
    """What is said of letters in one piece or in several is the same."""
    found: list[Token] = []
    for token in tokens:
        if isinstance(token, Letters) and found and isinstance(found[-1], Letters):
            found[-1] = Letters(found[-1].text + token.text)
        else:
            found.append(token)
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def keys_of(*pieces: bytes, pause_s: float = 0.0) -> list[str]:
    """The keys that are made of it; ``…`` for letters that came at once."""
    parser, now_s, found = InputParser(), 100.0, []
    for piece in pieces:
        found += parser.read(piece, now_s)
        now_s += pause_s
        found += parser.tick_at(now_s)
    return ["…" if isinstance(each, Burst) else each.key
            for each in found if isinstance(each, (Key, Burst))]  # fmt: skip


TERMINAL_INPUT = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(REPLIES),
        st.sampled_from(list(KEYS)),
        st.sampled_from([b"\x1b", b"\x1b[", b"\x1b]", b"\x1bO", b"\x1bP", b"\x1b[200~", b"\x1b[201~",
                         b"\x1b[M", b"\x18", "é→😀".encode(), b"q", b"\r", b"\x1b\\"]),
    ),
    max_size=20,
).map(b"".join)  # fmt: skip


@example(b"\x9b\x80\xc3", [1])
@settings(max_examples=500)
@given(TERMINAL_INPUT, st.lists(st.integers(0, 400), max_size=12))
def test_where_it_is_cut_makes_no_difference(data: bytes, places: list[int]) -> None:
    assert tokens_of(*cut(data, places)) == tokens_of(data)


@given(TERMINAL_INPUT, st.sampled_from(list(KEYS)), st.sampled_from([0.0, 0.2, 1.5, 10.0]))
def test_behind_anything_that_fell_silent_a_whole_sequence_is_a_key(
    data: bytes, key: bytes, pause_s: float
) -> None:
    parser = InputParser()
    parser.read(data, 100.0)
    parser.tick_at(100.0 + pause_s)
    last_s = 110.0
    parser.tick_at(last_s)
    found = parser.read(key, last_s + 0.1)
    assert [each.key for each in found if isinstance(each, Key)][-1:] == [KEYS[key]]


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 60), max_size=4),
       st.sampled_from([0.0, 0.05, 0.2, 0.9]))  # fmt: skip
def test_answers_and_reports_are_no_keys_in_any_pieces(
    reply: bytes, places: list[int], pause_s: float
) -> None:
    pieces = cut(reply, places)
    is_late = pause_s > 0.05 and pieces[0] == b"\x1b"
    if is_late and len(pieces) > 1 and len(pieces[1]) == 1:
        return  # two keys of a slow typist: ESC, then a letter
    # Of an ESC that was alone for long nobody can say that it was no key.
    assert keys_of(*pieces, pause_s=pause_s) == (["escape"] if is_late else [])


@pytest.mark.parametrize("sequence", KEYS)
def test_keys_are_keys_in_all_their_forms(sequence: bytes) -> None:
    assert keys_of(sequence) == [KEYS[sequence]]
    for place in range(2, len(sequence)):
        assert keys_of(sequence[:place], sequence[place:], pause_s=0.3) == [KEYS[sequence]]
    for bytewise in (0.0, 0.05):
        assert keys_of(*(bytes((byte,)) for byte in sequence), pause_s=bytewise) == [KEYS[sequence]]


@pytest.mark.parametrize(
    "sequence", [b"\x1b[", b"\x1b[1;", b"\x1b]11;rg", b"\x1bP", b"\x1b[M", b"\x1bO"]
)
def test_ctrl_c_and_enter_work_in_the_middle_of_anything(sequence: bytes) -> None:
    assert keys_of(sequence, b"\x03") == ["ctrl+c"]
    assert keys_of(sequence, b"\r") == ["enter"]


def test_an_answer_without_an_end_is_let_go_of_and_costs_nothing() -> None:
    reader = InputTokens()
    for number in range(2000):
        assert reader.feed(b"qxy" * 1000, 100.0 + number / 100) == [] or number == 0
        if number == 0:
            reader.feed(b"\x1b]52;", 100.0)
    held = sum(
        len(value) for value in vars(reader).values() if isinstance(value, (bytes, bytearray))
    )
    assert held < 1000
    assert reader.tick(200.0) == []
    assert reader.feed(b"q", 200.1) == [Letters("q")]


@pytest.mark.parametrize("begin", [b"\x1b[", b"\x1bO"])
def test_a_sequence_without_an_end_costs_nothing(begin: bytes) -> None:
    reader = InputTokens()
    reader.feed(begin, 100.0)
    for _ in range(20):
        reader.feed(b"1;" * 10_000, 100.0)
    assert sum(len(value) for value in vars(reader).values() if isinstance(value, bytearray)) < 1000
    assert reader.feed(b"\x1b[B", 100.0)[-1] == Sequence("\x1b[B")


def test_bytes_that_are_no_utf8_are_no_letters_and_spoil_no_others() -> None:
    assert tokens_of(b"\xe9") == []
    assert tokens_of(b"\xe9", b"j") == [Letters("j")]
    assert tokens_of(b"caf\xe9 \xff\xc3") == [Letters("caf ")]
    assert tokens_of("é".encode()[:1], "é".encode()[1:]) == [Letters("é")]
    assert tokens_of(b"\x1b[200~caf\xe9\x1b[201~") == [Pasted("caf\ufffd")]


def test_only_a_lone_escape_runs_out_of_time() -> None:
    assert tokens_of(b"\x1b", pause_s=0.2) == [LoneEscape()]
    assert tokens_of(b"\x1b", b"\x1b", pause_s=0.2) == [LoneEscape(), LoneEscape()]
    assert tokens_of(b"\x1b[", b"B", pause_s=30) == [Sequence("\x1b[B")]
    assert tokens_of(b"\x1b", b"[B", pause_s=0.2) == [LoneEscape(), Sequence("\x1b[B")]
    assert keys_of(b"\x1b", b"]11;rgb:1/1/1\x1b\\", pause_s=0.2) == ["escape"]


def test_a_paste_is_one_whatever_is_in_it() -> None:
    text = "touch a\x1b[31m\r\x1b]0;t\x07 \x1b[200~ q\x1b"
    parser = InputParser()
    found = parser.read(f"\x1b[200~{text}\x1b[201~".encode(), 100.0)
    assert [each.text for each in found if isinstance(each, Paste)] == [text]
    assert len(found) == 1


def test_a_paste_that_lost_its_end_is_given_up_and_so_is_one_too_large() -> None:
    parser = InputParser()
    assert parser.read(b"\x1b[200~half", 100.0) == []
    (paste,) = parser.tick_at(104.0)
    assert isinstance(paste, Paste)
    assert paste.text == "half"
    assert keys_of(b"q") == ["q"]
    parser.read(b"\x1b[200~", 110.0)
    for _ in range(5):
        assert parser.read(b"x" * PASTE_BYTES, 110.0) == []
    (refused,) = parser.read(b"\x1b[201~", 110.0)
    assert isinstance(refused, PasteRefused)


def test_letters_that_come_at_once_are_no_keys_unless_they_are_one() -> None:
    assert keys_of(b"jjjj") == ["j"] * 4
    assert keys_of(b"xy") == ["…"]
    assert keys_of(b"x\r") == ["…"]
    assert keys_of(b"x\x1b[By") == ["…", "down", "…"]
    assert keys_of(b"\x1b[120;;120u\x1b[121;;121u") == ["x", "y"]
    assert keys_of(b"q\x1b[B") == ["q", "down"]


def test_what_comes_right_behind_letters_at_once_belongs_to_them() -> None:
    parser = InputParser()
    assert isinstance(parser.read(b"read", 100.0)[0], Burst)
    assert isinstance(parser.read(b"y", 100.05)[0], Burst)
    assert isinstance(parser.read(b"y", 100.5)[0], Key)


def test_sizes_that_a_terminal_tells_never_divide_by_nothing() -> None:
    parser = InputParser()
    parser.read(b"\x1b[48;0;0;0;0t\x1b[48;24;80;0;0t", 100.0)
    assert parser.read(b"\x1b[<0;5;5M", 100.0)
    parser.read(b"\x1b[48;24;80;480;640t", 100.0)
    assert parser.read(b"\x1b[<0;5;5M\x1b[<0;99999;99999M", 100.0)


@settings(max_examples=300)
@given(st.binary(max_size=300), st.lists(st.floats(0, 5), max_size=6))
def test_no_bytes_at_all_are_too_much_for_it(data: bytes, pauses: list[float]) -> None:
    parser, now_s = InputParser(), 100.0
    for place in range(0, len(data), 50):
        parser.read(data[place : place + 50], now_s)
        now_s += pauses[place // 50] if place // 50 < len(pauses) else 0.0
        parser.tick_at(now_s)
