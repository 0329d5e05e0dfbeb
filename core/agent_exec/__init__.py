"""Durable background jobs: create, start, supervise, observe, kill, collect.

Everything a program needs is importable from here; what is not used is not loaded.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_exec.commands.again import definition_of as definition_of
    from agent_exec.commands.create import create_job as create_job
    from agent_exec.commands.definition import JobDefinition as JobDefinition
    from agent_exec.commands.delete import delete_job as delete_job
    from agent_exec.commands.gc import GcPolicy as GcPolicy
    from agent_exec.commands.gc import collect_garbage as collect_garbage
    from agent_exec.commands.kill import kill_job as kill_job
    from agent_exec.commands.list import list_jobs as list_jobs
    from agent_exec.commands.notify import NotificationChange as NotificationChange
    from agent_exec.commands.notify import set_notification as set_notification
    from agent_exec.commands.observation import NO_WAIT as NO_WAIT
    from agent_exec.commands.observation import Observation as Observation
    from agent_exec.commands.repair import repair_jobs as repair_jobs
    from agent_exec.commands.restart import restart_job as restart_job
    from agent_exec.commands.run import run_job as run_job
    from agent_exec.commands.start import start_job as start_job
    from agent_exec.commands.status import job_status as job_status
    from agent_exec.commands.tag import set_tags as set_tags
    from agent_exec.commands.tail import follow_job as follow_job
    from agent_exec.commands.tail import tail_job as tail_job
    from agent_exec.commands.wait import wait_job as wait_job
    from agent_exec.commands.wait import wait_jobs as wait_jobs
    from agent_exec.errors import AgentExecError as AgentExecError
    from agent_exec.process.prewarmed import PrewarmedLauncher as PrewarmedLauncher
    from agent_exec.store.jobs import JobStore as JobStore
    from agent_exec.store.root import resolve_root as resolve_root

_HOMES = {
    "AgentExecError": "errors",
    "GcPolicy": "commands.gc",
    "JobDefinition": "commands.definition",
    "JobStore": "store.jobs",
    "NO_WAIT": "commands.observation",
    "NotificationChange": "commands.notify",
    "Observation": "commands.observation",
    "PrewarmedLauncher": "process.prewarmed",
    "collect_garbage": "commands.gc",
    "create_job": "commands.create",
    "definition_of": "commands.again",
    "delete_job": "commands.delete",
    "follow_job": "commands.tail",
    "job_status": "commands.status",
    "kill_job": "commands.kill",
    "list_jobs": "commands.list",
    "repair_jobs": "commands.repair",
    "resolve_root": "store.root",
    "restart_job": "commands.restart",
    "run_job": "commands.run",
    "set_notification": "commands.notify",
    "set_tags": "commands.tag",
    "start_job": "commands.start",
    "tail_job": "commands.tail",
    "wait_job": "commands.wait",
    "wait_jobs": "commands.wait",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (all of them are strings)


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use: the supervisor must not pay for the verbs."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'agent_exec' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"agent_exec.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
