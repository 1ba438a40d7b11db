"""The living company: its office can be saved, and in its day people wait and are called back."""

import random

import msgspec
import yaml

from devtools.live import company, day
from ringback.apply import office
from ringback.apply.document import read
from services.gateway.simulated import script


def test_the_companys_office_is_one_that_apply_takes_without_a_remark() -> None:
    """Forty people with names of their own, two PBXs, three departments."""
    sheet, problems = office.examine(read(yaml.safe_dump(company.office()), "office.yaml"))
    assert problems == []
    assert sheet is not None
    assert len({card.name for card in sheet.employees.values()}) == company.PEOPLE
    assert (len(sheet.pbxs), len(sheet.departments)) == (2, 3)


def test_everybody_of_the_office_has_a_phone_at_the_own_pbx() -> None:
    """Else nobody would be offered that agent's calls."""
    told = company.phones(random.Random(1))
    assert script.read(msgspec.to_builtins(told)) == told
    for card in company.office()["employees"].values():
        assert f"sip:{card['extension']}" in told.pbxs[card["pbx"]].phones


def test_more_call_in_a_rush_than_can_be_answered_and_fewer_when_it_is_quiet() -> None:
    """Counted in calls a minute, over all departments."""
    arrivals = list(day.arrivals(random.Random(1)))

    def per_minute(first: int, last: int) -> float:
        return sum(first <= each.at_s / day.MINUTE_S < last for each in arrivals) / (last - first)

    can_be_answered = company.PEOPLE * day.MINUTE_S / day.CALL_S
    assert per_minute(25, 30) < per_minute(8, 15) < can_be_answered < per_minute(3, 8)
    assert [each.at_s for each in arrivals] == sorted(each.at_s for each in arrivals)


def test_customers_order_by_a_key_stay_on_the_line_or_lose_patience() -> None:
    """And some call again within a day, so that their earlier contacts can be seen."""
    calls = [each.call for each in day.arrivals(random.Random(1))]
    keys = [any(step.press == "1" for step in each.then) for each in calls]
    leaves = [each.then != () and not orders for each, orders in zip(calls, keys, strict=True)]
    assert 0.4 < sum(keys) / len(calls) < 0.6
    assert 0.1 < sum(leaves) / len(calls) < 0.3
    assert len({each.caller for each in calls}) < len(calls)
