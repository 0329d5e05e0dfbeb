"""``schema``: the shape of every answer, made from the classes that are the answers."""

from __future__ import annotations

from importlib import import_module

from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]

SCHEMA_FORMAT = "json-schema-draft-07"
# When the shape of an answer last changed; callers may cache by it.
CHANGED_AT = "2026-11-25T00:00:00Z"
_DRAFT_07 = "http://json-schema.org/draft-07/schema#"
_REFERENCE = "#/definitions/{model}"

_RESPONSES = {
    "CreateResponse": ("create", "CreatedJob"),
    "RunResponse": ("run", "RunJob"),
    "StartResponse": ("start", "StartedJob"),
    "RestartResponse": ("restart", "RestartedJob"),
    "StatusResponse": ("status", "JobStatusReport"),
    "ListResponse": ("list", "JobListing"),
    "TailResponse": ("tail", "JobTail"),
    "TailChunkResponse": ("tail", "TailChunk"),
    "TailEndResponse": ("tail_end", "TailEnd"),
    "WaitResponse": ("wait", "WaitedJob"),
    "WaitJobsResponse": ("wait", "WaitedJobs"),
    "KillResponse": ("kill", "KilledJob"),
    "GcResponse": ("gc", "GcReport"),
    "DeleteResponse": ("delete", "DeleteReport"),
    "RepairResponse": ("repair", "RepairReport"),
    "TagSetResponse": ("tag", "TagsSet"),
    "NotifySetResponse": ("notify", "NotificationSet"),
    "InfoResponse": ("info", "ProgramInfo"),
    "DoctorResponse": ("doctor", "DoctorReport"),
    "SettingsCheckResponse": ("settings_check", "SettingsCheck"),
    "SchemaResponse": ("schema", "JsonSchema"),
    "DashboardResponse": ("snapshot", "DashboardSnapshot"),
    "DashboardChangeResponse": ("watch_snapshot", "DashboardChange"),
}
# The names by which the peers' schema calls what ours calls by its class.
_PEERS_NAMES = {"ListedJob": "JobSummary"}
_RUN_LIKE = ("RunResponse", "StartResponse", "RestartResponse")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchema:
    """The schema of all answers.

    Attributes:
        schema: a JSON Schema document with a definition for each answer.
        generated_at: when the shape of an answer last changed.
    """

    wire_type = "schema"

    schema_format: str
    schema: dict[str, object]
    generated_at: str


def response_schema() -> JsonSchema:
    """Describe every answer that goes to stdout."""
    definitions: Json = {"Envelope": _envelope(), "ErrorDetail": _error_detail()}
    definitions["ErrorResponse"] = _response(
        {
            "properties": {
                "error": {"$ref": "#/definitions/ErrorDetail"},
                "ok": {"const": False},
                "type": {"const": "error"},
            },
            "required": ["error"],
            "type": "object",
        }
    )
    for name, (module, class_name) in _RESPONSES.items():
        answer = getattr(import_module(f"agent_exec.commands.{module}"), class_name)
        body, parts = _describe(_decorated(answer), answer.wire_type)
        definitions.update(parts)
        definitions[name] = _response(body)
    definitions["RunLikeResponse"] = {
        "oneOf": [{"$ref": f"#/definitions/{name}"} for name in _RUN_LIKE]
    }
    roots = ["ErrorResponse", *_RESPONSES]
    schema: Json = {
        "$comment": CHANGED_AT,
        "$schema": _DRAFT_07,
        "definitions": dict(sorted(definitions.items())),
        "description": "Every JSON document that agent-exec-tui writes to stdout. "
        "A key whose value is unknown or does not apply is left out.",
        "oneOf": [{"$ref": f"#/definitions/{name}"} for name in roots],
        "title": "agent-exec-tui answers",
    }
    return JsonSchema(schema_format=SCHEMA_FORMAT, schema=schema, generated_at=CHANGED_AT)


def _response(body: Json) -> Json:
    return {"allOf": [{"$ref": "#/definitions/Envelope"}, body]}


