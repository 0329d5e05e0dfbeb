"""What one look of ``doctor`` found."""

from __future__ import annotations

from enum import StrEnum

from agent_exec.model.lazy_dataclass import dataclass


class Verdict(StrEnum):
    """How much a finding matters: not at all, to comfort, to whether things work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        area: ``terminal``, ``root``, ``watching``, ``supervisor`` or ``settings``.
        finding: what is so, for people.
        advice: the way out, when there is something to get out of.
    """

    area: str
    name: str
    verdict: Verdict
    finding: str
    advice: str | None = None


class Findings:
    """Checks of one area, in the order they were made."""

    def __init__(self, area: str) -> None:
        self._area = area
        self.checks: list[Check] = []

    def ok(self, name: str, finding: str) -> None:
        """Note that something is as it should be."""
        self._add(name, Verdict.OK, finding, None)

    def warn(self, name: str, finding: str, advice: str | None = None) -> None:
        """Note what works less well than it could."""
        self._add(name, Verdict.WARN, finding, advice)

    def fail(self, name: str, finding: str, advice: str | None = None) -> None:
        """Note what keeps something from working."""
        self._add(name, Verdict.FAIL, finding, advice)

    def _add(self, name: str, verdict: Verdict, finding: str, advice: str | None) -> None:
        self.checks.append(
            Check(area=self._area, name=name, verdict=verdict, finding=finding, advice=advice)
        )
