"""Judge what a replayed call gave: answer, exit status, stderr, files and permissions."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from conformance.compare import Comparison
from conformance.differences import Amendment, Differences
from conformance.recording import Json, parsed, to_bytes
from conformance.replay import Found, Outcome, Replay
from support.waiting import wait_until

PRIVATE_DIRECTORY = "0o700"
PRIVATE_FILE = "0o600"


@dataclass(frozen=True)
class Judgement:
    """What is wrong, and which entries of the list were needed.

    Attributes:
        may_come_right: whether waiting could help: only files are not as they should be (yet).
        came_early: whether the answer was given before an end that the recording has seen: on a
            busy machine even `true` may take longer than the look a launch waits for.
    """

    problems: list[str]
    used: frozenset[Amendment]
    may_come_right: bool
    came_early: bool


def judge(
    replay: Replay, outcome: Outcome, listed: Differences, *, is_ours: bool = True
) -> Judgement:
    """Compare one outcome with its recording; only our files have to be private."""
    recorded = replay.recording
    comparison = Comparison(str(recorded["case"]), replay.names, listed)
    comparison.value(("exit_status",), recorded["exit_code"], outcome.exit_status)
    _stdout(comparison, to_bytes(recorded["stdout"]), outcome.stdout, recorded)
    _stderr(comparison, to_bytes(recorded["stderr"]).decode(), outcome.stderr.decode())
    answer_problems = len(comparison.problems)
    if recorded.get("modes"):
        found = replay.collect()
        _files(comparison, recorded["files"], found)
        if is_ours:
            _modes(comparison, recorded["modes"], found, replay.written)
    may_come_right = answer_problems == 0 and bool(comparison.problems)
    came_early = _is_running(outcome.stdout) and not _is_running(to_bytes(recorded["stdout"]))
    return Judgement(comparison.problems, frozenset(comparison.used), may_come_right, came_early)


def final_judgement(
    replay: Replay,
    outcome: Outcome,
    listed: Differences,
    *,
    limit_s: float,
    is_ours: bool = True,
) -> Judgement:
    """Judge until what is left behind is as it should be, for *limit_s* at most.

    The supervisor's last writes come after the answer, as they did when it was recorded.
    """
    last = judge(replay, outcome, listed, is_ours=is_ours)

    def is_final() -> bool:
        nonlocal last
        if last.may_come_right:
            last = judge(replay, outcome, listed, is_ours=is_ours)
        return not last.may_come_right

    with contextlib.suppress(AssertionError):
        wait_until(is_final, limit_s)
    return last


def _is_running(stdout: bytes) -> bool:
    answer = parsed(stdout)
    return (
        isinstance(answer, dict)
        and answer.get("state") == "running"
        and answer.get("type") in ("run", "start", "restart")
    )


def _stdout(
    comparison: Comparison, recorded: bytes, ours: bytes, recording: dict[str, Json]
) -> None:
    case = comparison.case
    if case == "schema":
        _schema(comparison, parsed(recorded), parsed(ours))
    elif case.startswith(("help_", "completions_")) or case == "version":
        _structure(comparison, recorded.decode(), ours.decode(), is_help=case.startswith("help_"))
    elif case.startswith("complete_dynamic_"):
        _candidates(comparison, recorded.decode(), ours.decode())
    elif "--yaml" in str(recording["argv"]):
        _yaml(comparison, recorded.decode(), ours.decode())
    elif parsed(recorded) is not None:
        theirs = comparison.names.translated_json(parsed(recorded))
        assert isinstance(theirs, dict)
        document = parsed(ours)
        kind = str(document.get("type")) if isinstance(document, dict) else ""
        comparison.value(("stdout",), theirs, document, kind)
        if ours.count(b"\n") != 1 or not ours.endswith(b"\n"):
            comparison.problem(("stdout",), "one line", ours)
    else:
        comparison.value(("stdout",), recorded.decode(), ours.decode())


def _yaml(comparison: Comparison, recorded: str, ours: str) -> None:
    theirs = yaml.load(comparison.names.translated(recorded), yaml.BaseLoader)
    document = yaml.load(ours, yaml.BaseLoader)
    comparison.value(("stdout",), theirs, document, str(document.get("type")))
    # The style: no line of the recording is written in another way by us.
    our_lines = {_shape(line) for line in ours.splitlines()}
    for line in comparison.names.translated(recorded).splitlines():
        if _shape(line) not in our_lines:
            comparison.problem(("stdout", "a line"), line, ours)


def _shape(line: str) -> str:
    # The peers leave times bare; ours are quoted, for YAML 1.1 takes them for something else.
    line = re.sub(r"'(\d{4}-\d\d-\d\dT[0-9:]+Z)'", r"\1", line)
    return re.sub(r"\d+|true|false", "0", line)


def _structure(comparison: Comparison, recorded: str, ours: str, *, is_help: bool) -> None:
    """Texts of our own: every word of the recording's grammar is in them."""
    if not ours.endswith("\n"):
        comparison.problem(("stdout",), "text with a final line feed", ours)
    words = set()
    if is_help:
        words.update(re.findall(r"(?<![\w-])--[a-z][a-z-]+", recorded))
        words.update(re.findall(r"^  ([a-z][a-z-]+)  ", recorded, re.MULTILINE))
    for marker in ("COMPLETE=", "_clap_dynamic_completer_"):
        if marker in recorded:
            words.add(marker)
    for word in sorted(words):
        found = re.search(rf"(?<![\w-]){re.escape(word)}(?![a-z-])", ours) or (
            word.endswith(("=", "_")) and word in ours
        )
        comparison.value(("stdout", word), True, bool(found))


