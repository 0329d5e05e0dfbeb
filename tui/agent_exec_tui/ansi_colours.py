"""The sixteen colours of a terminal as they look in our own themes, which are not the terminal's.

Each is a colour of its own and can be read on the background of every theme: so black is a grey on
the dark ones, white a grey on the light ones. Where a job sets a background, both are themselves.
"""

from __future__ import annotations

from typing import Final

from rich.terminal_theme import TerminalTheme

DARK: Final = TerminalTheme(
    (18, 18, 18),
    (224, 224, 224),
    [
        (134, 134, 134), (240, 84, 84), (80, 200, 100), (228, 200, 60),
        (92, 150, 255), (214, 112, 220), (64, 196, 214), (204, 204, 204),
    ],
    [
        (166, 166, 166), (255, 128, 128), (130, 240, 150), (255, 238, 120),
        (140, 185, 255), (245, 160, 250), (130, 240, 250), (255, 255, 255),
    ],
)  # fmt: skip
LIGHT: Final = TerminalTheme(
    (224, 224, 224),
    (31, 31, 31),
    [
        (0, 0, 0), (190, 20, 20), (10, 110, 30), (125, 85, 0),
        (20, 70, 200), (140, 30, 150), (0, 105, 125), (98, 98, 98),
    ],
    [
        (74, 74, 74), (218, 54, 40), (24, 128, 52), (144, 104, 0),
        (46, 104, 232), (176, 60, 190), (0, 122, 140), (118, 118, 118),
    ],
)  # fmt: skip

# Their fixed twins in the palette of 256: black, white and the greys between.
FIXED_GREYS: Final = {0: 16, 7: 251, 8: 240, 15: 231}
