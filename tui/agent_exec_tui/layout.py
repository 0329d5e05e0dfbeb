"""Which panes a terminal of some size shows, and how they stand; pure."""

from __future__ import annotations

from enum import StrEnum

from agent_exec.model.lazy_dataclass import dataclass

MIN_WIDTH = 40
MIN_HEIGHT = 10
STRIP_HEIGHT = 18
TABS_HEIGHT = 30


class Mode(StrEnum):
    """The arrangements, by width alone, so that they can be foretold."""

    TINY = "tiny"
    SINGLE = "single"
    STACKED = "stacked"
    SPLIT = "split"
    WIDE = "wide"


BREAKPOINTS = [(0, "-single"), (80, "-stacked"), (120, "-split"), (160, "-wide")]
HEIGHT_BREAKPOINTS = [(0, "-low"), (STRIP_HEIGHT, "-high")]


def size_classes(width: int, height: int) -> dict[str, bool]:
    """Give the classes that the screen has at a size, by name as ``update_classes`` takes them."""
    measured = ((width, BREAKPOINTS), (height, HEIGHT_BREAKPOINTS))
    names = (
        next(name for least, name in reversed(breakpoints) if cells >= least)
        for cells, breakpoints in measured
    )
    return dict.fromkeys(names, True)


class Part(StrEnum):
    """What can be on the screen; the first four are the panes that take the focus."""

    JOBS = "jobs"
    STDOUT = "stdout"
    STDERR = "stderr"
    DETAIL = "detail"
    STRIP = "strip"
    TABS = "tabs"


PANES = (Part.JOBS, Part.STDOUT, Part.STDERR, Part.DETAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked to see.

    Attributes:
        current: the pane with the focus.
        stream: the log last looked at.
        detail: whether the full detail pane was asked for; None leaves it to the width.
    """

    current: Part = Part.JOBS
    stream: Part = Part.STDOUT
    is_zoomed: bool = False
    detail: bool | None = None


def mode_of(width: int, height: int) -> Mode:
    """Choose the arrangement."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Mode.TINY
    for least, mode in ((160, Mode.WIDE), (120, Mode.SPLIT), (80, Mode.STACKED)):
        if width >= least:
            return mode
    return Mode.SINGLE


def parts_for(width: int, height: int, wish: Wish) -> frozenset[Part]:
    """Choose what is shown; the pane with the focus always is."""
    mode = mode_of(width, height)
    if mode is Mode.TINY:
        return frozenset()
    parts = {Part.TABS} if height >= TABS_HEIGHT else set()
    if wish.is_zoomed or mode is Mode.SINGLE:
        parts.add(wish.current)
        if mode is Mode.SINGLE and height >= STRIP_HEIGHT and not wish.is_zoomed:
            parts.add(Part.STRIP)
        return frozenset(parts)
    shows_detail = wish.current is Part.DETAIL or wish.detail is True
    parts.add(Part.JOBS)
    if mode is Mode.WIDE:
        parts |= {Part.STDOUT, Part.STDERR}
        if shows_detail or wish.detail is None:
            parts.add(Part.DETAIL)
    elif shows_detail and wish.current not in (Part.STDOUT, Part.STDERR):
        parts.add(Part.DETAIL)
    elif mode is Mode.SPLIT:
        parts |= {Part.STDOUT, Part.STDERR}
    else:
        parts.add(wish.current if wish.current is not Part.JOBS else wish.stream)
    if height >= STRIP_HEIGHT and Part.DETAIL not in parts:
        parts.add(Part.STRIP)
    return frozenset(parts)


def jobs_percent(height: int, mode: Mode, chosen: int | None) -> int:
    """How much of the body the list takes."""
    if chosen is not None:
        return chosen
    if mode is Mode.WIDE:
        return 50
    return 55 if height >= STRIP_HEIGHT else 40
