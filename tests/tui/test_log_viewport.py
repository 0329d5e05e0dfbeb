"""A view shows the file's own lines, wherever it stands, and nothing but the reader moves it."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_exec_tui.ansi import LINE_LIMIT
from agent_exec_tui.formatting import size
from agent_exec_tui.log_pattern import compile_pattern
from agent_exec_tui.log_source import LogSource
from agent_exec_tui.log_viewport import Mark, Viewport, wrap_points
from agent_exec_tui.log_window import WindowRequest, build_window


class View:
    """A viewport with its window kept up to date, as the widget does it."""

    def __init__(self, path: Path, *, width: int = 10, height: int = 5, wrap: bool = False) -> None:
        self.source = LogSource(str(path))
        self.port = Viewport()
        self.port.resize(width, height, wrap=wrap)
        self.load()

    def load(self, at: int | None = None) -> None:
        if at is None and not self.port.follow:
            at = self.port.top_start
        height = self.port.height
        request = WindowRequest(at, 2 * height, 3 * height, height)
        self.port.set_window(build_window(self.source, self.source.refresh(), request))

    def move(self, rows: int) -> None:
        self.port.follow = False
        while (owed := self.port.move(rows)) != 0:
            before = (self.port.top_start, self.port.top_row)
            self.load()
            assert (self.port.top_start, self.port.top_row) == before
            rows = owed
        if self.port.is_near_edge():
            self.load()

    def text(self) -> list[str]:
        return [row.line.text[row.begin : row.end] for row in self.port.rows() if row.line]


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def expected_rows(lines: list[str], width: int, *, wrap: bool) -> list[str]:
    if not wrap:
        return lines
    return [line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)]


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lengths=st.lists(st.integers(0, 35), max_size=80),
    moves=st.lists(st.integers(-30, 30), max_size=12),
    wrap=st.booleans(),
)
def test_moving_shows_what_a_list_of_all_rows_would(
    tmp_path: Path, lengths: list[int], moves: list[int], wrap: bool
) -> None:
    path = tmp_path / "a.log"
    lines = [(f"{number}-" + "x" * 40)[:length] for number, length in enumerate(lengths)]
    write(path, lines)
    rows = expected_rows(lines, 10, wrap=wrap)
    view = View(path, wrap=wrap)
    last = max(len(rows) - 5, 0)
    top = last
    assert view.text() == rows[top : top + 5]
    for step in moves:
        view.move(step)
        top = min(max(top + step, 0), last)
        assert view.text() == rows[top : top + 5]


def test_growth_moves_a_following_view_only(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [f"line {n}" for n in range(100)])
    view = View(path)
    view.move(-3)
    seen = view.text()
    for n in range(100, 300):
        with path.open("a") as file:
            file.write(f"line {n}\n")
        view.load()
        assert view.text() == seen
    view.port.follow = True
    view.load()
    assert view.text()[-1] == "line 299"


def test_scrolling_down_to_the_end_does_not_resume_following(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [f"line {n}" for n in range(100)])
    view = View(path)
    view.move(-3)
    view.move(50)
    assert view.port.is_at_end()
    assert not view.port.follow


def test_a_new_width_keeps_the_top_character_on_screen(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, ["abcdefghijklmnopqrstuvwxyz" * 4] * 20)
    view = View(path, wrap=True, width=13)
    view.port.follow = False
    view.load(at=0)
    view.port.jump(0)
    view.move(3)
    first = view.port.rows()[0].begin
    for width in (7, 40, 13, 100, 5):
        view.port.resize(width, 5, wrap=True)
        row = view.port.rows()[0]
        assert row.begin <= first < row.end or row.begin <= first


def test_wide_characters_wrap_by_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, ["漢字漢字漢 ab"])
    view = View(path, wrap=True, width=5)
    assert view.text() == ["漢字", "漢字", "漢 ab"]
    line = view.port.lines[0]
    assert wrap_points(line, 1)[:3] == [0, 1, 2]  # nothing fits: still goes on


def test_marks_are_rows_of_their_own_and_scroll_along(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [f"line {n}" for n in range(8)])
    view = View(path, height=4)
    view.port.marks.append(Mark(path.stat().st_size, "now"))
    view.port.settle()
    assert view.port.rows()[-1].mark is not None
    with path.open("a") as file:
        file.write("after\n")
    view.load()
    rows = view.port.rows()
    assert [bool(row.mark) for row in rows] == [False, False, True, False]
    view.move(-1)
    assert [bool(row.mark) for row in view.port.rows()] == [False, False, False, True]


def test_only_matching_lines_are_picked_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, [f"line {n} {'hit' if n % 100 == 7 else ''}" for n in range(5000)])
    source = LogSource(str(path))
    pattern = compile_pattern("hit")
    request = WindowRequest(None, 10, 20, 5, only=pattern, with_numbers=True)
    snapshot = source.refresh()
    while source.advance(10):
        pass
    tail = build_window(source, snapshot, request)
    assert [line.number for line in tail.lines][-2:] == [4808, 4908]
    middle = build_window(
        source, snapshot, WindowRequest(tail.lines[10].start, 3, 3, 3, only=pattern)
    )
    assert len(middle.lines) == 6
    assert not middle.at_start
    assert all("hit" in line.text for line in middle.lines)


def test_full_log_prefixes_become_time_and_stream(tmp_path: Path) -> None:
    path = tmp_path / "full.log"
    path.write_bytes(
        b"2026-01-01T00:00:00Z [STDOUT] one\n2026-01-01T00:00:01Z [STDERR] \x1b[31mtwo\n"
        b"no prefix [STDERR] x\n2026-01-01T00:00:02Z [STDOUT] \n"
        b"2026-01-01T00:00:03Z [STDOUT] " + b"%6d\r" % 1 * 20_000 + b"done\n"
    )
    source = LogSource(str(path))
    request = WindowRequest(0, 0, 10, 5, is_merged=True)
    lines = build_window(source, source.refresh(), request).lines
    assert [(line.stream, line.text) for line in lines] == [
        ("stdout", "one"),
        ("stderr", "two"),
        ("", "no prefix [STDERR] x"),
        ("stdout", ""),
        ("stdout", "done 1"),
    ]
    assert lines[1].stamp == "2026-01-01T00:00:01Z"


def test_a_huge_line_is_shown_by_its_head_a_hit_within_or_its_last_overwrite(
    tmp_path: Path,
) -> None:
    path = tmp_path / "huge.log"
    body = b"a" * 200_000 + "żneedle".encode() + b"b" * 300_000
    path.write_bytes(body + b"\n" + b"%5d%%\r" % 7 * 50_000 + b"99%\n")
    source = LogSource(str(path))
    snapshot = source.refresh()
    head = build_window(source, snapshot, WindowRequest(0, 0, 2, 2)).lines
    assert head[0].text.endswith(f"a +{size(len(body) + 1 - LINE_LIMIT)}")
    assert head[1].text == "99% 7%"
    focused = build_window(source, snapshot, WindowRequest(0, 0, 1, 1, focus=200_001)).lines[0]
    assert "żneedle" in focused.text
    assert focused.text.startswith(f"+{size(167_233)} aaa")
    assert focused.text.endswith(f"bbb +{size(267_240)}")


def test_windows_over_huge_lines_stay_small(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    path.write_bytes((b"y" * 500_000 + b"\n") * 60)
    source = LogSource(str(path))
    window = build_window(source, source.refresh(), WindowRequest(15_000_000, 40, 60, 10))
    assert 10 <= len(window.lines) < 60
    assert not window.at_start
    assert not window.at_end
