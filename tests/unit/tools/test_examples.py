"""A newcomer's examples work at any hour."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.directory import AgentAvailabilitySaved, DepartmentSaved
from contracts.ids import Instant
from devtools.demo import run as demo
from ringback.apply.document import read
from tests.unit.tools.offices import NOW, facts

ROOT = Path(__file__).parents[3]
OFFICES = (ROOT / "examples" / "office.yaml", Path(demo.__file__).parent / "office.yaml")
HOUR_MS = timedelta(hours=1) // timedelta(milliseconds=1)


def at_work(said: list[AgentAvailabilitySaved], at: Instant) -> set[str]:
    """The employees who are in working hours and not absent at an instant."""
    return {
        each.agent_id
        for each in said
        if (each.hours is None or any(open_.contains(at) for open_ in each.hours))
        and not any(away.contains(at) for away in each.absences)
    }


@pytest.mark.parametrize("file", OFFICES, ids=lambda file: file.parent.name)
def test_n11_at_any_hour_every_department_of_an_example_has_somebody_at_work(file: Path) -> None:
    """A newcomer who tries the product on a Saturday night must not get only voicemail."""
    for weeks in (0, 5, 26):  # the New Year's holidays of some employees, and summer time elsewhere
        monday = Instant(NOW + weeks * 7 * 24 * HOUR_MS)
        said = facts(read(re.sub(r"\$\{\w+\}", "200", file.read_text(encoding="utf-8"))), monday)
        hours = [fact for fact in said if isinstance(fact, AgentAvailabilitySaved)]
        departments = [fact for fact in said if isinstance(fact, DepartmentSaved)]
        assert departments
        for hour in range(7 * 24):
            present = at_work(hours, Instant(monday + hour * HOUR_MS))
            for each in departments:
                seated = {seat.agent_id for seat in each.agents if not seat.is_suspended}
                assert seated & present, (each.name, weeks, hour)
