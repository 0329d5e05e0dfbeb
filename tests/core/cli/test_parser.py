from __future__ import annotations

import pytest

from agent_exec.cli.grammar import UsageError
from agent_exec.cli.parser import HelpWanted, Parsed, VerbMissing, VersionWanted, parse


def verb_name(parsed: Parsed) -> str:
    assert parsed.verb is not None
    return parsed.verb.name


def refusal(*words: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(words)
    return caught.value


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["echo", "hi"], ("echo", "hi")),
        (["--", "echo", "hi"], ("echo", "hi")),
        (["--tag", "a", "echo", "--tag", "not-an-option", "-n"],
         ("echo", "--tag", "not-an-option", "-n")),
        (["echo", "--", "x"], ("echo", "--", "x")),
        (["--", "--", "x"], ("--", "x")),
        (["echo", "--root", "z"], ("echo", "--root", "z")),
        (["echo", "--help"], ("echo", "--help")),
        (["--", "--version"], ("--version",)),
        ([""], ("",)),
        (["-", "x"], ("-", "x")),
    ],
)  # fmt: skip
def test_a_command_is_taken_verbatim_from_its_first_word_on(
    words: list[str], command: tuple[str, ...]
) -> None:
    assert parse(["create", *words]).arguments.texts("COMMAND") == command


@pytest.mark.parametrize(
    "words",
    [
        ["--root", "/r", "status", "x"],
        ["--root=/r", "status", "x"],
        ["status", "--root", "/r", "x"],
        ["status", "x", "--root", "/r"],
        ["--root", "/other", "status", "--root", "/r", "x"],
        ["tag", "--root", "/r", "set", "x"],
    ],
)
def test_root_stands_anywhere_and_the_last_place_wins(words: list[str]) -> None:
    assert parse(words).root == "/r"


def test_an_empty_root_is_given_and_not_missing() -> None:
    assert parse(["--root=", "list"]).root == ""
    assert parse(["list"]).root is None


def test_verbosity_adds_up_before_and_after_the_verb() -> None:
    assert parse(["-v", "list", "-v"]).verbosity == 2
    assert parse(["-vv", "list"]).verbosity == 2
    assert parse(["list", "--verbose"]).verbosity == 1


@pytest.mark.parametrize(
    "words", [["--json", "list"], ["list", "--json"], ["--json", "list", "--json"]]
)
def test_json_is_accepted_anywhere_and_changes_nothing(words: list[str]) -> None:
    parsed = parse(words)
    assert verb_name(parsed) == "list"
    assert not parsed.yaml


def test_json_without_a_verb_is_the_snapshot() -> None:
    parsed = parse(["--json", "--filter", "state:running"])
    assert parsed.verb is None
    assert parsed.json
    assert parsed.arguments.text("--filter") == "state:running"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["create", "--tim", "3", "true"], ["--tim", "--timeout"]),
        (["run", "--snapshot-after", "1", "echo"], ["--snapshot-after"]),
        (["run", "--compress", "off", "--", "x"], ["--compress"]),
        (["list", "-x"], ["-x"]),
        (["start", "--until", "1", "--until", "2", "x"], ["--until", "multiple times"]),
        (["list", "--all", "--all"], ["--all", "multiple times"]),
        (["list", "--all=yes"], ["--all", "takes none"]),
        (["start", "--until"], ["--until", "value is required"]),
        (["create", "--stdin", "-x", "cat"], ["--stdin=TEXT"]),
        (["create", "--timeout", "-1", "true"], ["--timeout"]),
        (["create", "--timeout", "abc", "true"], ["abc", "--timeout"]),
        (["create", "--timeout", "1e3", "true"], ["1e3"]),
        (["create", "--timeout", "", "true"], ["--timeout"]),
        (["create", "--timeout", "99999999999999999999", "true"], ["larger"]),
        (["list", "--limit", "1.5"], ["1.5", "--limit"]),
        (["list", "--limit", "18446744073709551616"], ["larger"]),
        (["start"], ["<JOB_ID>"]),
        (["start", "a", "b"], ["'b'"]),
        (["create"], ["<COMMAND>..."]),
        (["create", "--"], ["<COMMAND>..."]),
        (["run", "--wait", "true"], ["<COMMAND>..."]),
        (["run", "--wait=maybe", "x"], ["maybe", "true, false"]),
        (["delete"], ["JOB_ID", "--all"]),
        (["delete", "--all", "x"], ["--all", "[JOB_ID]"]),
        (["repair"], ["JOB_ID", "--all"]),
        (["list", "--all", "--cwd", "."], ["--all", "--cwd"]),
        (["list", "--state", "bogus"], ["bogus", "created, running"]),
        (["ps", "--state", "exited"], ["--state"]),
        (["wait", "--until", "1", "--forever", "x"], ["--until", "--forever"]),
        (["wait", "--any", "--all", "x", "y"], ["--any", "--all"]),
        (["create", "--stdin", "x", "--stdin-file", "y", "cat"], ["--stdin", "--stdin-file"]),
        (["create", "--tag", "bad tag!", "true"], ['invalid tag "bad tag!"']),
        (["create", "--tag", "ns.*", "true"], ["exact tag names"]),
        (["tag", "set", "x", "--tag", "bad!tag"], ["bad!tag"]),
        (["tag", "get", "x"], ["get"]),
        (["completions", "tcsh"], ["tcsh", "bash, zsh, fish, powershell"]),
        (["creat"], ["creat"]),
        (["--theme", "x", "list"], ["--theme"]),
        (["--filter", "x", "list"], ["--filter"]),
        (["run", "--", "\udcff"], ["UTF-8"]),
        (["--root", "a", "--root", "b", "list"], ["--root", "multiple times"]),
    ],
)  # fmt: skip
def test_words_without_sense_are_refused_by_name(words: list[str], names: list[str]) -> None:
    error = refusal(*words)
    text = f"{error} {error.tip}"
    for name in names:
        assert name in text


