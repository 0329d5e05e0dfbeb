"""The journal's script does again what was done, and holds no value of an environment nor an input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from agent_exec.commands.definition import JobDefinition, StdinText
from agent_exec.commands.gc import GcReport
from agent_exec.commands.gc_plan import GcJob
from agent_exec.model.lazy_dataclass import replace
from agent_exec_tui.command_line import command_line
from agent_exec_tui.journal import KEPT, Entry, Journal, cleaning
from agent_exec_tui.shell_text import cli_line
from support.programs import environment

SECRET = "s3cret"


def entry(line: str = "", *, is_done: bool = True, text: str = "done", **rest: str) -> Entry:
    return Entry(
        at_s=0.0, verb="do", job_id=rest.get("job_id", "j1"), line=line, is_done=is_done,
        text=text, new_id=rest.get("new_id"),
    )  # fmt: skip


def script_of(*entries: Entry) -> str:
    journal = Journal()
    for one in entries:
        journal.add(one)
    return journal.script()


def run_script(script: str, root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with the program standing in the way as the user has it: on the PATH."""
    program = root.parent / "bin" / "agent-exec-tui"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m agent_exec_tui "$@"\n')
    program.chmod(0o755)
    env = environment()
    env |= {"PATH": f"{program.parent}:{env['PATH']}", "AGENT_EXEC_ROOT": str(root), **variables}
    return subprocess.run(
        ["sh", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_run_again_it_makes_new_jobs_and_goes_on_with_those(tmp_path: Path) -> None:
    definition = JobDefinition(
        command=("sh", "-c", "echo $TOKEN\n"), env=(f"TOKEN={SECRET}",), cwd=str(tmp_path),
        stdin=StdinText(f"-{SECRET}"),
    )  # fmt: skip
    made = command_line(definition, runs_now=False, is_kept=True)
    script = script_of(
        entry(made, job_id="old", new_id="old"),
        entry(cli_line("tag", "set", "--tag", "again", "old"), job_id="old"),
        entry(cli_line("delete", "gone"), is_done=False, text="no such job\nat all"),
        entry("", job_id="old", text="brought back"),
    )
    assert SECRET not in script
    root = tmp_path / "root"
    assert "STDIN" in run_script(script, root, TOKEN="another").stderr
    assert not root.exists()
    done = run_script(script, root, TOKEN="another", STDIN="-x")
    assert done.returncode == 0, done.stderr
    (job,) = root.glob("[0-9a-f]*")
    meta = json.loads((job / "meta.json").read_text())
    assert meta["tags"] == ["again"]
    assert meta["env_vars_runtime"] == ["TOKEN=another"]
    assert (job / meta["stdin_file"]).read_text() == "-x"
    assert meta["command"] == ["sh", "-c", "echo $TOKEN\n"]


def test_paths_of_a_job_are_those_of_the_new_one_whatever_has_to_be_quoted(tmp_path: Path) -> None:
    root = tmp_path / "it's my root"
    words = ("--root", str(root))
    meta = f"{root}/old/meta.json"
    script = script_of(
        entry(cli_line("create", *words, "--", "echo", "told"), new_id="old"),
        entry(cli_line("start", *words, "old")),
        entry(cli_line("run", *words, "--stdin-file", meta, "--", "cat", "bold", "an old word")),
    )
    assert """ '/old/'""" not in script
    assert "cat bold 'an old word'" in script
    done = run_script(script.replace("cat bold 'an old word'", "cat"), root)
    assert done.returncode == 0, done.stderr
    logs = {(job / "stdout.log").read_text() for job in root.glob("[0-9a-f]*")}
    (of_new_job,) = logs - {"told\n"}
    assert json.loads(of_new_job)["command"] == ["echo", "told"]


def test_a_script_of_thousands_of_made_jobs_is_written_in_no_time() -> None:
    made = [entry(cli_line("run", "--", "true"), new_id=f"{number:032x}") for number in range(KEPT)]
    begin = time.process_time()
    script = script_of(*made)
    assert time.process_time() - begin < 1.5  # each id looked for in each line took ten times that
    assert script.count("$(agent-exec-tui run") == KEPT


def test_without_the_value_it_stops_and_says_which(tmp_path: Path) -> None:
    definition = JobDefinition(command=("true",), env=(f"TOKEN={SECRET}",))
    script = script_of(entry(command_line(definition, runs_now=True, is_kept=True)))
    done = run_script(script, tmp_path / "root")
    assert done.returncode != 0
    assert "TOKEN" in done.stderr


def test_what_failed_or_is_the_dashboards_own_is_a_comment() -> None:
    script = script_of(
        entry(cli_line("delete", "a\nb"), is_done=False, text="gone"),
        entry("", text="brought back"),
        entry("agent-exec-tui run -- echo '\x1b]52;c;eA==\x07'"),
    )
    assert all(line.startswith("#") for line in script.splitlines() if line)
    assert "FAILED: gone" in script
    assert "\x1b" not in script


def test_a_cleaning_is_its_rules_or_where_something_stays_each_job() -> None:
    jobs = (
        GcJob(job_id="a", state="exited", action="deleted", reason="older_than", bytes=10),
        GcJob(job_id="b", state="exited", action="skipped", reason="spared", bytes=10),
    )
    report = GcReport(
        root="/r", dry_run=False, deleted=1, skipped=1, out_of_scope=0, failed=0, freed_bytes=10,
        scanned_dirs=2, candidate_count=2, jobs=jobs,
    )  # fmt: skip
    rules = "agent-exec-tui gc --independent --older-than 7d"
    (whole,) = cleaning(report, "", rules, (), at_s=0)
    assert (whole.line, whole.text) == (rules, "removed 1, failed 0, freed 10 B")
    assert whole.removed == ("a",)
    each = list(cleaning(report, "", "", ("--root", "/r"), at_s=0))
    assert [one.line for one in each] == ["", "agent-exec-tui delete --root /r a"]
    (failed,) = cleaning(None, "no right", rules, (), at_s=0)
    assert not failed.is_done


def test_what_was_undone_is_a_comment_and_only_the_last_time() -> None:
    journal = Journal()
    removal = replace(entry(cli_line("delete", "j1")), removed=("j1",))
    for one in (removal, removal):
        journal.add(one)
    journal.undone({"j1"})
    journal.add(entry(cli_line("tag", "set", "--tag", "kept", "j1")))
    lines = [line for line in journal.script().splitlines() if "agent-exec-tui" in line]
    assert lines == [
        "agent-exec-tui delete j1",
        "# undone: agent-exec-tui delete j1",
        "agent-exec-tui tag set --tag kept j1",
    ]
    journal.undone({"j1"})
    assert "\nagent-exec-tui delete" not in journal.script()


def test_a_cleaning_that_was_undone_is_a_comment_whether_all_or_some_came_back() -> None:
    rules = "agent-exec-tui gc --independent --older-than 7d"
    journal = Journal()
    journal.add(replace(entry(rules, job_id=""), removed=("a", "b")))
    journal.undone({"a"})
    assert f"\n# undone for 1 of 2 jobs: {rules}\n" in journal.script()
    journal.undone({"b"})
    assert f"\n# undone: {rules}\n" in journal.script()


def test_the_oldest_entries_give_way() -> None:
    script = script_of(*(entry(cli_line("delete", f"j{number}")) for number in range(KEPT + 2)))
    assert "# 2 earlier ones are not kept." in script
    assert " j1\n" not in script
    assert f" j{KEPT + 1}\n" in script
