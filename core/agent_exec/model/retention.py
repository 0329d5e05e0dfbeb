"""Which finished jobs a cleaning takes, and why each: a rule over values, nothing else."""

from __future__ import annotations

from agent_exec.model.lazy_dataclass import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

OLDER_THAN = "older_than"
MAX_JOBS = "max_jobs"
MAX_BYTES = "max_bytes"
NOT_MATCHED = "policy_not_matched"
SPARED = "spared"
BUDGET = "delete_budget_exhausted"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished job that may go.

    Attributes:
        ended_s: when it ended, seconds since 1970.
        size_bytes: what its removal frees.
    """

    job_id: str
    ended_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What selects; a rule that is None selects nothing.

    Attributes:
        cutoff_s: jobs that ended before this moment are old.
        max_jobs: keep the newest so many.
        max_bytes: keep the newest that fit into this.
        delete_limit: take no more than this, oldest first.
    """

    cutoff_s: float | None = None
    max_jobs: int | None = None
    max_bytes: int | None = None
    delete_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What happens to one candidate.

    Attributes:
        reason: the rules that selected it joined by ``+``, or why it stays.
    """

    candidate: Candidate
    is_taken: bool
    reason: str


def is_old(ended_s: float, rules: Rules) -> bool:
    """Whether the age rule selects a job that ended then."""
    return rules.cutoff_s is not None and int(ended_s) < rules.cutoff_s


def plan_nested(
    old: Iterable[Candidate], rules: Rules, spare: frozenset[str] = frozenset()
) -> tuple[Choice, ...]:
    """Choose as the contract has it: the other two rules act only among the old jobs.

    *max_jobs* takes its newest out again; *max_bytes* takes the oldest back in until the rest
    fits.

    Args:
        old: what the age rule selected.
        rules: ``cutoff_s`` has been applied already.
        spare: ids that stay, without another going in their place.
    """
    ordered = sorted(old, key=_age)
    reasons = [[OLDER_THAN] for _ in ordered]
    if rules.max_jobs is not None and len(ordered) > rules.max_jobs:
        first_kept = len(ordered) - rules.max_jobs
        for index, reason in enumerate(reasons):
            if index < first_kept:
                reason.append(MAX_JOBS)
            else:
                reason.clear()
    _add_until_it_fits(ordered, reasons, rules.max_bytes)
    return _choose(ordered, reasons, rules, spare)


def plan_independent(
    finished: Iterable[Candidate], rules: Rules, spare: frozenset[str] = frozenset()
) -> tuple[Choice, ...]:
    """Choose every job that any of the given rules selects by itself."""
    ordered = sorted(finished, key=_age)
    reasons = [[OLDER_THAN] if is_old(each.ended_s, rules) else [] for each in ordered]
    if rules.max_jobs is not None:
        for reason in reasons[: max(0, len(ordered) - rules.max_jobs)]:
            reason.append(MAX_JOBS)
    _add_until_it_fits(ordered, reasons, rules.max_bytes)
    return _choose(ordered, reasons, rules, spare)


def _age(candidate: Candidate) -> float:
    return candidate.ended_s


def _add_until_it_fits(
    ordered: list[Candidate], reasons: list[list[str]], max_bytes: int | None
) -> None:
    if max_bytes is None:
        return
    left_bytes = sum(each.size_bytes for each in ordered)
    for candidate, reason in zip(ordered, reasons, strict=True):
        if left_bytes <= max_bytes:
            return
        reason.append(MAX_BYTES)
        left_bytes -= candidate.size_bytes


def _choose(
    ordered: list[Candidate], reasons: list[list[str]], rules: Rules, spare: frozenset[str]
) -> tuple[Choice, ...]:
    choices = []
    taken = 0
    for candidate, reason in zip(ordered, reasons, strict=True):
        if not reason:
            choices.append(Choice(candidate, False, NOT_MATCHED))
        elif candidate.job_id in spare:
            choices.append(Choice(candidate, False, SPARED))
        elif rules.delete_limit is not None and taken >= rules.delete_limit:
            choices.append(Choice(candidate, False, BUDGET))
        else:
            taken += 1
            choices.append(Choice(candidate, True, "+".join(reason)))
    return tuple(choices)
