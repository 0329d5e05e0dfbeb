"""What a cleaning would remove, as the three rules are typed; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_exec.commands.gc import GcPolicy
from agent_exec.errors import AgentExecError
from agent_exec.model.retention import Choice, Rules, plan_independent
from agent_exec.model.timestamps import parse_duration_s
from agent_exec_tui import formatting
from agent_exec_tui.shell_text import cli_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_exec.commands.gc import GcJob, GcReport
    from agent_exec.model.retention import Candidate
    from agent_exec_tui.job_rows import JobRow

_WHY_LEFT = {
    "active_job": "not finished",
    "still_capturing": "with output still held by its processes",
    "state_unreadable": "unreadable",
    "no_timestamp": "without a readable end",
}
_CHANGED = frozenset({"changed_meanwhile", "still_capturing", "pid_alive", "being_changed"})


@dataclass(frozen=True, slots=True)
class Typed:
    """The three rules as typed; "" is no rule."""

    older_than: str = ""
    keep_newest: str = ""
    keep_under: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The three rules as understood.

    Attributes:
        flaws: by field of ``Typed``; nothing is removed while there are any.
    """

    gc: GcPolicy = field(default_factory=GcPolicy)
    flaws: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no rule is given, so that nothing is selected."""
        return self.gc == GcPolicy()

    def command_line(self, *root: str) -> str:
        """Write the command that does the same; *root* names another root than the usual one."""
        words = ["gc", "--independent"]
        for flag, value in (
            ("--older-than", self.gc.older_than),
            ("--max-jobs", self.gc.max_jobs),
            ("--max-bytes", self.gc.max_bytes),
        ):
            if value is not None:
                words += [flag, str(value)]
        return cli_line(*words, *root)


def understand(typed: Typed) -> Policy:
    """Read the three rules."""
    flaws: dict[str, str] = {}
    older_than = typed.older_than.strip() or None
    if older_than is not None:
        try:
            parse_duration_s(older_than)
        except AgentExecError:
            flaws["older_than"] = "like 30d, 24h, 60m"
    keep = typed.keep_newest.strip()
    if keep and not (keep.isascii() and keep.isdigit()):
        flaws["keep_newest"] = "a number of jobs"
    under = formatting.read_size(typed.keep_under)
    if under is None and typed.keep_under.strip():
        flaws["keep_under"] = "like 500M, 2G"
    if flaws:
        return Policy(GcPolicy(), flaws)
    return Policy(
        GcPolicy(older_than=older_than, max_jobs=int(keep) if keep else None, max_bytes=under)
    )


@dataclass(frozen=True, slots=True)
class Stock:
    """All that a cleaning looks at, read once.

    Attributes:
        candidates: finished jobs with their sizes.
        left: what no rule may touch, and why.
    """

    candidates: tuple[Candidate, ...] = ()
    left: tuple[GcJob, ...] = ()

    def choose(self, policy: Policy, spare: frozenset[str], now_s: float) -> Selection:
        """Ask the rules about every finished job; newest first, as the list shows them."""
        if policy.flaws or policy.is_empty:
            return Selection((), len(self.candidates), self.size_bytes)
        older_than = policy.gc.older_than
        rules = Rules(
            cutoff_s=None if older_than is None else int(now_s) - parse_duration_s(older_than),
            max_jobs=policy.gc.max_jobs,
            max_bytes=policy.gc.max_bytes,
        )
        choices = plan_independent(self.candidates, rules, spare)
        listed = tuple(
            choice for choice in choices if choice.is_taken or choice.candidate.job_id in spare
        )
        return Selection(listed, len(self.candidates), self.size_bytes)

    @property
    def size_bytes(self) -> int:
        """All finished jobs together."""
        return sum(candidate.size_bytes for candidate in self.candidates)

    def within(self, cwd: str | None, rows: Mapping[str, JobRow]) -> Stock:
        """Keep the jobs of one directory."""
        if cwd is None:
            return self
        return Stock(
            tuple(c for c in self.candidates if _cwd(rows, c.job_id) == cwd),
            tuple(job for job in self.left if _cwd(rows, job.job_id) == cwd),
        )

    def left_text(self) -> str:
        """Say what no rule may touch: ``3 not finished, 2 unreadable``."""
        counts = Counter(_WHY_LEFT.get(job.reason, job.reason) for job in self.left)
        return ", ".join(f"{number} {why}" for why, number in counts.items()) or "nothing"


def _cwd(rows: Mapping[str, JobRow], job_id: str) -> str | None:
    row = rows.get(job_id)
    return row.raw_cwd if row else None


@dataclass(frozen=True, slots=True)
class Selection:
    """What the rules select, spared jobs among it.

    Attributes:
        finished: how many finished jobs there are.
        finished_bytes: what these take.
    """

    listed: tuple[Choice, ...]
    finished: int
    finished_bytes: int

    @property
    def taken(self) -> tuple[Choice, ...]:
        """What would go."""
        return tuple(choice for choice in self.listed if choice.is_taken)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of what would go."""
        return frozenset(choice.candidate.job_id for choice in self.listed if choice.is_taken)

    @property
    def freed_bytes(self) -> int:
        """What that frees."""
        return sum(choice.candidate.size_bytes for choice in self.taken)


def result_text(report: GcReport) -> tuple[str, bool]:
    """Say what a cleaning did, and whether something failed; the first failures one a line."""
    failures = [job for job in report.jobs if job.reason.startswith("delete_failed")]
    kept = sum(job.reason in _CHANGED for job in report.jobs)
    parts = [
        f"removed {report.deleted:,}",
        f"failed {report.failed:,}",
        f"freed {formatting.size(report.freed_bytes)}",
    ]
    if kept:
        parts.append(f"{kept:,} had changed and stay")
    if report.stopped:
        parts.append("stopped")
    each = (f"\n{job.job_id[:8]}: {job.reason}" for job in failures[:5])
    return ", ".join(parts) + "".join(each), bool(failures)
