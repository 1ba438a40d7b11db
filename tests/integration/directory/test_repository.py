"""The repository keeps what is saved, says it, and saves all of a change or nothing."""

import asyncio

import pytest

from contracts.directory import AgentSaved, DepartmentSaved, OrganizationSaved, PbxSaved, RightsSaved
from runtime.edge import NotSaid
from services.directory.activities import bootstrap, ceilings
from tests.integration.directory.companies import ORGANIZATION, Company


@pytest.mark.rule("Q11")
async def test_from_the_first_day_there_is_a_department_and_all_of_it_is_on_the_log(company: Company) -> None:
    """A new company can be called at once."""
    log = await company.sent()
    [organization] = log.facts(OrganizationSaved)
    [pbx] = log.facts(PbxSaved)
    [agent] = log.facts(AgentSaved)
    [rights] = log.facts(RightsSaved)
    [department] = log.facts(DepartmentSaved)
    assert organization.name == "Восток"
    assert organization.dialling_policy.own_numbers == pbx.numbers == ("+74950001000",)
    assert (agent.extension, agent.version) == ("200", 1)
    assert rights.role == "administrator"
    assert (department.name, department.extension) == ("Отдел продаж", "201")


@pytest.mark.rule("E1", "E2")
async def test_an_employee_gets_a_login_the_next_extension_and_secrets_once(company: Company) -> None:
    """An administrator types a name, and the rest is there; no secret is ever on the log."""
    made = await company.made("/employees", {"name": "Щукина Юлия", "pbx_id": "moskva"})
    assert made["card"]["login"] == "shchukina.i"
    assert made["card"]["extension"] == "202"
    assert len(made["one_time_password"]) >= 16
    assert len(made["phone_password"]) >= 16
    read = await company.call("GET", f"/employees/{made['id']}")
    assert read.json()["one_time_password"] is None
    assert read.json()["phone_password"] is None
    log = await company.sent()
    assert made["one_time_password"] not in str(log.sent)
    assert made["phone_password"] not in str(log.sent)


