"""Answers as YAML, in the peers' style: blocks, and quotes only where they are needed."""

from __future__ import annotations

import re

import yaml

from agent_exec.cli.envelope import HOSTILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.envelope import Document

_NEVER_FOLD = 2**31
_OTHER = "tag:yaml.org,2002:float"  # any tag but text's


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, for readers of YAML 1.1 and 1.2 alike: text stays text for all of them."""

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Escape hostile characters, which PyYAML takes for printable."""
        self.allow_unicode = not re.search(HOSTILE, text)
        super().write_double_quoted(text, split)
        self.allow_unicode = True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if re.search(HOSTILE, text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
# What readers of YAML 1.2, and of 1.1 in other languages, take for something else than text.
# PyYAML's own resolvers, which make the dumper quote the rest, know nothing of these.
_TAKEN_FOR_OTHERS = (
    # 12e4567 is a number in 1.2: an id of such letters needs its quotes.
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+", "-+.0123456789"),
    (r"[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?", "-+0123456789"),  # sexagesimal
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?", "0123456789"),
    ("[yYnN]", "yYnN"),
)
for _pattern, _first in _TAKEN_FOR_OTHERS:
    _Dumper.add_implicit_resolver(_OTHER, re.compile(rf"^({_pattern})$"), list(_first))


def encode_yaml(document: Document) -> bytes:
    """Write one document, keys in their order."""
    text = yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_NEVER_FOLD,
    )
    return text.encode()
