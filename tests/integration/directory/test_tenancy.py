"""Whose PBXs and numbers are which is the operator's decision, and nobody else's (O1)."""

from typing import Any

import pytest
from sqlalchemy import delete, select

from contracts.directory import AgentSaved, DepartmentSaved, Language, OrganizationSaved, PbxSaved
from contracts.history import Accessed, AccessKind, AccessRefused
from contracts.ids import NoticeId
from contracts.message import Fact
from contracts.tts import NoticeRendered
from services.directory.activities import bootstrap, organizations, ownership, tables
from services.directory.activities.organizations import NotDone
from tests.integration.directory.companies import NUMBERS, PASSWORD, Company, heard
from tests.integration.directory.older import begun_again, rows, spoiled
from tests.unit.history import stories

pytestmark = pytest.mark.rule("O1")
FOREIGN = NUMBERS["zapad"][0]
PBX = {"name": "Новая", "kind": "cloud"}


async def test_a_number_of_another_organization_is_refused_wherever_it_is_saved(company: Company) -> None:
    """Who saved it first used to have it, as caller id too."""
    await company.found("zapad")
    body = {"id": "volga", **PBX, "numbers": [FOREIGN]}
    created = await company.call("POST", "/pbxs", body)
    changed = await company.changed("/pbxs/moskva", numbers=[NUMBERS["vostok"][0], FOREIGN])
    office: dict[str, Any] = {"organization_id": "vostok", "organization": {"name": "Восток"}}
    office |= {"pbxs": {"volga": {**PBX, "numbers": [FOREIGN]}}}
    imported = await company.call("PUT", "/office", office)
    for answer in (created, changed, imported):
        assert (answer.status_code, answer.json()["code"]) == (422, "number_not_assigned")
        assert f"operator assign vostok --number {FOREIGN}" in answer.json()["remedy"]["en"]
    assert all(FOREIGN not in fact.numbers for fact in (await company.sent()).facts(PbxSaved)[:1])


async def test_a_pbx_that_the_operator_has_not_assigned_is_refused(company: Company) -> None:
    """An id that nobody gave would be served by whichever gateway has it."""
    body = {"id": "chuzhaya", **PBX, "numbers": [NUMBERS["vostok"][1]]}
    refused = await company.call("POST", "/pbxs", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "pbx_not_assigned")
    await ownership.assign(company.directory.repository, "vostok", pbxs=["chuzhaya"])
    assert (await company.call("POST", "/pbxs", body)).status_code == 201


async def test_a_number_is_given_to_one_organization_only(company: Company) -> None:
    """The operator reads who has it, and how to take it away."""
    await company.found("zapad")
    repository = company.directory.repository
    with pytest.raises(NotDone, match=f"operator withdraw zapad --number \\{FOREIGN}"):
        await ownership.assign(repository, "vostok", numbers=[FOREIGN])
    await ownership.withdraw(repository, "zapad", numbers=[FOREIGN])
    await ownership.assign(repository, "vostok", numbers=[FOREIGN])
    with pytest.raises(NotDone):
        await ownership.withdraw(repository, "zapad", numbers=[FOREIGN])


async def test_what_is_withdrawn_is_gone_from_the_log_at_once(company: Company) -> None:
    """Nobody has to save the card first: an administrator who does not want to could keep the number."""
    first, second = NUMBERS["vostok"][:2]
    repository = company.directory.repository
    await company.changed("/pbxs/moskva", numbers=[first, second])
    await ownership.withdraw(repository, "vostok", numbers=[second])
    said = (await company.sent()).facts(PbxSaved)
    assert [each.numbers for each in said] == [(first,), (first, second), (first,)]
    assert await company.changed("/pbxs/moskva", name="Москва-2") is not None
    assert (await company.changed("/pbxs/moskva", name="Москва-2")).json()["code"] == "number_not_assigned"
    await ownership.withdraw(repository, "vostok", pbxs=["moskva"])
    last = (await company.sent()).facts(PbxSaved)[-1]
    assert (last.pbx_id, last.is_removed) == ("moskva", True)
    found = await ownership.contested(company.directory.database)
    assert [(each.pbx_id, each.number, each.owner_id) for each in found] == [
        ("moskva", None, None),
        ("moskva", second, None),
    ]


