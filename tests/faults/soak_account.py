"""The reckoning after a soak: what is left, and whether that is what it must be."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faults.bench import TERMINAL, Bench
from faults.soak_attackers import Field, flaw
from faults.soak_journal import LIVING, PREY, Account, Told
from faults.soak_worker import EXIT_CODE, LINES
from support.waiting import wait_until

if TYPE_CHECKING:
    from faults.soak import Report

_EXPECTED: Final = {
    "invalid_state",
    "job_not_found",
    "launch_failed",
    "no room",
    "supervisor_lost",
    "unverified_process",
}
_OUTPUT: Final = "".join(f"line {number}\n" for number in range(1, LINES + 1))
_SLOW_MS: Final = 20_000


def end_everything(bench: Bench, problems: list[str]) -> None:
    """Kill what runs, repair what is left, as a user would."""
    for job_id, job in bench.listed().items():
        if job["state"] not in (*TERMINAL, "created"):
            bench.call("kill", "--signal", "KILL", job_id)
    bench.must("repair", "--all", "--kill")
    for job_id, job in bench.listed().items():
        if job["state"] not in (*TERMINAL, "created"):  # of neighbours, who are gone
            bench.call("repair", "--yes", "--kill", job_id)
    answer = bench.must("repair", "--all", "--kill")
    told = answer["jobs"]
    assert isinstance(told, list)
    if any(not _is_half(bench, each["job_id"]) for each in told):
        problems.append(f"repair could not settle all: {told}")
    with contextlib.suppress(AssertionError):
        # What our own kill ended needs a moment; supervisors take their leave by themselves.
        wait_until(lambda: not bench.marked() and not bench.supervisors(), timeout_s=30)
    problems += [f"orphan: {each.pid} {each.command()}" for each in bench.marked()]
    problems += [f"left: {each.pid} {each.command()}" for each in bench.supervisors()]
    bench.make_litter_old()
    bench.must("repair", "--all")
    bench.must("gc", "--older-than", "1000d")  # removes nothing but what crashes left
    last = bench.must("run", "--auto-gc-older-than", "1000d", "--", "true")  # the lock of another
    bench.must("delete", str(last["job_id"]))


def _is_half(bench: Bench, job_id: str) -> bool:
    """Whether a record is missing, as another program may leave it that found no room."""
    paths = (bench.file(job_id, name) for name in ("meta.json", "state.json"))
    return not all(path.exists() for path in paths)


def check(
    bench: Bench,
    calls: list[Told],
    ground: Field,
    *,
    keepers: list[str],
    living: list[str],
    report: Report,
) -> None:
    """Compare what is there with what the calls allow."""
    account = Account()
    for call in calls:
        account.add(call)
    for call in calls:
        _tell(call, account, report)
    account.made.update(keepers, living)
    report.created, report.removed = len(account.made), len(account.gone)
    left = {path.name for path in bench.root.iterdir() if not path.name.startswith(".")}
    report.problems += [words for name, words in ground.torn if not account.may_be_half(name)]
    report.problems += [
        f"litter: {name}"
        for name in bench.litter()
        if not account.may_be_half(name.partition("/")[0])
    ]
    _check_presence(account, calls, left, {*keepers, *living}, report)
    _check_runs(bench, account, left, report)
    for job_id in sorted(left):
        _check_job(bench, job_id, account, keepers, report)


def _tell(call: Told, account: Account, report: Report) -> None:
    if call.by != "ours":
        report.peers_verbs[call.verb] += 1
        return
    report.verbs[call.verb] += 1
    report.slowest[call.verb] = max(report.slowest.get(call.verb, 0), call.ms)
    if call.ms > _SLOW_MS:
        report.problems.append(f"slow: {call.verb} {call.job}: {call.ms} ms")
    if call.error is not None:
        report.refusals[call.error] += 1
        is_of_half = "No such file" in call.message and account.may_be_half(call.job)
        if call.error not in _EXPECTED and not is_of_half:
            report.problems.append(f"{call.verb} {call.job}: {call.error}: {call.message}")


def _check_presence(
    account: Account, calls: list[Told], left: set[str], protected: set[str], report: Report
) -> None:
    twice = [each for each, count in account.gone.items() if count > 1]
    report.problems += [f"removed {account.gone[each]} times: {each}" for each in twice]
    report.problems += [f"came back: {each}" for each in left & set(account.gone)]
    lost = {name for name in account.made - left if not name.startswith(PREY)}
    lost -= set(account.gone) | account.maybe_gone
    if any(call.verb == "clean" and not call.is_over for call in calls):
        lost -= account.bin
    if len(lost) > account.may_go or lost & protected:
        report.problems += [f"lost: {each} (of {account.may_go} that may be)" for each in lost]
    report.problems += [
        f"removed though protected: {each}" for each in protected if each in account.gone
    ]
    strange = {name for name in left - account.made if not name.startswith(PREY)}
    if len(strange) > account.untold:
        report.problems += [f"from nowhere: {each} (of {account.untold})" for each in strange]


def _check_runs(bench: Bench, account: Account, left: set[str], report: Report) -> None:
    runs = Counter((bench.scratch / "runs").read_text().split())
    report.runs = sum(runs.values())
    for job_id, count in runs.items():
        untold = 0 if job_id in account.made else 1
        if count > account.launches[job_id] + untold:
            report.problems.append(f"{job_id}: {count} runs of {account.launches[job_id]} launches")


def _check_job(
    bench: Bench, job_id: str, account: Account, keepers: list[str], report: Report
) -> None:
    is_peers = job_id in account.by_peers
    for name in ("meta.json", "state.json"):
        path = bench.file(job_id, name)
        found = flaw(path) or ("" if path.exists() else "missing")
        if found:
            if not account.may_be_half(job_id):
                report.problems.append(f"{job_id}/{name}: {found}")
            return
    state, ending = bench.ending(job_id)
    report.states[state] += 1
    if state not in (*TERMINAL, "created"):
        report.problems.append(f"{job_id} is still {state}: {bench.call('status', job_id)}")
    is_built = (
        job_id.startswith((PREY, LIVING)) and not bench.file(job_id, "supervision.json").exists()
    )
    if state != "exited" or is_peers or is_built:
        return
    if _loss(bench.file(job_id, "supervision.json")):
        report.losses_told += 1
        return
    found = bench.file(job_id, "stdout.log").read_text()
    is_whole = found == _OUTPUT or (job_id in keepers and _is_keepers(found))
    if ending != EXIT_CODE or not is_whole:
        report.problems.append(f"{job_id}: exit {ending}, output {found!r}")


def _is_keepers(text: str) -> bool:
    head, _, rest = text.partition("line 1\n")
    return set(head.split("\n")) <= {"begun", "on", ""} and "line 1\n" + rest == _OUTPUT


def _loss(path: Path) -> str:
    """Why bytes were dropped, if it is told that some were."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""
    return (
        str(document.get("drop_reason") or "")
        if any(document.get("dropped_bytes", {}).values())
        else ""
    )
