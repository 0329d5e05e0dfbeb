"""Answers as documents and as one line of JSON."""

from __future__ import annotations

from agent_exec.model.job import SCHEMA_VERSION
from agent_exec.model.lazy_dataclass import field_names
from agent_exec.model.records import dump_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from agent_exec.errors import AgentExecError

    Document = dict[str, object]

    class Response(Protocol):
        """A verb's answer: a dataclass whose fields are the wire's."""

        @property
        def wire_type(self) -> str:
            """What the envelope's ``type`` says."""


# What a terminal may act on or a reader may not see: DEL, C1, the line and paragraph
# separators, everything that changes the direction of text; and halves of characters, which
# UTF-8 cannot carry. JSON itself escapes the C0 controls.
HOSTILE = "[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


_MANY = 50


def success_document(response: Response) -> Document:
    """Wrap an answer in the envelope of the contract."""
    document: Document = {"schema_version": SCHEMA_VERSION, "ok": True, "type": response.wire_type}
    document.update(_fields_of(response, field_names(response) or ()))
    return document


def error_document(error: AgentExecError) -> Document:
    """Wrap an error in the envelope of the contract."""
    inner: Document = {"code": error.code, "message": str(error), "retryable": error.retryable}
    if error.details is not None:
        inner["details"] = plain(error.details)
    return {"schema_version": SCHEMA_VERSION, "ok": False, "type": "error", "error": inner}


def encode_json(document: Document) -> bytes:
    r"""Write one line that is safe to show: text as it is, hostile characters as ``\uXXXX``."""
    if any(isinstance(value, list) and len(value) > _MANY for value in document.values()):
        import json  # slower to load than few values are to write

        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    else:
        text = dump_text(document)
    if not text.isascii() or "\x7f" in text:
        text = escape_hostile(text)
    return text.encode() + b"\n"


def escape_hostile(text: str) -> str:
    r"""Write what is hostile to terminals as ``\uXXXX``."""
    import re  # most answers need none, and it takes longer than they do

    return re.sub(HOSTILE, lambda match: f"\\u{ord(match.group()):04x}", text)


def plain(value: object) -> object:
    """Turn dataclasses, enumerations, mappings and sequences into what JSON and YAML know."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    names = field_names(value)
    if names is not None:
        return _fields_of(value, names)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"no place on the wire for a {type(value).__name__}")


def _fields_of(response: object, names: tuple[str, ...]) -> Document:
    """The fields in their order; what is None is left out, as the peers do."""
    found = ((name, getattr(response, name)) for name in names)
    return {name: plain(value) for name, value in found if value is not None}
