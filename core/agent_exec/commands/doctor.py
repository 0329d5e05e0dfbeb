"""doctor: whether everything is there that jobs and the dashboard need, and the way out if not."""

from __future__ import annotations

import os
import sys
import time

from agent_exec.commands.check import Check, Findings, Verdict
from agent_exec.commands.doctor_root import check_root, check_watching
from agent_exec.commands.doctor_terminal import check_terminal
from agent_exec.errors import AgentExecError
from agent_exec.model.lazy_dataclass import dataclass
from agent_exec.store.config import config_path, load_config
from agent_exec.store.jobs import JobStore
from agent_exec.store.places import settings_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIAL_S = 5.0
_SLOW_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """What was found, area by area.

    Attributes:
        verdict: the worst of all checks'.
    """

    wire_type = "doctor"

    verdict: Verdict
    root: str
    checks: tuple[Check, ...]


def diagnose(
    store: JobStore, *, environ: Mapping[str, str] = os.environ, has_terminal: bool = True
) -> DoctorReport:
    """Look at terminal, root, events, supervisor and settings; leaves nothing behind.

    Args:
        store: the root; it may be missing.
        environ: the caller's environment.
        has_terminal: whether the caller has one.
    """
    checks = (
        *check_terminal(environ, has_terminal=has_terminal),
        *check_root(store, environ),
        *check_watching(store),
        *_check_supervisor(environ),
        *_check_settings(environ),
    )
    found = {check.verdict for check in checks}
    worst = next((each for each in (Verdict.FAIL, Verdict.WARN) if each in found), Verdict.OK)
    return DoctorReport(verdict=worst, root=store.root, checks=checks)


def _check_supervisor(environ: Mapping[str, str]) -> list[Check]:
    """Run a real job in a root of its own."""
    import tempfile

    found = Findings("supervisor")
    if not os.access(sys.executable or "", os.X_OK):
        found.fail("python", f"{sys.executable!r} cannot be run", "install the program anew")
        return found.checks
    found.ok("python", f"{sys.executable} -I -S")
    _check_cgroup(found, environ)
    try:
        with tempfile.TemporaryDirectory(prefix="agent-exec-doctor-") as home:
            _try_a_job(found, os.path.join(home, "jobs"))
    except OSError as error:
        found.fail("job", f"nowhere to try one: {error.strerror}", "set TMPDIR to a directory of "
                   "yours")  # fmt: skip
    return found.checks


def _check_cgroup(found: Findings, environ: Mapping[str, str]) -> None:
    from agent_exec.process import cgroup

    setting = cgroup.setting_of(environ)
    directory = cgroup.delegated_directory(setting)
    if directory is not None:
        found.ok("cgroup", f"each job gets one of its own in {directory}")
    elif setting in (cgroup.AUTO, cgroup.OFF):
        found.ok("cgroup", "none for jobs: none is delegated" if setting == cgroup.AUTO else "off")
    else:
        wrong = (
            "is no cgroup v2 that you may write to" if os.path.isabs(setting) else "has no meaning"
        )
        found.warn("cgroup", f"{cgroup.SETTING}={setting!r} {wrong}, so jobs get none",
                   f"unset it, or make it {cgroup.AUTO}, {cgroup.OFF} or the path of a cgroup "
                   "of yours")  # fmt: skip


def _try_a_job(found: Findings, root: str) -> None:
    from agent_exec.commands.definition import JobDefinition
    from agent_exec.commands.observation import NO_WAIT
    from agent_exec.commands.run import run_job
    from agent_exec.commands.wait import wait_job

    store = JobStore(root)
    definition = JobDefinition(
        command=("sh", "-c", "exit 3"), cwd="/", shell_wrapper=("sh", "-c"), inherit_env=True
    )
    begin_s = time.monotonic()
    try:
        job_id = run_job(store, definition, observation=NO_WAIT).job_id
        end = wait_job(store, job_id, poll_s=0.05, until_s=_TRIAL_S)
    except AgentExecError as error:
        found.fail("job", f"none can be run: {error}", "see python above; -vv tells more")
        return
    took_s = time.monotonic() - begin_s
    if end.exit_code != 3:
        found.fail("job", f"one ended as {end.state} with {end.exit_code} where 3 was right"
                   + (f": {end.reason}" if end.reason else ""), "tell us")  # fmt: skip
    elif took_s > _SLOW_S:
        found.warn("job", f"one was run, in {took_s:.1f} s", "the system is busy, or its disk slow")
    else:
        found.ok("job", f"one was run from start to end in {took_s * 1000:.0f} ms")


def _check_settings(environ: Mapping[str, str]) -> list[Check]:
    found = Findings("settings")
    path = config_path(None, environ)
    try:
        load_config(path)
    except AgentExecError as error:
        found.fail("config.toml", str(error), "correct it, or move it away")
    else:
        found.ok("config.toml", path if os.path.exists(path) else f"{path} is not there: defaults")
    _check_toml(found, settings_path(environ))
    return found.checks


def _check_toml(found: Findings, path: str) -> None:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        found.ok("tui.toml", f"{path} is not there: defaults")
        return
    except OSError as error:
        found.warn("tui.toml", f"{path}: {error.strerror}", "make it readable, or move it away")
        return
    problems = problems_of(path, data)
    for problem in problems:
        found.warn("tui.toml", problem, "correct it; the dashboard goes by the default until then")
    if not problems:
        found.ok("tui.toml", f"{path}: every setting can be used")


def problems_of(path: str, data: bytes) -> tuple[str, ...]:
    """What of the dashboard's settings cannot be used: it alone knows which there are."""
    from importlib import import_module

    try:
        settings_file = import_module("agent_exec_tui.settings_file")
    except ImportError as error:
        return (f"{path} was not looked at: the dashboard cannot be loaded ({error})",)
    problems: tuple[str, ...] = settings_file.parse_settings(path, data, is_ascii=False).problems
    return problems