def test_a_value_that_looks_like_an_option_is_taken_after_an_equals_sign() -> None:
    assert parse(["create", "--stdin=-x", "cat"]).arguments.text("--stdin") == "-x"
    assert parse(["create", "--stdin", "-", "cat"]).arguments.text("--stdin") == "-"
    assert parse(["create", "--env=A=b=c", "true"]).arguments.texts("--env") == ("A=b=c",)


@pytest.mark.parametrize(
    ("words", "is_true", "command"),
    [
        (["--wait", "true", "echo"], True, ("echo",)),
        (["--wait", "false", "echo"], False, ("echo",)),
        (["--wait=false", "echo"], False, ("echo",)),
        (["--wait", "echo", "x"], True, ("echo", "x")),
        (["--until", "5", "--wait", "echo", "x"], True, ("echo", "x")),
        (["--wait", "--", "true"], True, ("true",)),
    ],
)
def test_wait_takes_true_or_false_or_stands_bare(
    words: list[str], is_true: bool, command: tuple[str, ...]
) -> None:
    arguments = parse(["run", *words]).arguments
    assert arguments.given("--wait")
    assert arguments.flag("--wait") is is_true
    assert arguments.texts("COMMAND") == command


def test_bare_wait_may_stand_at_the_end() -> None:
    arguments = parse(["start", "x", "--wait"]).arguments
    assert arguments.flag("--wait")
    assert arguments.texts("JOB_ID") == ("x",)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("5", 5000), ("1.5", 1500), ("+2", 2000), ("0", 0), ("0.0", 0), ("0.0001", 1), (".25", 250),
     ("18446744073709551", 18446744073709551000)],
)  # fmt: skip
def test_seconds_are_kept_as_milliseconds(text: str, milliseconds: int) -> None:
    assert parse(["create", "--timeout", text, "x"]).arguments.number("--timeout") == milliseconds


def test_other_spellings_mean_the_same() -> None:
    assert verb_name(parse(["rm", "x"])) == "delete"
    assert parse(["tail", "--lines", "3", "x"]).arguments.number("--tail-lines") == 3
    words = ["run", "--abandon-job-after", "9", "--acknowledge-result-loss", "x"]
    assert parse(words).arguments.number("--abandon-job-after") == 9000


@pytest.mark.parametrize(
    ("words", "verb"),
    [(["--help"], ""), (["-h"], ""), (["run", "--help"], "run"), (["run", "-vh"], "run"),
     (["tag", "--help"], "tag"), (["tag", "set", "-h"], "tag set")],
)  # fmt: skip
def test_help_is_found_at_every_level(words: list[str], verb: str) -> None:
    with pytest.raises(HelpWanted) as caught:
        parse(words)
    assert caught.value.verb == verb


def test_version_is_no_option_of_a_verb() -> None:
    with pytest.raises(VersionWanted):
        parse(["-V"])
    assert "--version" in str(refusal("list", "--version"))


@pytest.mark.parametrize("family", ["tag", "notify"])
def test_a_family_needs_its_second_word(family: str) -> None:
    with pytest.raises(VerbMissing) as caught:
        parse([family])
    assert caught.value.family == family


@pytest.mark.parametrize(
    "words",
    [
        ["--env", "A=sesame\udcff", "true"],
        ["--env=A=sesame\udcff", "true"],
        ["--stdin", "sesame\udcff", "true"],
        ["--env", "-sesame", "true"],
        ["--stdin", "-sesame", "true"],
        ["--inherit-env=sesame", "true"],
        ["--no-such=A=sesame", "true"],
        ["-eA=sesame", "true"],
        ["-e=sesame", "true"],
    ],
    ids=ascii,
)
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_usage_error_shows_no_value_that_may_be_a_secret(verb: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse([verb, *words])
    assert "sesame" not in f"{caught.value} {caught.value.tip}"


def test_a_word_too_many_is_shown_without_its_value() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["restart", "ID", "TOKEN=sesame"])
    assert "TOKEN=" in str(caught.value)
    assert "sesame" not in str(caught.value)
