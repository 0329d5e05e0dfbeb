"""The schema tells the shape of the answers that are really given."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from agent_exec.cli.envelope import success_document
from agent_exec.commands.delete import delete_jobs
from agent_exec.commands.doctor import diagnose
from agent_exec.commands.gc import GcPolicy, collect_garbage
from agent_exec.commands.info import program_info
from agent_exec.commands.list import list_jobs
from agent_exec.commands.notify import NotificationChange, set_notification
from agent_exec.commands.schema import response_schema
from agent_exec.commands.snapshot import dashboard_snapshot
from agent_exec.commands.tag import set_tags
from agent_exec.commands.tail import follow_job, tail_job
from agent_exec.commands.watch_snapshot import ChangeKind, DashboardChange
from agent_exec.store.jobs import JobStore
from support.built_jobs import put_job

if TYPE_CHECKING:
    from pathlib import Path

    from agent_exec.cli.envelope import Response

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def part(document: object, key: str) -> dict[str, object]:
    assert isinstance(document, dict)
    value = document[key]
    assert isinstance(value, dict)
    return value


def check(value: object, schema: object, definitions: dict[str, object], where: str) -> None:
    """Hold *value* to the parts of JSON Schema that ours uses; keys it does not know fail."""
    assert isinstance(schema, dict)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        check(value, definitions[reference.removeprefix("#/definitions/")], definitions, where)
    for option in schema.get("allOf", []):
        check(value, option, definitions, where)
    if "const" in schema:
        assert value == schema["const"], where
    if "enum" in schema:
        assert value in schema["enum"], where
    if "type" in schema:
        assert isinstance(value, TYPES[schema["type"]]), where
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            check(item, schema["items"], definitions, f"{where}[{index}]")
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= value.keys(), where
        for key, inner in part(schema, "properties").items():
            if key in value:
                check(value[key], inner, definitions, f"{where}.{key}")


def check_answer(answer: Response, name: str) -> None:
    definitions = part(response_schema().schema, "definitions")
    document = json.loads(json.dumps(success_document(answer)))
    check(document, definitions[name], definitions, name)
    both = part(definitions, name)["allOf"]
    assert isinstance(both, list)
    known = part(definitions["Envelope"], "properties").keys() | part(both[1], "properties").keys()
    assert document.keys() <= known


def test_answers_have_the_shape_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    store = JobStore(tmp_path / "root")
    put_job(store, "a", stdout=b"hi\n")
    put_job(store, "b", "running")
    put_job(store, "c", None)
    check_answer(response_schema(), "SchemaResponse")
    check_answer(list_jobs(store), "ListResponse")
    check_answer(tail_job(store, "a"), "TailResponse")
    chunks = follow_job(store, "a")
    check_answer(next(chunks), "TailChunkResponse")
    with pytest.raises(StopIteration) as over:
        next(chunks)
    check_answer(over.value.value, "TailEndResponse")
    check_answer(set_tags(store, "a", ["x"]), "TagSetResponse")
    pattern = NotificationChange(output_pattern="x")
    check_answer(set_notification(store, "a", pattern), "NotifySetResponse")
    snapshot = dashboard_snapshot(store)
    check_answer(snapshot, "DashboardResponse")
    change = DashboardChange(
        change=ChangeKind.ADDED,
        counts=snapshot.counts,
        matched=snapshot.matched,
        job=snapshot.jobs[0],
    )
    check_answer(change, "DashboardChangeResponse")
    check_answer(program_info(store), "InfoResponse")
    check_answer(diagnose(store), "DoctorResponse")
    check_answer(collect_garbage(store, GcPolicy(), dry_run=True), "GcResponse")
    check_answer(collect_garbage(store, GcPolicy(), independent=True), "GcResponse")
    check_answer(delete_jobs(store, cwd="/srv"), "DeleteResponse")


def test_a_wrong_answer_would_be_noticed(tmp_path: Path) -> None:
    definitions = part(response_schema().schema, "definitions")
    document = success_document(list_jobs(JobStore(tmp_path)))
    document["skipped"] = "none"
    with pytest.raises(AssertionError, match=r"ListResponse\.skipped"):
        check(document, definitions["ListResponse"], definitions, "ListResponse")


def test_the_schema_is_of_the_old_draft_and_whole() -> None:
    answer = response_schema()
    assert answer.schema_format == "json-schema-draft-07"
    assert answer.schema["$comment"] == answer.generated_at
    text = json.dumps(answer.schema)
    assert "$defs" not in text
    assert "prefixItems" not in text
    definitions = part(answer.schema, "definitions")
    references = set(re.findall(r'"#/definitions/([^"]+)"', text))
    assert references <= definitions.keys()
    peers = ["Envelope", "ErrorDetail", "ErrorResponse", "JobSummary", "KillResponse"]
    peers += ["ListResponse", "RunLikeResponse", "SchemaResponse", "StatusResponse"]
    assert definitions.keys() >= {*peers, "TailResponse", "WaitResponse"}
