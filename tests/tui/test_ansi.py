"""What leaves the sanitiser is printable, whatever a job wrote."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_exec_tui.ansi import LINE_LIMIT, CleanLine, Span, plain, plain_cells, sanitize_line
from agent_exec_tui.sgr import PLAIN, Sgr

HOSTILE = [
    b"\x1b]52;c;ZXZpbA==\x07",  # clipboard write
    b"\x1b]8;;http://evil\x1b\\",  # link
    b"\x1b]0;title\x07",
    b"\x1b[2J\x1b[H",
    b"\x1b[?1049h",
    b"\x1b[?1000;1006h",
    b"\x1b[201~",
    b"\x1b[c\x1b[6n\x1b[>0q",
    b"\x1bP+q544e\x1b\\",
    b"\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
    "\x9b5;5H".encode(),
    "\x9d52;c;xx\x9c".encode(),
    b"\x1b(0\x1b)B\x1bc\x1b7\x1b=",
    b"\x1b[38;5",
    b"\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\",
]
NOT_SHOWABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
fragments = st.sampled_from(
    [
        *HOSTILE,
        b"\r",
        b"\r\n",
        b"\x08",
        b"\t",
        b"text",
        "żółw漢字".encode(),
        b"\x1b[31m",
        b"\x1b[0m",
        b"\x1b[K",
        b"\x1b[2K",
        b"\x1b[5G",
        b"\x1b[3D",
        b"\x1b[7C",
        b"\x1b[2X",
        b"\x1b]52;c;unfinished",
        b"\x9d0;title\x9c",
        "\U0001f468\u200d\U0001f469\ufe0f\U0001f3fd\U0001f1e9\U0001f1ea\u0301".encode(),
    ]
) | st.binary(max_size=8)
any_bytes = st.lists(fragments, max_size=30).map(b"".join)
any_text = any_bytes.map(lambda data: data.decode("utf-8", "replace")) | st.text(
    st.characters(exclude_categories=[]), max_size=60
)


def assert_printable(text: str) -> None:
    bad = [char for char in text if unicodedata.category(char) in NOT_SHOWABLE]
    assert not bad, [hex(ord(char)) for char in bad]


def joined(line: CleanLine) -> str:
    return "".join(span.text for span in line.spans)


@given(any_bytes | st.binary(max_size=200))
def test_nothing_but_printable_text_comes_out_of_any_bytes(data: bytes) -> None:
    line = sanitize_line(data)
    assert_printable(line.text)
    assert line.text == joined(line)


def test_no_character_that_is_not_to_be_shown_comes_through() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in NOT_SHOWABLE:
            assert_printable(plain(chr(code)))
            assert_printable(sanitize_line(f"a{chr(code)}").text)


@given(any_text)
def test_nothing_but_printable_text_comes_out_of_any_text(text: str) -> None:
    assert_printable(sanitize_line(text).text)
    assert_printable(plain(text))
    assert "\n" not in plain(text)
    assert_printable(plain_cells(text))
    assert len(plain_cells(text)) == len(text)


@given(any_bytes)
def test_sanitising_twice_changes_nothing(data: bytes) -> None:
    once = sanitize_line(data).text
    assert sanitize_line(once).text == once
    assert plain(plain(once)) == plain(once)


@pytest.mark.parametrize("sequence", HOSTILE, ids=repr)
def test_a_control_sequence_vanishes_with_its_payload(sequence: bytes) -> None:
    assert sanitize_line(b"before" + sequence).text == "before"


@pytest.mark.parametrize("sequence", HOSTILE, ids=repr)
def test_text_after_a_finished_sequence_stays(sequence: bytes) -> None:
    assert sanitize_line(sequence + b"Z after").text.endswith(" after")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"10%\r20%\r30%", "30%"),
        (b"10%\r20%\r", "20%"),
        (b"10%\r   \r", "10%"),
        (b"line\r\n", "line"),
        (b"line\r\r\n", "line"),
        (b"10%\r20%\r\n", "20%"),
        (b"abc\x08\x08X", "aXc"),
        (b"[....] Starting: apache2\r[ ok ]", "[ ok ] Starting: apache2"),
        (b"  Installing deps\r|\r/\r-", "- Installing deps"),
        (b"long old text\rnew\x1b[K", "new"),
        (b"long old text\r\x1b[2Knew", "new"),
        (b"long old text\x1b[1Gnew", "newg old text"),
        (b"Loading\x1b[60G[ OK ]", f"{'Loading':<59}[ OK ]"),
        (b"abc\x1b[2D\x1b[XZ", "aZc"),
        (b"ab\x1b[2CX", "ab  X"),
        (b"10%\x1b[2K\r", "10%"),
        (b"password: abc\x08 \x08\x08 \x08\x08 \x08", "password:"),
        ("\u65e5\u672c\rX".encode(), "X \u672c"),
        ("\u65e5\u672c\r\tX".encode(), "\u65e5\u672c    X"),
        ("\u65e5\u672c\tx".encode(), "\u65e5\u672c    x"),
        ("e\u0301\tx".encode(), "e\u0301       x"),
        ("\u0301x".encode(), "\u25cc\u0301x"),
        ("ab\r\u0301".encode(), "\u25cc\u0301b"),
        (b"login: telnet\r\x00", "\u2400login: telnet"),
        (b"bell\r\x07", "\u2407bell"),
        (b"50%\x07\r60%\x07", "60%\u2407"),
        (b"a\x00b\rXY", "XY"),
        (b"u\0t\0f\x001\x006\0\r\0\n", "\u2400u\u2400t\u2400f\u24001\u24006\u2400"),
        (
            "cp1250 \u017ar\xf3d\u0142o i \u017eivot".encode("cp1250"),
            "cp1250 \ufffdr\ufffdd\ufffdo i \ufffdivot",
        ),
        (b"a\x08\x08\x08b", "b"),
        (b"a\tb", "a       b"),
        (b"1234567\tb", "1234567 b"),
        (b"12345678\tb", "12345678        b"),
        (b"nul\x00bel\x07del\x7f", "nul␀bel␇del␡"),
        (b"lone\x1b", "lone␛"),
        ("a\u202eb".encode(), "a<U+202E>b"),
        ("a\u2028b\u200bc\ufeff".encode(), "a<U+2028>b<U+200B>c<U+FEFF>"),
        ("nel\x85".encode(), "nel<U+0085>"),
        ("warn \u26a0\ufe0f".encode(), "warn \u26a0"),
        ("a\u00a0b\u3000c".encode(), "a b  c"),
        (b"bad \xff\xfe utf", "bad \ufffd\ufffd utf"),
        (b"[red]no markup[/foo]", "[red]no markup[/foo]"),
        (b"see \x1b]8;;http://evil\x1b\\the docs\x1b]8;;\x1b\\ now", "see the docs now"),
        (b"see \x1b]8;id=1;http://evil\x07the docs\x1b]8;;\x07 now", "see the docs now"),
        (b"see \x1b]8;;http://evil the docs", "see \u241b]8;;http://evil the docs"),
        (b"a\x1bPq#0;2\x1b[31mb", "ab"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(), "\U0001f468\U0001f469\U0001f467"),
        ("\u2764\ufe0f\u200d\U0001f525!".encode(), "\u2764\U0001f525!"),
        (
            "\U0001f44d\U0001f3fd\U0001f1e9\U0001f1ea".encode(),
            "\U0001f44d\U0001f3fd\U0001f1e9\U0001f1ea",
        ),
        ("a\u200db \U0001f3fd \U0001f1e9".encode(), "a<U+200D>b <U+1F3FD> <U+1F1E9>"),
        ("\U0001f468\u200dsh".encode(), "\U0001f468<U+200D>sh"),
    ],
)
def test_controls_become_their_visible_effect(data: bytes, text: str) -> None:
    assert sanitize_line(data).text == text


@pytest.mark.parametrize(
    ("params", "style"),
    [
        ("1;31", Sgr(fg=1, bold=True)),
        ("92;104", Sgr(fg=10, bg=12)),
        ("38;5;208", Sgr(fg=208)),
        ("48;2;1;2;3", Sgr(bg=(1, 2, 3))),
        ("38:2::9:8:7", Sgr(fg=(9, 8, 7))),
        ("38:2:9:8:7", Sgr(fg=(9, 8, 7))),
        ("48:5:17;3", Sgr(bg=17, italic=True)),
        ("4:3", Sgr(underline=True)),
        ("58;5;1;9", Sgr(strike=True)),
        ("2;7;27", Sgr(dim=True)),
        ("31;39;41;49;1;22", PLAIN),
        ("31;", PLAIN),
        ("8;5;6", PLAIN),
        ("38;5;999", PLAIN),
        ("38;2;1", PLAIN),
        ("9" * 5000, PLAIN),
    ],
)
def test_sgr_is_kept_as_a_style(params: str, style: Sgr) -> None:
    line = sanitize_line(f"\x1b[{params}mtext".encode())
    assert line.spans == (Span("text", style),)


@pytest.mark.parametrize("blanks", [0, 1000])
def test_of_thousands_of_overwrites_the_last_that_shows_anything_stays(blanks: int) -> None:
    data = b"".join(b"%d%%\r" % number for number in range(5000)) + b"      \r" * blanks
    assert sanitize_line(data).text == "4999%"


def test_private_and_intermediate_forms_of_m_are_no_colours() -> None:
    assert sanitize_line(b"\x1b[>4;1mA\x1b[?1mB\x1b[1 mC").spans == (Span("ABC", PLAIN),)


def test_a_style_outlives_an_overwrite_and_what_is_not_covered_keeps_its_own() -> None:
    assert sanitize_line(b"\x1b[31m1%\r2%").spans == (Span("2%", Sgr(fg=1)),)
    assert sanitize_line(b"\x1b[31mred\x1b[0m\rb").spans == (
        Span("b", PLAIN),
        Span("ed", Sgr(fg=1)),
    )
    assert sanitize_line(b"next", look=Sgr(fg=2)).spans == (Span("next", Sgr(fg=2)),)


def test_emoji_in_a_command_are_not_torn_and_nothing_else_is_joined() -> None:
    assert plain("\U0001f468\u200d\U0001f469 \u2764\ufe0f") == "\U0001f468\U0001f469 \u2764"
    assert plain("rm\u200d \U0001f468\u200drm") == "rm<U+200D> \U0001f468<U+200D>rm"


def test_a_long_line_is_cut_between_characters_and_tells_how_much_is_hidden() -> None:
    data = "é".encode() * LINE_LIMIT
    line = sanitize_line(b"x" + data)
    assert line.hidden_bytes == len(data) + 1 - (LINE_LIMIT - 1)
    assert line.text == "x" + "é" * (LINE_LIMIT // 2 - 1)
    assert sanitize_line(data, limit=None).hidden_bytes == 0


def test_plain_hides_nothing_behind_overwrites_or_sequences() -> None:
    assert plain("rm -rf x\recho hi") == "rm -rf x␍echo hi"
    assert plain("a\nb\tc\x1b[31md\x08") == "a␊b c␛[31md␈"


@pytest.mark.parametrize(
    "unit",
    [
        b"\x1b[",
        b"\x1b]",
        b"a\x08\x08",
        b"\x08a",
        b"\r",
        b" \r",
        b"\x00",
        b"\x1b[1mA",
        b"\xff",
        b"\t",
    ],
    ids=repr,
)
def test_the_time_for_a_hostile_line_grows_with_its_length_only(unit: bytes) -> None:
    def took_s(repeats: int) -> float:
        data = unit * repeats
        best = 60.0
        for _ in range(3):
            started = time.thread_time()
            sanitize_line(data, limit=None)
            best = min(best, time.thread_time() - started)
        return best

    assert took_s(32_000) < max(40 * took_s(2_000), 0.05)  # a quadratic one takes 256 times as long
