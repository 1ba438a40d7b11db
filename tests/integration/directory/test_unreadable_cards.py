"""A saved card that can't be read is set aside with an alarm; it is not said as removed, and stops nobody."""

import pytest
from sqlalchemy import update

from contracts.directory import AgentSaved, DepartmentSaved, OrganizationSaved, RightsSaved
from services.directory.activities.tables import CARDS
from tests.integration.directory.companies import ORGANIZATION, Company

WEEK = [{"days": [0, 1, 2, 3, 4], "from_minute": 540, "until_minute": 1080}]


async def spoil(company: Company, id_: str, document: str) -> None:
    async with company.directory.database.begin() as connection:
        its = (CARDS.c.organization_id == ORGANIZATION) & (CARDS.c.id == id_)
        await connection.execute(update(CARDS).where(its).values(document=document))


@pytest.mark.rule("O1", "E8")
@pytest.mark.parametrize("document", ["{", '{"name": 5}', '{"unknown": true}', '{"name": "Ор\\u202eлов"}'])
async def test_the_rest_of_the_organization_goes_on_and_nothing_is_said_as_removed(
    company: Company, document: str
) -> None:
    """Logins, lists and other cards are read; a change is refused, because its facts would lack the card."""
    body = {"name": "Орлов Пётр", "pbx_id": "moskva", "hours": WEEK, "email": "orlov@vostok.example"}
    made = await company.made("/employees", body)
    seats = [{"agent_id": made["id"]}, {"agent_id": "gusev-r"}]
    await company.changed("/departments/sales", agents=seats, heads=seats)
    await company.sent()
    company.log.sent.clear()
    await spoil(company, made["id"], document)
    company.headers = await company.login("gusev.r")
    listed = (await company.call("GET", "/employees")).json()["cards"]
    assert [each["id"] for each in listed] == ["gusev-r"]
    assert (await company.call("GET", "/departments/sales")).status_code == 200
    one = await company.call("GET", f"/employees/{made['id']}")
    assert (one.status_code, one.json()["code"]) == (409, "card_unreadable")
    refused = await company.changed("/departments/sales", name="Сбыт")
    assert (refused.status_code, refused.json()["code"]) == (409, "card_unreadable")
    assert made["id"] in refused.json()["cause"]["ru"]
    removing = await company.call("DELETE", f"/employees/{made['id']}", if_match='"1"')
    assert removing.json()["code"] == "card_unreadable"
    taken = await company.call("POST", "/employees", {"id": made["id"], "name": "Пётр", "pbx_id": "moskva"})
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    # What is no card of the office is said as before.
    paused = await company.call("PUT", "/agents/gusev-r/pause", {"is_paused": True})
    assert paused.status_code == 204
    company.clock.advance(3 * 24 * 3600)
    await company.directory.maintenance.round()
    log = await company.sent()
    assert log.facts(AgentSaved, RightsSaved, DepartmentSaved, OrganizationSaved) == []


@pytest.mark.rule("O1", "E8")
async def test_other_organizations_do_not_notice(company: Company) -> None:
    """Neither their changes nor the hourly round."""
    await company.found("zapad")
    await spoil(company, "gusev-r", "{")
    await spoil(company, ORGANIZATION, "{")
    company.headers = await company.login("gusev.r", "zapad")
    assert (await company.changed("/departments/sales", name="Сбыт")).status_code == 200
    await company.directory.maintenance.round()
    assert (await company.sent()).facts(DepartmentSaved)[-1].name == "Сбыт"


@pytest.mark.rule("O1")
async def test_an_office_file_saves_the_card_anew(company: Company) -> None:
    """The way back: its next version, said as such."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await company.sent()
    company.log.sent.clear()
    await spoil(company, made["id"], "{")
    card = {"name": "Орлов Пётр Петрович", "pbx_id": "moskva", "extension": made["card"]["extension"]}
    card["login"] = made["card"]["login"]
    sheet = {"organization_id": ORGANIZATION, "organization": {"name": "Восток"}}
    answer = await company.call("PUT", "/office", {**sheet, "employees": {made["id"]: card}})
    assert answer.status_code == 200, answer.text
    read = (await company.call("GET", f"/employees/{made['id']}")).json()
    assert (read["card"]["name"], read["version"]) == ("Орлов Пётр Петрович", 2)
    [agent] = (await company.sent()).facts(AgentSaved)
    assert (agent.agent_id, agent.version, agent.is_removed) == (made["id"], 2, False)
    assert (await company.changed("/departments/sales", name="Сбыт")).status_code == 200
