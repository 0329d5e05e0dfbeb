"""Definition and outcome of two jobs are compared as recorded, and masked values stay masked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent_exec.model.job import JobMeta, JobRef, JobResult, JobState, JobStatus, StateJob
from agent_exec.model.supervision import EndCause, ProcessIdentity, Supervision
from agent_exec.store.listing import JobRecord
from agent_exec_tui.comparison import Fact, Side, Verdict, definition_facts, outcome_facts
from agent_exec_tui.record_rows import row_of

META = JobMeta(
    job=JobRef("a"),
    schema_version="0.1",
    command=("make", "release"),
    created_at="2026-01-01T00:00:00Z",
    root="/jobs",
    env_keys=("SEED", "TOKEN"),
    env_vars=("SEED=1", "TOKEN=***"),
    env_vars_runtime=("SEED=1", "TOKEN=secret"),
    mask=("TOKEN",),
    cwd="/srv",
    tags=("ci", "unit"),
)
STATE = JobState(
    job=StateJob(id="a", status=JobStatus.EXITED, started_at="2026-01-01T00:00:00Z"),
    result=JobResult(exit_code=0, duration_ms=1000),
    finished_at="2026-01-01T00:00:01Z",
    updated_at="2026-01-01T00:00:01Z",
)


def side(meta: JobMeta | None = META, state: JobState | None = STATE, **rest: object) -> Side:
    problem = None if meta and state else "meta.json: not JSON"
    record = JobRecord(job_id="a", meta=meta, state=state, problem=problem, **rest)  # type: ignore[arg-type]
    return Side(row_of(record), record)


def by_label(facts: list[Fact]) -> dict[str, Fact]:
    return {f"{fact.label} {fact.left.partition('=')[0]}" if fact.label == "env" else fact.label: fact
            for fact in facts}  # fmt: skip


def defined(left: Side, right: Side, *, reveal: bool = False) -> dict[str, Fact]:
    return by_label(definition_facts(left, right, reveal=reveal))


def test_two_equal_definitions_differ_in_nothing_but_what_nobody_knows() -> None:
    facts = defined(side(), side())
    unknown = {label for label, fact in facts.items() if fact.verdict is not Verdict.SAME}
    assert unknown == {"env TOKEN"}


def test_every_part_of_a_definition_that_differs_is_named() -> None:
    other = replace(
        META,
        command=("make", "debug"),
        cwd="/tmp",
        tags=("ci",),
        timeout_ms=1000,
        shell_wrapper=("bash", "-c"),
        inherit_env=False,
        env_files=("/srv/.env",),
        env_vars=("SEED=2", "TOKEN=***", "MORE=x"),
    )
    facts = definition_facts(side(), side(other), reveal=True)
    differing = [fact.label for fact in facts if fact.verdict is Verdict.DIFFERENT]
    assert differing == ["command", "shell", "cwd", "tags", "limits", "inherits", "env files",
                         "env", "env"]  # fmt: skip
    assert by_label(facts)["env SEED"].right == "SEED=2"


def test_the_shell_that_is_used_when_none_is_named_is_no_difference() -> None:
    assert defined(side(), side(replace(META, shell_wrapper=("sh", "-lc"))))[
        "shell"
    ].verdict is Verdict.SAME  # fmt: skip


def test_the_order_of_tags_means_nothing() -> None:
    assert defined(side(), side(replace(META, tags=("unit", "ci"))))["tags"].verdict is Verdict.SAME


def test_hidden_values_are_compared_and_masked_ones_neither_shown_nor_compared() -> None:
    other = replace(META, env_vars=("SEED=2", "TOKEN=***"), env_vars_runtime=("TOKEN=other",))
    hidden = defined(side(), side(other))
    assert (hidden["env SEED"].left, hidden["env SEED"].verdict) == ("SEED=***", Verdict.DIFFERENT)
    shown = definition_facts(side(), side(other), reveal=True)
    assert by_label(shown)["env TOKEN"].verdict is Verdict.UNKNOWN
    text = repr(shown)
    assert "secret" not in text
    assert "other" not in text


def test_a_value_masked_on_one_side_only_is_hidden_on_both() -> None:
    other = replace(META, env_vars=("SEED=1", "TOKEN=plain"), mask=())
    facts = definition_facts(side(), side(other), reveal=True)
    assert "plain" not in repr(facts)


def test_the_outcome_tells_exit_cause_and_how_much_longer_it_took() -> None:
    identity = ProcessIdentity(pid=1, start_ticks=1, boot_id="")
    killed = replace(
        STATE,
        job=replace(STATE.job, status=JobStatus.KILLED),
        result=JobResult(signal="9", duration_ms=2500),
    )
    supervision = Supervision(
        supervisor=identity, cause=EndCause.TIMEOUT, reason="too \x1b[31mslow"
    )
    right = side(META, killed, supervision=supervision)
    facts = by_label(outcome_facts(side(), right, now_s=0))
    assert facts["state"].left == "ok · exit 0"
    assert facts["state"].right == "timeout · by KILL"
    assert facts["cause"].verdict is Verdict.DIFFERENT
    assert facts["reason"].right.isprintable()
    assert facts["took"].right == "2.50s (2.5x as long)"
    assert facts["took"].verdict is Verdict.ASIDE


@pytest.mark.usefixtures("two_hours_east")
def test_a_start_is_told_by_the_wall_clock() -> None:
    right = side(META, replace(STATE, job=replace(STATE.job, started_at="2026-01-02T00:00:00Z")))
    fact = by_label(outcome_facts(side(), right, now_s=1_767_226_000))["started"]
    assert (fact.left, fact.right) == ("02:00:00", "2026-01-02 02:00:00")


def test_an_unreadable_job_is_compared_as_far_as_it_goes() -> None:
    broken = side(None, None)
    facts = defined(side(), broken)
    assert facts["command"].right == "–"
    assert facts["command"].verdict is Verdict.DIFFERENT
    outcome = by_label(outcome_facts(side(), broken, now_s=0))
    assert "not JSON" in outcome["state"].right
