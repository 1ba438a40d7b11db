"""A customer's number goes from the directory's database, and the answer says what stays (V6)."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from contracts.directory import CallbackAsked, NumberErased, ResponsibleSaved
from contracts.erasure import ErasedPart
from contracts.history import CustomerErased
from services.directory.activities.tables import METADATA
from tests.integration.directory.companies import Company, heard

NUMBER = "+79161234567"
FORMS = re.compile(r"9\D{0,3}1\D{0,3}6\D{0,3}1\D{0,3}2\D{0,3}3\D{0,3}4\D{0,3}5\D{0,3}6\D{0,3}7")
"""The number in any grouping, with or without +7 or 8."""


async def dump(company: Company) -> str:
    """Every value of every table, bytes as text."""
    found: list[str] = []
    async with company.directory.database.begin() as connection:
        for table in METADATA.sorted_tables:
            rows = (await connection.execute(text(f"SELECT * FROM {table.name}"))).all()  # noqa: S608  # our tables
            for row in rows:
                for value in row:
                    is_bytes = isinstance(value, bytes | memoryview)
                    found.append(bytes(value).decode("utf-8", "replace") if is_bytes else str(value))
    return "\n".join(found)


async def erased(company: Company, *, id_: str = "e", number: str = NUMBER) -> None:
    fact = CustomerErased(number=number, erasure_id="e1", actor="agent/gusev-r")
    await company.directory.fact_handler.hear(heard(fact, id_=id_))


async def with_the_number(company: Company) -> None:
    """A CRM's entry, an order that was not sent yet, and somebody who typed the number as the own mobile."""
    await company.made("/employees", {"id": "orlov", "name": "Орлов Пётр", "pbx_id": "moskva"})
    lines = {"lines": [{"number": NUMBER, "agent_id": "orlov"}]}
    answer = await company.call("PUT", "/responsibles", lines)
    assert answer.status_code == 200, answer.text
    await company.sent()
    lines["lines"][0]["agent_id"] = "gusev-r"
    assert (await company.call("PUT", "/responsibles", lines)).status_code == 200
    order = {"number": NUMBER}
    answer = await company.call("POST", "/departments/sales/callbacks", order)
    assert answer.status_code in (200, 201, 202), answer.text
    recovery = {"organization": "vostok", "mobile": NUMBER}
    assert (await company.http.post("/recovery", json=recovery)).status_code == 204


@pytest.mark.rule("V6")
async def test_no_table_holds_an_erased_customers_number_in_any_form(company: Company) -> None:
    """Cards, the trail, messages that wait, counts of tries: whatever had it has it no longer."""
    await with_the_number(company)
    assert FORMS.search(await dump(company))
    await erased(company)
    await company.sent()
    assert not FORMS.search(await dump(company))
    (answer,) = company.log.facts(NumberErased)
    assert answer.erasure_id == "e1"
    counts = {each.what: each.count for each in answer.erased}
    assert counts["responsibles"] == 1
    assert counts["unsent_messages"] == 2
    assert counts["audit_lines"] >= 2
    assert not company.log.facts(CallbackAsked)
    assert company.log.facts(ResponsibleSaved)[-1].is_erased


@pytest.mark.rule("V6")
async def test_a_card_on_which_somebody_entered_the_number_is_named_and_stays(company: Company) -> None:
    """An erasure that silently opened a denied number again would be worse than none."""
    card = (await company.call("GET", "/organization")).json()["card"]
    dialling = {**card["dialling"], "denied_numbers": [NUMBER]}
    assert (await company.changed("/organization", dialling=dialling)).status_code == 200
    await company.made("/employees", {"id": "orlov", "name": "Орлов", "pbx_id": "moskva", "mobile": NUMBER})
    await erased(company)
    await company.sent()
    (answer,) = company.log.facts(NumberErased)
    assert [(each.what, each.subject) for each in answer.stays if each.what == "card"] == [
        ("card", "employee/orlov"),
        ("card", "organization/vostok"),
    ]
    assert (await company.call("GET", "/organization")).json()["card"]["dialling"] == dialling


@pytest.mark.rule("V6")
async def test_an_erasure_stands_in_the_trail_by_who_asked_and_once(company: Company) -> None:
    """The trail says that somebody was erased, and not who."""
    await erased(company)
    await erased(company)
    lines: list[Any] = (await company.call("GET", "/audit?kind=customer.erased")).json()["lines"]
    assert [(each["by"], each["id"]) for each in lines] == [("Гусев Родион", "…4567")]


@pytest.mark.rule("V6", "D5")
async def test_the_crm_can_enter_the_number_again_later(company: Company) -> None:
    """A customer who comes back is a customer."""
    await with_the_number(company)
    await erased(company)
    lines = {"lines": [{"number": NUMBER, "agent_id": "orlov"}]}
    assert (await company.call("PUT", "/responsibles", lines)).status_code == 200
    await company.sent()
    newest = company.log.facts(ResponsibleSaved)[-1]
    assert (newest.agent_id, newest.version, newest.is_erased) == ("orlov", 1, False)


@pytest.mark.rule("V6")
async def test_an_answer_of_nothing_is_an_answer(quick_company: Company) -> None:
    """The record must not wait for a service that holds nothing."""
    await erased(quick_company)
    await quick_company.sent()
    (answer,) = quick_company.log.facts(NumberErased)
    assert answer.erased == () or answer.erased == (ErasedPart(what="audit_lines", count=1),)


@pytest.mark.rule("V6")
@pytest.mark.parametrize("part", ["+7916123", "+791612345", "9161234567", "1234567", "+79161"])
async def test_an_erasure_of_a_part_of_a_number_touches_no_other_customers_lines(
    company: Company, part: str
) -> None:
    """Nobody hides what was done by erasing the beginning of many numbers."""
    card = (await company.call("GET", "/organization")).json()["card"]
    dialling = {**card["dialling"], "denied_numbers": [NUMBER]}
    assert (await company.changed("/organization", dialling=dialling)).status_code == 200
    await with_the_number(company)
    before = await _trail(company)
    assert NUMBER in before
    await erased(company, number=part)
    await company.sent()
    assert before in await _trail(company)
    (answer,) = company.log.facts(NumberErased)
    assert not answer.erased
    assert [each.what for each in answer.stays] == ["request_digests"]


async def _trail(company: Company) -> str:
    """The lines of the audit trail as they are stored, the oldest first."""
    query = text("SELECT id, details, before, after FROM audit ORDER BY number")
    async with company.directory.database.begin() as connection:
        return "\n".join(map(str, (await connection.execute(query)).all()))


@pytest.mark.rule("V6", "E7")
async def test_an_erasure_of_an_employees_number_lifts_no_lock_out(company: Company) -> None:
    """Else whoever may erase could guess a colleague's code for as long as it takes."""
    await company.made("/employees", {"id": "orlov", "name": "Орлов", "pbx_id": "moskva", "mobile": NUMBER})
    guess = {"organization": "vostok", "mobile": NUMBER, "code": "000000", "new": "another horse battery"}
    ask = {"organization": "vostok", "mobile": NUMBER}
    while (await company.http.put("/recovery", json=guess)).status_code != 429:
        pass
    while (await company.http.post("/recovery", json=ask)).status_code != 429:
        pass
    await erased(company, number=NUMBER)
    assert (await company.http.put("/recovery", json=guess)).status_code == 429
    assert (await company.http.post("/recovery", json=ask)).status_code == 429
