"""Whatever is typed, there is sense in it or a refusal, never a traceback."""

from __future__ import annotations

import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent_exec.cli import verbs
from agent_exec.cli.completion import complete
from agent_exec.cli.envelope import HOSTILE, encode_json
from agent_exec.cli.grammar import GLOBALS, UsageError
from agent_exec.cli.help import help_text, usage_error_text
from agent_exec.cli.parser import HelpWanted, VerbMissing, VersionWanted, parse
from agent_exec.cli.yaml_output import encode_yaml


def vocabulary() -> list[str]:
    """Every word of the grammar, and what people put between."""
    words = {
        "--",
        "-",
        "",
        "-vv",
        "-x",
        "true",
        "false",
        "3",
        "1.5",
        "--wait=",
        "x",
        "=",
        "--=",
        "é",
    }
    for name in verbs.SUMMARIES:
        words.update(name.split())
        verb = verbs.load(name)
        assert verb is not None
        for option in (*verb.options(), *GLOBALS):
            words.update(option.names)
            words.add(f"{option.key}=3")
            words.update(option.choices)
    return sorted(words)


WORDS = st.lists(st.sampled_from(vocabulary()) | st.text(max_size=4), max_size=7)


@given(words=WORDS)
def test_words_are_understood_or_refused(words: list[str]) -> None:
    said = "understood"
    try:
        parse(words)
    except UsageError as error:
        said = usage_error_text(error)
    except HelpWanted as wanted:
        said = help_text(wanted.verb)
    except VerbMissing as missing:
        said = help_text(missing.family)
    except VersionWanted:
        said = "version"
    assert said


@given(words=WORDS, shell=st.sampled_from(["bash", "zsh", "fish", "powershell"]))
def test_completion_has_an_answer_at_every_cursor(words: list[str], shell: str) -> None:
    environ = {"AGENT_EXEC_ROOT": "/nonexistent", "_CLAP_COMPLETE_INDEX": str(len(words))}
    complete(shell, ["x", "--", "x", *words], environ)


# What YAML's readers may take for a number, a time, a merge or nothing at all.
SCALARS = st.text(alphabet="0123456789-+.:_ eExXoObBtTzZ~=<yYnNuUlLaAifIF", max_size=12)


@given(text=SCALARS)
def test_text_that_looks_like_another_scalar_stays_text(text: str) -> None:
    document: dict[str, object] = {"text": text, "list": [text], "inner": {"text": text}}
    assert yaml.safe_load(encode_yaml(document)) == document


@given(text=st.text())
def test_any_text_passes_through_an_answer_and_cannot_steer_a_terminal(text: str) -> None:
    line = encode_json({"text": text})
    assert json.loads(line) == {"text": text}
    assert not re.search(HOSTILE, line.decode())
    document = encode_yaml({"text": text})
    assert yaml.safe_load(document) == {"text": text}
    shown = document.decode()
    assert not re.search(HOSTILE, shown)
    assert not any(char < " " and char != "\n" for char in shown)
