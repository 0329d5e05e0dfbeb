"""The terminal's sixteen colours in our themes: distinct, and readable on every background."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from agent_exec_tui.ansi_colours import DARK, LIGHT
from agent_exec_tui.sgr import PLAIN, apply_sgr
from agent_exec_tui.widgets.log_paint import rich_style
from support.dashboard import Root, app_of, dashboard

MIN_CONTRAST = 2.5  # frappe's surface is the lightest of the dark ones


def colours(theme: TerminalTheme) -> list[Color]:
    return [Color(*theme.ansi_colors[number]) for number in range(16)]


def luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Color, other: Color) -> float:
    """The WCAG's ratio, 1 to 21."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_no_two_colours_look_alike(theme: TerminalTheme) -> None:
    for one, other in combinations(colours(theme), 2):
        assert sum(abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True)) >= 30


@pytest.mark.parametrize(
    "name", sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi)
)
def test_every_colour_can_be_read_in_every_theme(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    grounds = theme.to_color_system().generate()
    for ground in ("background", "surface"):
        for colour in colours(DARK if theme.dark else LIGHT):
            assert contrast(colour, Color.parse(grounds[ground])) >= MIN_CONTRAST


def test_on_a_jobs_own_background_black_is_black_and_white_is_white() -> None:
    black_on_green = rich_style(apply_sgr(PLAIN, "30;42"), in_our_colours=True)
    assert black_on_green.color is not None
    assert black_on_green.color.get_truecolor(DARK) == (0, 0, 0)
    assert black_on_green.bgcolor is not None
    assert black_on_green.bgcolor.get_truecolor(DARK) == DARK.ansi_colors[2]
    white_on_black = rich_style(apply_sgr(PLAIN, "97;40"), in_our_colours=True)
    assert white_on_black.color is not None
    assert white_on_black.color.get_truecolor(LIGHT) == (255, 255, 255)
    black = rich_style(apply_sgr(PLAIN, "30"), in_our_colours=True)
    assert black.color is not None
    assert black.color.get_truecolor(DARK) == DARK.ansi_colors[0]
    native = rich_style(apply_sgr(PLAIN, "30;42"), in_our_colours=False)
    assert native.color is not None
    assert native.color.number == 0


async def test_the_dashboard_draws_with_them(tmp_path: Path) -> None:
    async with dashboard(Root(tmp_path / "root").path) as pilot:
        app = app_of(pilot)
        assert app.ansi_theme is DARK
        app.theme = "textual-light"
        await pilot.pause()
        assert app.ansi_theme is LIGHT
