"""The record of an erasure: who has erased what, what stays where, and who has not answered yet (V6)."""

import re

import pytest
from sqlalchemy import select

from contracts import callback, directory, queue, routing, voicemail
from contracts.erasure import ErasedPart, StayingPart
from contracts.ids import Instant
from services.history.activities import tables
from services.history.rules.erasures import OWNERS
from tests.integration.history.harness import HistoryHarness
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, NORTH

DIGITS = CUSTOMER.removeprefix("+")[1:]
FORMS = re.compile(r"\D{0,3}".join(DIGITS))
"""The number in any grouping, with whatever stands before it."""


async def dump(office: HistoryHarness) -> str:
    """Every value of every table of this organization: another one may know the same customer."""
    found: list[str] = []
    async with office.engine.connect() as connection:
        for table in tables.METADATA.sorted_tables:
            query = select(table)
            if "organization_id" in table.c:
                query = query.where(table.c.organization_id == NORTH)
            rows = (await connection.execute(query)).all()
            found += [str(value) for row in rows for value in row]
    return "\n".join(found)


@pytest.mark.rule("V6")
async def test_no_table_of_history_holds_an_erased_customers_number_in_any_form(
    office: HistoryHarness,
) -> None:
    """Rows, names to search by, and the record of the erasure itself."""
    assert FORMS.search(await dump(office))
    async with office.browser(BORIS) as boris:
        record = (await boris.post("/erase", json={"number": CUSTOMER})).json()
    left = [line for line in (await dump(office)).splitlines() if FORMS.search(line)]
    assert left == []
    assert not FORMS.search(str(record))


@pytest.mark.rule("V6")
async def test_the_record_names_who_has_not_answered_and_tells_later_what_they_erased(
    office: HistoryHarness,
) -> None:
    """A printed record that claims more than is true is worth nothing to the customer."""
    async with office.browser(BORIS) as boris:
        record = (await boris.post("/erase", json={"number": CUSTOMER})).json()
        assert record["waiting_for"] == list(OWNERS)
        id_ = record["erasure_id"]
        card = StayingPart(what="card", subject="organization/north")
        await office.tell(
            callback.NumberErased(erasure_id=id_, erased=(ErasedPart(what="callbacks", count=1),)),
            directory.NumberErased(erasure_id=id_, stays=(card,)),
            at_s=200,
        )
        # Heard again it found nothing to erase any more.
        await office.tell(callback.NumberErased(erasure_id=id_), at_s=210)
        later = (await boris.get(f"/erase/{id_}")).json()
        assert later["waiting_for"] == ["routing", "queue", "voicemail"]
        told = {each["service"]: (each["erased"], each["stays"]) for each in later["answers"]}
        assert told["callback"] == ({"callbacks": 1}, [])
        assert [each["subject"] for each in told["directory"][1]] == ["organization/north"]
        await office.tell(
            routing.NumberErased(erasure_id=id_),
            queue.NumberErased(erasure_id=id_),
            voicemail.NumberErased(erasure_id=id_, stays=(StayingPart(what="letter", until_at=Instant(1)),)),
            at_s=220,
        )
        assert (await boris.get(f"/erase/{id_}")).json()["waiting_for"] == []
        assert (await boris.get("/erase/unknown")).status_code == 404
    assert later["number"] == "…" + CUSTOMER[-4:]
    assert later["by"] == f"agent/{BORIS}"


@pytest.mark.rule("V6", "P5")
async def test_who_may_not_erase_may_not_read_the_record(office: HistoryHarness) -> None:
    """The record is about a person."""
    rights = directory.RightsSaved(agent_id=ANNA, version=2, role=directory.Role.DEPARTMENT_HEAD)
    await office.tell(rights, at_s=60)
    async with office.browser(BORIS) as boris, office.browser(ANNA) as anna:
        id_ = (await boris.post("/erase", json={"number": CUSTOMER})).json()["erasure_id"]
        assert (await anna.get(f"/erase/{id_}")).status_code == 403