def _schema(comparison: Comparison, recorded: Json, ours: Json) -> None:
    """Every recorded definition is there under its name, and tells of the same answer."""
    assert isinstance(recorded, dict)
    if not isinstance(ours, dict):
        comparison.problem(("stdout",), recorded, ours)
        return
    for key in ("schema_version", "ok", "type", "schema_format"):
        comparison.value(("stdout", key), recorded[key], ours.get(key))
    comparison.value(("stdout", "generated_at"), "<text>", _kind(ours.get("generated_at")))
    theirs, mine = recorded["schema"], ours.get("schema")
    assert isinstance(theirs, dict)
    assert isinstance(mine, dict)
    comparison.value(("stdout", "$schema"), theirs["$schema"], mine.get("$schema"))
    definitions, our_definitions = theirs["definitions"], mine.get("definitions")
    assert isinstance(definitions, dict)
    assert isinstance(our_definitions, dict)
    for name in definitions:
        comparison.value(("stdout", "definitions", name), True, name in our_definitions)


def _kind(value: Json) -> Json:
    return "<text>" if isinstance(value, str) and value else value


def _candidates(comparison: Comparison, recorded: str, ours: str) -> None:
    """Completion: every recorded word, with the recorded help before anything of ours."""
    our_lines = ours.split("\n")
    for line in recorded.split("\n"):
        value = re.split(r"[\t:]", line)[0]
        is_option = value.startswith("--")
        expected = value if is_option else line
        found = any(
            our_line == expected or re.match(rf"{re.escape(expected)}([\t: ]|$)", our_line)
            for our_line in our_lines
        )
        if line and not found:
            comparison.problem(("stdout", value), line, ours)
    offered = {re.split(r"[\t:]", line)[0] for line in our_lines if line}
    recorded_ids = {re.split(r"[\t:]", line)[0] for line in recorded.split("\n") if line}
    for value in offered - recorded_ids:
        if not value.startswith("--"):
            comparison.problem(("stdout", value), "no such job", value)


def _stderr(comparison: Comparison, recorded: str, ours: str) -> None:
    if not recorded:
        comparison.value(("stderr",), "", ours)
        return
    if not ours.strip():
        comparison.value(("stderr",), recorded, ours)
        return
    if recorded.startswith("error: "):
        first = comparison.names.translated(recorded.splitlines()[0])
        named = set(re.findall(r"--[a-z-]+|'[^'<>]+'|\[[A-Z_]+\]", first))
        if not ours.startswith("error: "):
            comparison.problem(("stderr",), recorded, ours)
        for name in named:
            if name.strip("'") not in ours:
                comparison.problem(("stderr",), f"{name} is named", ours)


def _files(comparison: Comparison, recorded: Json, found: Found) -> None:
    assert isinstance(recorded, dict)
    theirs = {comparison.names.translated(name): content for name, content in recorded.items()}
    for name, content in theirs.items():
        data = to_bytes(content)
        with contextlib.suppress(UnicodeDecodeError):  # raw output has no names in it
            data = comparison.names.translated(data.decode()).encode()
        comparison.file(("files", name), data, found.files.get(name))
    for name in found.files.keys() - theirs.keys():
        if not comparison.listed.is_extra_file(PurePosixPath(name).name):
            comparison.value(("files", name), None, found.files[name].decode(errors="replace"))


def _modes(comparison: Comparison, recorded: Json, found: Found, written: set[str]) -> None:
    """What the program makes of its own is private; files of the caller's are as recorded."""
    assert isinstance(recorded, dict)
    theirs = {comparison.names.translated(name): mode for name, mode in recorded.items()}
    jobs = {str(PurePosixPath(name).parent) for name in found.files if name.endswith("/meta.json")}
    roots = {"root"} | {str(PurePosixPath(job).parent) for job in jobs}
    for name, mode in theirs.items():
        path = PurePosixPath(name)
        is_own = str(path) in jobs | roots or str(path.parent) in jobs | roots
        expected = mode
        if is_own and name not in written:
            expected = PRIVATE_DIRECTORY if name.endswith("/") else PRIVATE_FILE
        if name in found.modes:
            comparison.value(("modes", name), expected, found.modes[name])
    for name in found.modes.keys() - theirs.keys():
        if comparison.listed.is_extra_file(PurePosixPath(name).name):
            comparison.value(("modes", name), PRIVATE_FILE, found.modes[name])
