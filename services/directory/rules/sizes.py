"""How large facts may be: a larger one would be a dead letter at every reader (contracts.codec)."""

from typing import Final

from contracts.codec import VALUE_BYTES_MAX
from contracts.directory import AgentAvailabilitySaved
from contracts.message import Fact
from contracts.scenario import ScenarioSaved
from services.directory.rules import facts
from services.directory.rules.errors import Code, Problem
from services.directory.rules.extensions import name_of
from services.directory.state.office import PARTS, Kind, Office

BYTES_SPARE: Final = 1024
"""For the version's digits, and for a request to speech, which has some words more than its notice's fact."""
DATED_SHARE: Final = 0.75
"""What hours may take when they are saved: they roll on daily, and sixty days without holidays have a quarter
more of them than sixty days around New Year."""
_KINDS: Final = {
    "organization_saved": Kind.ORGANIZATION,
    "pbx_saved": Kind.PBX,
    "agent_saved": Kind.EMPLOYEE,
    "agent_availability_saved": Kind.EMPLOYEE,
    "department_saved": Kind.DEPARTMENT,
    "notice_saved": Kind.NOTICE,
    "direct_rules_saved": Kind.RULES,
    "rights_saved": Kind.EMPLOYEE,
    "scenario_saved": Kind.SCENARIO,
}


def bytes_max(fact: Fact, *, is_saved: bool) -> int:
    """The most that a fact may take: less where somebody saves hours, which may grow by themselves."""
    limit = VALUE_BYTES_MAX - BYTES_SPARE
    if is_saved and isinstance(fact, AgentAvailabilitySaved | ScenarioSaved):
        return int(limit * DATED_SHARE)
    return limit


def problem(office: Office, fact: Fact, size: int, limit: int) -> Problem:
    """The refusal of a card whose fact is too large."""
    type_, subject = facts.key(fact)
    kind = _KINDS.get(type_.partition(".")[2])
    values = {"size": _kib(size), "limit": _kib(limit)}
    if kind is None:
        return Problem(code=Code.TOO_LARGE, values={**values, "card": subject})
    if kind is Kind.EMPLOYEE and subject not in office.employees:
        kind = Kind.EXTENSION
    path = f"{PARTS[kind]}.{subject}" if kind in PARTS else kind.value
    return Problem(
        code=Code.TOO_LARGE, values={**values, "card": name_of(office, kind, subject), "path": path}
    )


def _kib(size: int) -> str:
    return f"{size / 1024:.0f}"
