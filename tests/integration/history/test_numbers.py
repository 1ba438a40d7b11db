"""A customer's number in history: found, shown, erased, downloaded."""

import pytest
from msgspec import structs
from sqlalchemy import select

from contracts.dialling import DiallingPolicy
from contracts.directory import OrganizationSaved
from services.history.activities import tables
from tests.integration.history.harness import HistoryHarness, department_call
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, SALES


async def told(harness: HistoryHarness, caller: str | None, *, region: str = "RU", leg: str = "in1") -> None:
    """A call of this caller to an organization of this region."""
    policy = DiallingPolicy(home_region=region)
    cards = [
        structs.replace(fact, dialling_policy=policy) if isinstance(fact, OrganizationSaved) else fact
        for fact in stories.the_cards()
    ]
    await harness.tell(*cards, *department_call(leg, SALES, caller=caller))  # type: ignore[arg-type]


async def found(harness: HistoryHarness, number: str) -> list[str]:
    """The contacts that a filter by number finds."""
    async with harness.browser(BORIS) as asked:
        answer = await asked.get("/history", params={"number": number})
    return [row["contact_id"] for row in answer.json()["rows"]]


@pytest.mark.rule("H5")
@pytest.mark.parametrize("caller", ["84951234567", "4951234567", "74951234567", "+7 495 123-45-67"])
async def test_p7_a_call_is_found_however_trunk_and_reader_write_its_number(
    harness: HistoryHarness, caller: str
) -> None:
    """One number, and what the network wrote is kept beside it."""
    await told(harness, caller)
    for asked in ("+74951234567", "8 (495) 123-45-67", "495 123 45 67"):
        assert await found(harness, asked) == ["in1"]
    async with harness.browser(BORIS) as asking:
        row = (await asking.get("/history/in1")).json()["row"]
    assert (row["number"], row["number_said"]) == ("+74951234567", caller)


@pytest.mark.rule("H5")
async def test_p8_a_filter_and_an_erasing_read_numbers_as_the_organization_s_country_does(
    harness: HistoryHarness,
) -> None:
    """A company in Berlin writes 030 901820; nothing in the code is Russian."""
    await told(harness, "030901820", region="DE")
    assert await found(harness, "030 901820") == ["in1"]
    assert await found(harness, "+49 30 901820") == ["in1"]
    async with harness.browser(BORIS) as asked:
        assert (await asked.post("/erase", json={"number": "030/901820"})).json()["contacts"] == 1
        row = (await asked.get("/history/in1")).json()["row"]
    assert (row["number"], row["number_said"]) == (None, "")
    async with harness.engine.connect() as connection:
        documents = [each.document for each in await connection.execute(select(tables.contacts))]
    assert not any("901820" in each for each in documents)


@pytest.mark.rule("H5")
async def test_p7_what_is_no_number_of_a_country_is_found_as_it_came(harness: HistoryHarness) -> None:
    """A short number is found by its digits."""
    await told(harness, "123-45-67")
    assert await found(harness, "1234567") == ["in1"]


@pytest.mark.rule("G5")
@pytest.mark.parametrize(
    "caller", ["anonymous", "Restricted", "", "sip:x@anonymous.invalid", "скрыт", "\x00"]
)
async def test_p11_two_withheld_callers_are_not_one_customer(harness: HistoryHarness, caller: str) -> None:
    """Facts of an older gateway said the network's word."""
    await told(harness, caller)
    await harness.tell(*department_call("in2", SALES, caller=caller), at_s=20)
    async with harness.browser(BORIS) as asked:
        answer = (await asked.get("/history/in1")).json()
        assert (answer["row"]["number"], answer["same_number"]) == (None, [])
        refused = await asked.get("/history", params={"number": "anonymous"})
    assert (refused.status_code, refused.json()["code"]) == (422, "number_unusable")