def _envelope() -> Json:
    return {
        "properties": {
            "ok": {"description": "Whether the command did what it was asked.", "type": "boolean"},
            "schema_version": {"const": "0.1", "type": "string"},
            "type": {"description": "Which answer this is.", "type": "string"},
        },
        "required": ["schema_version", "ok", "type"],
        "type": "object",
    }


def _error_detail() -> Json:
    return {
        "properties": {
            "code": {"description": "What went wrong, for programs.", "type": "string"},
            "details": {"description": "Facts that belong to the code.", "type": "object"},
            "message": {"description": "What went wrong, for people.", "type": "string"},
            "retryable": {
                "description": "Whether the same command may succeed later.",
                "type": "boolean",
            },
        },
        "required": ["code", "message", "retryable"],
        "type": "object",
    }


def _decorated(answer: type) -> type:
    """The class of *answer*'s ancestry whose fields are the wire's."""
    return next(each for each in answer.__mro__ if "__dataclass_fields__" in vars(each))


def _describe(answer: type, wire_type: str) -> tuple[Json, Json]:
    """Give an answer's own part and the definitions that it refers to."""
    from pydantic import TypeAdapter

    described = TypeAdapter(answer).json_schema(ref_template=_REFERENCE, mode="serialization")
    parts = described.pop("$defs", {})
    body = _as_draft_07(described)
    assert isinstance(body, dict)
    properties = {"type": {"const": wire_type}, **_part(body, "properties")}
    required = [key for key in _required_of(answer) if key in properties]
    texts = _texts_of(answer)
    _add_texts(properties, texts)
    told: Json = {"properties": properties, "required": required, "type": "object"}
    if texts.get(""):
        told["description"] = texts[""]
    return told, {_PEERS_NAMES.get(name, name): _as_draft_07(part) for name, part in parts.items()}


def _part(document: Json, key: str) -> Json:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _required_of(answer: type) -> list[str]:
    from dataclasses import MISSING, fields

    return [
        field.name
        for field in fields(answer)
        if field.default is MISSING and field.default_factory is MISSING
    ]


def _add_texts(properties: Json, texts: dict[str, str]) -> None:
    for key, value in properties.items():
        if key in texts and isinstance(value, dict):
            # Beside a reference, draft 7 ignores everything else.
            if "$ref" in value:
                properties[key] = {"allOf": [value], "description": texts[key]}
            else:
                value["description"] = texts[key]


def _texts_of(answer: type) -> dict[str, str]:
    """Read a class's docstring: its first line under "", then one text an attribute."""
    summary, _, rest = (answer.__doc__ or "").strip().partition("\n")
    texts = {"": summary}
    key = ""
    for line in rest.partition("Attributes:")[2].splitlines():
        stripped = line.strip()
        name, colon, text = stripped.partition(": ")
        if colon and name.isidentifier() and len(line) - len(line.lstrip()) <= _ATTRIBUTE_INDENT:
            key, texts[name] = name, text
        elif stripped and key:
            texts[key] += f" {stripped}"
    return texts


_ATTRIBUTE_INDENT = 8


def _as_draft_07(node: object) -> object:
    """Rewrite what the newer draft says differently, and what the wire leaves out."""
    if isinstance(node, list):
        return [_as_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: value for key, value in node.items() if key not in ("title", "default")}
    options = node.get("anyOf")
    if isinstance(options, list):
        # None is left out of an answer, never written.
        kept = [option for option in options if option != {"type": "null"}]
        if len(kept) == 1:
            del node["anyOf"]
            node.update(kept[0])
    if "prefixItems" in node:
        node["items"] = node.pop("prefixItems")
    if isinstance(node.get("description"), str):
        node["description"] = str(node["description"]).partition("\n")[0]
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        node["$ref"] = _REFERENCE.format(model=_PEERS_NAMES.get(name, name))
    return {key: _as_draft_07(value) for key, value in node.items()}
