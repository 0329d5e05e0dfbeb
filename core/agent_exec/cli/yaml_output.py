"""Answers as YAML, in the peers' style: blocks, and quotes only where they are needed."""

from __future__ import annotations

import re

import yaml

from agent_exec.cli.envelope import HOSTILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.cli.envelope import Document

_NEVER_FOLD = 2**31
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_NUMBER = "tag:yaml.org,2002:float"


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, for readers of YAML 1.1 and 1.2 alike."""

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
# The peers leave timestamps bare; for them, as in YAML 1.2, they are text.
_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
# YAML 1.2 reads 12e4567 as a number and 1.1 does not: an id of such letters needs its quotes.
_Dumper.add_implicit_resolver(
    _NUMBER,
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^0o[0-7]+$"),
    list("-+.0123456789"),
)


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