async def test_an_upgrade_gives_what_is_undisputed_and_guesses_nothing(company: Company) -> None:
    """Two organizations had saved the same number: it is nobody's until the operator decides."""
    await company.found("zapad")
    own, shared = NUMBERS["vostok"][0], NUMBERS["vostok"][1]
    cards = await rows(company, tables.CARDS)
    for organization in ("vostok", "zapad"):
        first = NUMBERS[organization][0]
        cards = spoiled(cards, f'"{first}"', f'"{first}","{shared}"')
    await begun_again(company, "0005", {tables.CARDS: cards})
    listed = {each.organization_id: each for each in await organizations.listed(company.directory.database)}
    assert {id_: each.numbers for id_, each in listed.items()} == {
        "vostok": (own,),
        "zapad": (NUMBERS["zapad"][0],),
    }
    assert {each.pbxs for each in listed.values()} == {("moskva",)}
    found = await ownership.contested(company.directory.database)
    assert [(each.organization_id, each.number) for each in found] == [("vostok", shared), ("zapad", shared)]


async def test_a_pbx_is_removed_when_nothing_is_on_it(company: Company) -> None:
    """The gateways hear it, and its people and departments are named until they are elsewhere."""
    await company.made("/pbxs", {"id": "volga", **PBX, "numbers": [NUMBERS["vostok"][1]]})
    used = await company.call("DELETE", "/pbxs/moskva", if_match='"1"')
    assert (used.status_code, used.json()["code"]) == (409, "in_use")
    assert (await company.call("DELETE", "/pbxs/volga", if_match='"1"')).status_code == 204
    assert (await company.call("GET", "/pbxs/volga")).status_code == 404
    said = (await company.sent()).facts(PbxSaved)[-1]
    assert (said.pbx_id, said.is_removed, said.version) == ("volga", True, 2)


@pytest.mark.rule("O2")
async def test_phones_of_a_withdrawn_pbx_do_not_ring_through_the_link_from_another_one(
    company: Company,
) -> None:
    """Another PBX would dial `pbx:volga/…`; mobiles ring as before, and all of it comes back with the PBX."""
    _, second, third = NUMBERS["vostok"]
    await company.made("/pbxs", {"id": "volga", **PBX, "numbers": [second]})
    await company.made("/pbxs", {"id": "sklad", "name": "Склад", "kind": "office", "numbers": [third]})
    company.log.extensions = {"31"}
    await company.made("/extensions", {"name": "Ворота", "pbx_id": "sklad", "extension": "31"})
    body = {"name": "Орлов Пётр", "pbx_id": "volga", "mobile": "+79160000007", "rings_mobile": True}
    await company.made("/employees", body)
    whole = await _devices(company)
    assert sorted(whole["Ворота"]) == ["sip:31"]
    assert [each.partition(":")[0] for each in whole["Орлов Пётр"]] == ["sip", "tel"]
    repository = company.directory.repository
    await ownership.withdraw(repository, "vostok", pbxs=["volga", "sklad"])
    withdrawn = await _devices(company)
    assert (withdrawn["Ворота"], withdrawn["Орлов Пётр"]) == ([], ["tel:+79160000007"])
    assert withdrawn["Гусев Родион"] == whole["Гусев Родион"]
    await ownership.assign(repository, "vostok", pbxs=["volga", "sklad"])
    assert await _devices(company) == whole


async def _devices(company: Company) -> dict[str, list[str]]:
    said = (await company.sent()).facts(AgentSaved)
    return {each.name: [str(device.address) for device in each.devices] for each in said}


async def test_in_a_suspended_organization_nobody_signs_in_and_no_token_holds(company: Company) -> None:
    """Not by a login, a renewal, a program's token or a token that is still valid; a resumption ends it."""
    body = {"name": "CRM", "actions": ["settings.read"]}
    program = {"Authorization": f"Bearer {(await company.made('/tokens', body))['token']}"}
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva", "password": PASSWORD})
    its = {"organization": "vostok", "login": made["card"]["login"], "password": PASSWORD}
    opened = await company.call("POST", "/sessions", its, headers={})
    unchosen = {"Authorization": f"Bearer {opened.json()['password']}"}
    await organizations.suspend(company.directory.repository, "vostok")
    login = {"organization": "vostok", "login": "gusev.r", "password": "correct horse battery"}
    refused = [
        await company.call("POST", "/sessions", login, headers={}),
        await company.call("GET", "/employees"),
        await company.call("GET", "/employees", headers=program),
    ]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(403, "organization_suspended")}
    own = {"old": PASSWORD, "new": "another horse battery"}
    chosen = await company.call("PUT", "/me/password", own, headers=unchosen)
    assert (chosen.status_code, chosen.json()["code"]) == (403, "organization_suspended")
    wrong = await company.call("POST", "/sessions", {**login, "password": "wrong"}, headers={})
    assert wrong.json()["code"] == "login_refused"
    said = (await company.sent()).facts(OrganizationSaved)[-1]
    assert (said.is_suspended, said.is_removed, said.dialling_policy.is_on) == (True, False, False)
    await organizations.resume(company.directory.repository, "vostok")
    assert (await company.call("GET", "/employees", headers=program)).status_code == 200
    said = (await company.sent()).facts(OrganizationSaved)[-1]
    assert (said.is_suspended, said.dialling_policy.is_on) == (False, True)


