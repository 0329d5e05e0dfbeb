"""What the environment says about a terminal, and what is known of terminals of that name.

Nothing is asked of the terminal itself: an answer could come when somebody else reads it.
"""

from __future__ import annotations

from agent_exec.commands.check import Findings
from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.check import Check

_YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What is known of one kind of terminal.

    Attributes:
        copying: whether programs may set the clipboard (OSC 52): ``yes``, or what keeps them.
        frames: whether it shows pictures as a whole (mode 2026): ``yes``, or what it does.
        eaten: keys it keeps for itself unless told otherwise.
    """

    name: str
    copying: str
    frames: str
    eaten: str = ""


_UNKNOWN = Terminal(name="a terminal that does not say its name", copying="not known",
                    frames="not known")  # fmt: skip
_BY_PROGRAM = {
    "iTerm.app": Terminal(
        name="iTerm2", frames=_YES, eaten="cmd+key",
        copying="off until Settings > General > Selection allows applications the clipboard",
    ),
    "Apple_Terminal": Terminal(
        name="Terminal.app", copying="only in the newest versions of macOS",
        frames="only in the newest versions of macOS", eaten="F11, cmd+key; alt+key types accents",
    ),
    "vscode": Terminal(
        name="VS Code", copying=_YES, frames="in newer versions",
        eaten="ctrl+p, ctrl+e, ctrl+f and others, unless terminal.integrated.sendKeybindingsToShell"
        " is set (: opens the palette as ctrl+p does)",
    ),
    "WezTerm": Terminal(name="WezTerm", copying=_YES, frames=_YES,
                        eaten="ctrl+shift+key, alt+enter"),
    "ghostty": Terminal(name="Ghostty", copying=_YES, frames=_YES, eaten="ctrl+shift+key"),
    "mintty": Terminal(
        name="mintty", copying="off until AllowSetSelection=true", frames="in newer versions",
        eaten="alt+F4, ctrl+tab, shift+pgup, shift+pgdn",
    ),
    "WarpTerminal": Terminal(name="Warp", copying=_YES, frames=_YES, eaten="cmd+key"),
}  # fmt: skip
# The variable that a terminal of that kind sets.
_BY_VARIABLE = {
    "KITTY_WINDOW_ID": Terminal(name="kitty", copying=_YES, frames=_YES, eaten="ctrl+shift+key"),
    "ALACRITTY_WINDOW_ID": Terminal(name="Alacritty", copying=_YES, frames="from 0.13",
                                    eaten="ctrl+shift+c, ctrl+shift+v"),
    "WT_SESSION": Terminal(name="Windows Terminal", copying=_YES, frames="in newer versions",
                           eaten="ctrl+shift+key, alt+enter, F11"),
    "KONSOLE_VERSION": Terminal(name="Konsole", copying="from 24.12", frames="not known",
                                eaten="F11, ctrl+shift+key, shift+←, shift+→"),
    "TERMINAL_EMULATOR": Terminal(
        name="the terminal of a JetBrains IDE", copying="not known", frames="not known",
        eaten="esc goes to the editor unless the IDE's settings say otherwise; F-keys",
    ),
    "VTE_VERSION": Terminal(name="GNOME Terminal or another with VTE", copying="no",
                            frames="not known",
                            eaten="F1, F10, F11, ctrl+shift+key, alt+digit"),
    "XTERM_VERSION": Terminal(name="xterm", copying="off until disallowedWindowOps allows it",
                              frames="no"),
}  # fmt: skip
# How TERM begins, longest first where one begins like another.
_BY_TERM = {
    "xterm-kitty": _BY_VARIABLE["KITTY_WINDOW_ID"],
    "xterm-ghostty": _BY_PROGRAM["ghostty"],
    "alacritty": _BY_VARIABLE["ALACRITTY_WINDOW_ID"],
    "foot": Terminal(name="foot", copying=_YES, frames=_YES, eaten="ctrl+shift+key"),
    "rxvt": Terminal(name="rxvt", copying="only with an extension", frames="no"),
    "st": Terminal(name="st", copying=_YES, frames="only with a patch"),
    "linux": Terminal(name="the Linux console", copying="no", frames="no",
                      eaten="F1 to F5 arrive as something else; alt+F-key changes the console"),
}  # fmt: skip


def check_terminal(environ: Mapping[str, str], *, has_terminal: bool) -> list[Check]:
    """Judge the terminal by the environment alone.

    Args:
        environ: the caller's.
        has_terminal: whether input and output are one at all.
    """
    found = Findings("terminal")
    if has_terminal:
        found.ok("terminal", "input and output are one")
    else:
        found.warn(
            "terminal",
            "there is none here",
            "the dashboard needs one; --json and --screen 120x36 do not",
        )
    _check_term(found, environ.get("TERM", ""), has_terminal=has_terminal)
    _check_colours(found, environ)
    _check_locale(found, environ)
    terminal = terminal_of(environ)
    multiplexer = multiplexer_of(environ)
    _check_multiplexer(found, environ, multiplexer)
    _check_clipboard(found, terminal, multiplexer)
    _check_frames(found, terminal, multiplexer)
    _check_keys(found, terminal, multiplexer)
    return found.checks


def terminal_of(environ: Mapping[str, str]) -> Terminal:
    """Tell which terminal this is, as far as it says so; below a multiplexer it often does not."""
    known = _BY_PROGRAM.get(environ.get("TERM_PROGRAM", ""))
    if known is not None:
        return known
    for variable, terminal in _BY_VARIABLE.items():
        if environ.get(variable):
            return terminal
    term = environ.get("TERM", "")
    for beginning, terminal in _BY_TERM.items():
        if term == beginning or term.startswith(f"{beginning}-"):
            return terminal
    return _UNKNOWN


def multiplexer_of(environ: Mapping[str, str]) -> str:
    """Name what stands between the program and the terminal; empty for nothing."""
    for name, variable in (("tmux", "TMUX"), ("zellij", "ZELLIJ"), ("screen", "STY")):
        if variable in environ and environ[variable] != "":
            return name
    return ""


def _check_term(found: Findings, term: str, *, has_terminal: bool) -> None:
    note = found.fail if has_terminal else found.warn
    if not term:
        note("TERM", "not set", "set it to what your terminal is, such as TERM=xterm-256color")
    elif term in ("dumb", "unknown"):
        note("TERM", f"{term}: nothing can be placed on such a screen",
             "use a real terminal, or --json and --screen")  # fmt: skip
    else:
        found.ok("TERM", term)


def _check_colours(found: Findings, environ: Mapping[str, str]) -> None:
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        found.ok("colours", "none: NO_COLOR is set")
    elif environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        found.ok("colours", "16 million")
    elif term.endswith("-256color"):
        found.ok("colours", "256 (with COLORTERM=truecolor 16 million, if the terminal has them)")
    else:
        found.warn(
            "colours",
            "16, as far as TERM and COLORTERM tell",
            "theme = \"terminal\" in tui.toml looks best with these; or set COLORTERM=truecolor",
        )  # fmt: skip


def locale_of(environ: Mapping[str, str]) -> str:
    """The locale that decides about characters; empty when none is set."""
    return environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""


def _check_locale(found: Findings, environ: Mapping[str, str]) -> None:
    locale = locale_of(environ)
    if "utf-8" in locale.lower() or "utf8" in locale.lower():
        found.ok("characters", f"UTF-8 ({locale})")
    elif "." not in locale and locale not in ("C", "POSIX"):
        found.ok("characters", f"{locale or 'no locale is set'}; UTF-8 is assumed")
    else:
        found.warn(
            "characters",
            f"{locale} is not UTF-8: letters are drawn instead of glyphs",
            "export LC_CTYPE=C.UTF-8 (or LC_ALL, if that is what is set)",
        )


def _check_multiplexer(found: Findings, environ: Mapping[str, str], multiplexer: str) -> None:
    term = environ.get("TERM", "")
    if not multiplexer:
        found.ok("multiplexer", "none")
    elif multiplexer == "tmux" and not term.startswith(("tmux", "screen")):
        found.warn("multiplexer", f"tmux, yet TERM is {term or 'not set'}",
                   "set -g default-terminal tmux-256color in tmux.conf")  # fmt: skip
    elif multiplexer == "screen":
        found.warn("multiplexer", "GNU screen: 256 colours at most, no clipboard, more flicker",
                   "tmux has all of them")  # fmt: skip
    else:
        found.ok("multiplexer", multiplexer)


def _check_clipboard(found: Findings, terminal: Terminal, multiplexer: str) -> None:
    name = "copying by OSC 52"
    if multiplexer == "tmux":
        found.ok(name, "by way of tmux, if it has set-clipboard on (external is not enough)")
    elif multiplexer == "screen":
        found.warn(name, "GNU screen keeps it from the terminal",
                   "wl-copy, xclip, xsel or pbcopy are used where they are installed")  # fmt: skip
    elif terminal.copying == _YES:
        found.ok(name, f"{terminal.name}: yes")
    else:
        found.warn(name, f"{terminal.name}: {terminal.copying}",
                   "wl-copy, xclip, xsel or pbcopy are used where they are installed; "
                   "M gives the mouse to the terminal")  # fmt: skip


def _check_frames(found: Findings, terminal: Terminal, multiplexer: str) -> None:
    name = "synchronized output"
    if multiplexer:
        found.ok(name, f"decided by {multiplexer}; used if it says that it has it")
    elif terminal.frames == _YES:
        found.ok(name, f"{terminal.name}: yes")
    else:
        found.ok(name, f"{terminal.name}: {terminal.frames}; used if the terminal says it has it")


def _check_keys(found: Findings, terminal: Terminal, multiplexer: str) -> None:
    prefixes = {"tmux": "ctrl+b (its prefix)", "screen": "ctrl+a (its prefix)",
                "zellij": "ctrl+p, ctrl+n, ctrl+o, ctrl+t, ctrl+s and others (its modes)"}  # fmt: skip
    eaten = [f"{terminal.name}: {terminal.eaten}"] if terminal.eaten else []
    if multiplexer:
        eaten.append(f"{multiplexer}: {prefixes[multiplexer]}")
    everybody = "ctrl+h, ctrl+i, ctrl+m, ctrl+[ are backspace, tab, enter, esc everywhere"
    found.ok("keys kept from programs", "; ".join([*eaten, everybody]))