@pytest.mark.rule("E2")
@pytest.mark.parametrize(
    ("extension", "code"),
    [("112", "extension_emergency"), ("911", "extension_emergency"), ("10", "extension_shadows")],
)
async def test_an_extension_in_the_way_of_an_emergency_call_is_refused(
    quick_company: Company, extension: str, code: str
) -> None:
    """EC-88: a caller of 112 reaches 112."""
    answer = await quick_company.call(
        "POST", "/employees", {"name": "Орлов Пётр", "pbx_id": "moskva", "extension": extension}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["field"] == "extension"


@pytest.mark.rule("E2")
async def test_an_extension_is_one_persons_or_departments_within_its_pbx(quick_company: Company) -> None:
    """201 is the department's: the error names it, and one that is free."""
    answer = await quick_company.call(
        "POST", "/employees", {"name": "Орлов Пётр", "pbx_id": "moskva", "extension": "201"}
    )
    assert answer.status_code == 409
    assert "Отдел продаж" in answer.json()["cause"]["ru"]
    assert "202" in answer.json()["remedy"]["en"]


async def test_a_card_is_saved_only_at_the_version_that_was_read(company: Company) -> None:
    """Two administrators at once: the second one is told, and overwrites nothing."""
    read = await company.call("GET", "/departments/sales")
    card = {**read.json()["card"], "name": "Продажи"}
    missing = await company.call("PUT", "/departments/sales", card)
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")
    etag = read.headers["etag"]
    first, second = await asyncio.gather(
        company.call("PUT", "/departments/sales", card, if_match=etag),
        company.call("PUT", "/departments/sales", {**card, "name": "Сбыт"}, if_match=etag),
    )
    assert sorted((first.status_code, second.status_code)) == [200, 412]
    log = await company.sent()
    versions = [fact.version for fact in log.facts(DepartmentSaved)]
    assert versions == [1, 2]


async def test_a_request_sent_twice_with_one_key_is_done_once(company: Company) -> None:
    """The answer was lost on the way: the form is sent again, and there is still one employee."""
    body = {"name": "Орлов Пётр", "pbx_id": "moskva"}
    first, second = await asyncio.gather(
        company.call("POST", "/employees", body, idempotency_key="k1"),
        company.call("POST", "/employees", body, idempotency_key="k1"),
    )
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    other = await company.call("POST", "/employees", {**body, "name": "Орлова Анна"}, idempotency_key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    company.clock.advance(25 * 3600)
    company.headers = await company.login("gusev.r")
    third = await company.call("POST", "/employees", body, idempotency_key="k1")
    assert third.json()["id"] != first.json()["id"]


async def test_a_change_that_is_refused_leaves_and_says_nothing(company: Company) -> None:
    """All or nothing, even where parts of it were right."""
    before = len((await company.sent()).sent)
    answer = await company.changed(
        "/departments/sales", name="Сбыт", agents=[{"agent_id": "gusev-r"}, {"agent_id": "nobody"}]
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "reference_unknown")
    read = await company.call("GET", "/departments/sales")
    assert (read.json()["card"]["name"], read.json()["version"]) == ("Отдел продаж", 1)
    assert len((await company.sent()).sent) == before


async def test_who_is_renamed_is_renamed_wherever_facts_name_him(company: Company) -> None:
    """Letters go to the new address, and the department is said again with it."""
    await company.changed("/employees/gusev-r", email="old@vostok.example")
    await company.changed("/departments/sales", heads=[{"agent_id": "gusev-r"}])
    await company.sent()
    company.log.sent.clear()
    await company.changed("/employees/gusev-r", email="new@vostok.example")
    log = await company.sent()
    [department] = log.facts(DepartmentSaved)
    [organization] = log.facts(OrganizationSaved)
    assert department.heads[0].email == "new@vostok.example"
    assert organization.administrators[0].email == "new@vostok.example"


async def test_while_the_log_is_away_changes_are_kept_and_sent_in_order_later(company: Company) -> None:
    """While the broker is down people go on working, and nothing is lost."""
    await company.sent()
    company.log.sent.clear()
    company.log.is_away = True
    for name in ("Первый", "Второй", "Третий"):
        assert (await company.changed("/departments/sales", name=name)).status_code == 200
    with pytest.raises(NotSaid):
        await company.directory.sender.round()
    company.log.is_away = False
    log = await company.sent()
    assert [fact.name for fact in log.facts(DepartmentSaved)] == ["Первый", "Второй", "Третий"]
    [envelope] = {envelope.source for envelope, _ in log.sent}
    assert envelope == "directory"


async def test_what_was_sent_and_not_acknowledged_goes_again_under_the_same_id(company: Company) -> None:
    """At least once, with ids and versions by which readers drop repeats."""
    first = [envelope.id for envelope, _ in (await company.sent()).sent]
    count = await bootstrap.republish(company.directory.repository)
    company.log.sent.clear()
    again = [envelope.id for envelope, _ in (await company.sent()).sent]
    assert count == len(again)
    assert set(again) == set(first)


async def test_an_acknowledgement_that_is_lost_makes_repeats_and_no_gap(company: Company) -> None:
    """Readers drop repeats by version: same id, same content."""
    await company.sent()
    company.log.sent.clear()
    company.log.is_mute = True
    await company.changed("/departments/sales", name="Сбыт")
    for _ in range(2):
        with pytest.raises(NotSaid):
            await company.directory.sender.round()
    company.log.is_mute = False
    log = await company.sent()
    assert len(log.sent) == 3
    assert len({(envelope.id, repr(message)) for envelope, message in log.sent}) == 1
    assert await company.directory.sender.round() == 0


async def test_one_replica_sends_at_a_time_and_another_takes_over(company: Company) -> None:
    """Two senders at once could send an older version after a newer one."""
    await company.sent()
    await company.changed("/departments/sales", name="Сбыт")
    other = type(company.directory.sender)(company.directory.database, company.log.send, company.clock)
    assert await other.round() == 0
    company.clock.advance(16)
    assert await other.round() == 1


@pytest.mark.rule("E8")
async def test_a_removed_employee_leaves_departments_and_the_id_is_never_used_again(
    company: Company,
) -> None:
    """A removed employee is not rung, and the next of that name gets another id."""
    made = await company.employee("Орлов Пётр")
    await company.changed("/departments/sales", agents=[{"agent_id": made["id"]}, {"agent_id": "gusev-r"}])
    headers = await company.login("orlov.p")
    answer = await company.call("DELETE", f"/employees/{made['id']}", if_match='"1"')
    assert answer.status_code == 204
    log = await company.sent()
    assert [seat.agent_id for seat in log.facts(DepartmentSaved)[-1].agents] == ["gusev-r"]
    assert log.facts(AgentSaved)[-1].is_removed
    assert log.facts(RightsSaved)[-1].is_removed
    refused = await company.call("GET", "/me", headers=headers)
    assert refused.status_code == 401
    again = await company.employee("Орлов Пётр")
    assert again["id"] != made["id"]
    assert again["card"]["extension"] == made["card"]["extension"]


async def test_the_last_administrator_stays_one(quick_company: Company) -> None:
    """Nobody can lock the company out."""
    answer = await quick_company.changed("/employees/gusev-r", role="user")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    answer = await quick_company.call("DELETE", "/employees/gusev-r", if_match='"1"')
    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")


@pytest.mark.rule("O1")
async def test_two_organizations_share_nothing(company: Company) -> None:
    """Both have the same ids and extensions; each reads and changes only its own."""
    await company.found("zapad")
    theirs = await company.login("gusev.r", "zapad")
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    unknown = await company.call("GET", f"/employees/{made['id']}", headers=theirs)
    assert unknown.status_code == 404
    listed = await company.call("GET", "/employees", headers=theirs)
    assert [each["id"] for each in listed.json()["cards"]] == ["gusev-r"]
    log = await company.sent()
    of_west = [message for envelope, message in log.sent if envelope.organization_id == "zapad"]
    assert not any(isinstance(each, AgentSaved) and each.agent_id == made["id"] for each in of_west)


async def test_lists_come_in_pages_and_can_be_searched(company: Company) -> None:
    """A company of two thousand does not fit one answer."""
    for name in ("Орлов Пётр", "Белова Анна", "Орехова Яна"):
        await company.made("/employees", {"name": name, "pbx_id": "moskva"})
    first = (await company.call("GET", "/employees?limit=3")).json()
    second = (await company.call("GET", f"/employees?limit=3&cursor={first['next']}")).json()
    ids = [each["id"] for each in (*first["cards"], *second["cards"])]
    assert ids == sorted(ids)
    assert len(ids) == 4
    assert second["next"] is None
    found = (await company.call("GET", "/employees", None)).json()["cards"]
    assert len(found) == 4
    searched = await company.http.get("/employees", params={"search": "ОРЛ"}, headers=company.headers)
    assert [each["card"]["name"] for each in searched.json()["cards"]] == ["Орлов Пётр"]


async def test_the_audit_trail_says_who_changed_what(company: Company) -> None:
    """Newest first, in which fields, and without what the cards held."""
    await company.changed("/departments/sales", name="Сбыт")
    lines = (await company.call("GET", "/audit")).json()["lines"]
    assert (lines[0]["who"], lines[0]["what"], lines[0]["kind"], lines[0]["version"]) == (
        "agent/gusev-r",
        "changed",
        "department",
        2,
    )
    assert lines[0]["before"] != lines[0]["after"]
    assert lines[0]["fields"] == ["name"]
    assert {tuple(each["fields"]) for each in lines[1:] if each["what"] == "created"} == {()}
    card = (await company.call("GET", "/organization")).json()["card"]
    await ceilings.change(company.directory.repository, ORGANIZATION, {"regions": ("DE", "RU")})
    dialling = {**card["dialling"], "home_region": "DE", "allowed_regions": ["DE"]}
    await company.changed("/organization", name="Восток-2", dialling=dialling)
    lines = (await company.call("GET", "/audit")).json()["lines"]
    assert lines[0]["fields"] == ["name", "dialling.home_region", "dialling.allowed_regions"]


@pytest.mark.rule("O4")
async def test_an_agent_of_another_pbx_is_shown_with_the_pbxs_name(quick_company: Company) -> None:
    """`Employee Name (Volga)`."""
    await quick_company.made("/pbxs", {"name": "Волга", "kind": "cloud", "numbers": ["+78310002000"]})
    made = await quick_company.made("/employees", {"name": "Зимина Вера", "pbx_id": "volga"})
    assert made["called"] == "Зимина Вера (Волга)"