async def test_a_removed_organization_leaves_its_numbers_and_nothing_else(company: Company) -> None:
    """Two steps; its facts say that it is gone; its id is never used again."""
    await company.found("zapad")
    repository = company.directory.repository
    with pytest.raises(NotDone, match="suspend it first"):
        await organizations.remove(repository, "zapad")
    await organizations.suspend(repository, "zapad")
    await organizations.remove(repository, "zapad")
    said = [each for envelope, each in (await company.sent()).sent if envelope.organization_id == "zapad"]
    departments = [each for each in said if isinstance(each, DepartmentSaved)]
    last = [each for each in said if isinstance(each, OrganizationSaved)][-1]
    assert departments[-1].is_removed
    assert (last.is_removed, last.name, last.administrators) == (True, "—", ())
    # What others said before they heard of it comes later, and brings nothing back.
    for late in (
        Accessed(by="agent/gusev-r", kind=AccessKind.DOWNLOADED, subject="history.csv", address="192.0.2.1"),
        AccessRefused(by="agent/gusev-r", action="erase", what="erase"),
        NoticeRendered(
            notice_id=NoticeId("n"), version=1, language=Language.RUSSIAN, parts=(), duration_ms=1
        ),
        stories.ordered(),
    ):
        await company.directory.fact_handler.hear(heard(late, "zapad", id_=type(late).__name__))
    left = await _rows_of("zapad", company)
    assert left == {"organizations": 1, "said": 1}
    await ownership.assign(repository, "vostok", numbers=[FOREIGN])
    with pytest.raises(NotDone, match="never used again"):
        await company.found("zapad")
    assert (await company.call("GET", "/employees")).status_code == 200


async def test_nothing_of_a_removed_organization_is_said_again_but_that_it_is_removed(
    company: Company,
) -> None:
    """Not its people, tokens or customers' numbers: every service has forgotten them."""
    await company.found("zapad")
    headers = await company.login("gusev.r", "zapad")
    body = {"lines": [{"number": "+79161234567", "agent_id": "gusev-r"}]}
    assert (await company.call("PUT", "/responsibles", body, headers=headers)).status_code == 200
    repository = company.directory.repository
    await organizations.suspend(repository, "zapad")
    await organizations.remove(repository, "zapad")
    before = len((await company.sent()).sent)
    await bootstrap.republish(repository, "zapad")
    again = [message for _, message in (await company.sent()).sent[before:]]
    assert [type(each) for each in again if isinstance(each, Fact)] == [OrganizationSaved]
    assert "+79161234567" not in str(again)


async def _rows_of(organization: str, company: Company) -> dict[str, int]:
    found: dict[str, int] = {}
    async with company.directory.database.begin() as connection:
        for table in tables.METADATA.sorted_tables:
            if "organization_id" in table.c:
                query = select(table).where(table.c.organization_id == organization)
                found[table.name] = len((await connection.execute(query)).all())
    return {name: count for name, count in found.items() if count}


async def test_no_office_changes_what_the_operator_has_given(company: Company) -> None:
    """Without its rows an organization has nothing: the default is to have none."""
    async with company.directory.database.begin() as connection:
        await connection.execute(delete(tables.PBX_OWNERS))
    changed: Any = await company.changed("/pbxs/moskva", name="Москва-2")
    assert changed.json()["code"] == "pbx_not_assigned"


async def test_what_gateways_must_know_is_said_again_before_the_log_drops_it(company: Company) -> None:
    """A gateway reads the log from its beginning; an office that nobody touches for weeks still dials."""
    before = len((await company.sent()).facts(PbxSaved))
    await company.directory.maintenance.round()
    assert len((await company.sent()).facts(PbxSaved)) == before
    company.clock.advance(8 * 24 * 3_600_000)
    await company.directory.maintenance.round()
    again = (await company.sent()).facts(PbxSaved)
    assert len(again) == before + 1
    assert again[-1] == again[-2]
