"""A whole office at once: every card of a sheet or none; what stays, who is asked, which letters go out."""

from typing import Any

import pytest

from contracts.directory import (
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    NoticeSaved,
    OrganizationSaved,
    TokenSaved,
)
from contracts.scenario import ScenarioSaved
from contracts.telephony import CheckExtension
from contracts.tts import RenderNotice
from services.directory.activities import bootstrap
from services.directory.activities.organizations import NotDone
from tests.integration.directory.companies import NUMBERS, PBXS, TOKEN_KEYS, Company


def sheet(**parts: Any) -> dict[str, Any]:
    """The office of a company that has a second PBX, two people and a spoken welcome; parts as given."""
    office: dict[str, Any] = {
        "organization_id": "vostok",
        "organization": {"name": "Восток"},
        "pbxs": {
            "moskva": {"name": "Москва", "kind": "cloud", "numbers": ["+74950001000"]},
            "sklad": {"name": "Склад", "kind": "office", "numbers": ["+78120003000"]},
        },
        "employees": {
            "zimina": {
                "name": "Зимина Вера",
                "pbx_id": "moskva",
                "extension": "210",
                "email": "zimina@vostok.example",
            },
            "orlikov": {"name": "Орликов Степан", "pbx_id": "moskva", "extension": "211"},
        },
        "extensions": {"priemka": {"name": "Приёмка", "pbx_id": "sklad", "extension": "31"}},
        "departments": {
            "service": {
                "name": "Сервис",
                "pbx_id": "moskva",
                "extension": "310",
                "lines": ["+74950001000"],
                "agents": [{"agent_id": "zimina"}, {"agent_id": "priemka"}],
                "notices": {"welcome": {"kind": "spoken", "notice_id": "service.welcome"}},
            }
        },
        "notices": {"service.welcome": {"text": "Это {department}.", "department_id": "service"}},
        "rules": {"orlikov": {"no_answer": {"kind": "colleague", "agent_id": "zimina"}}},
    }
    return office | parts


def told(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The changes of an answer."""
    return {(each["what"], each["kind"], each["id"]) for each in answer["changes"]}


@pytest.mark.rule("E1", "E3")
async def test_an_office_is_saved_at_once_and_its_facts_are_said(company: Company) -> None:
    """One request from a company's first day to departments that can be called."""
    before = len((await company.sent()).sent)
    answer = await company.call("PUT", "/office", sheet())
    assert answer.status_code == 200, answer.text
    assert told(answer.json()) >= {("new", "employee", "zimina"), ("new", "department", "service")}
    log = await company.sent()
    log.sent = log.sent[before:]
    assert {fact.agent_id for fact in log.facts(AgentSaved)} == {"zimina", "orlikov", "priemka"}
    [department] = log.facts(DepartmentSaved)
    assert [seat.agent_id for seat in department.agents] == ["zimina", "priemka"]
    [notice] = log.facts(NoticeSaved)
    assert notice.values == {"department": "Сервис"}
    asked = [each.notice_id for _, each in log.sent if isinstance(each, RenderNotice)]
    assert [notice_id for notice_id in asked if ":" not in notice_id] == ["service.welcome"]
    rules = {fact.agent_id: fact.no_answer.agent_id for fact in log.facts(DirectRulesSaved)}
    assert rules["orlikov"] == "zimina"
    await company.directory.welcome_letters.round()
    [letter] = company.mail.letters
    assert "zimina@vostok.example" in letter["To"]
    shown = (await company.call("GET", "/employees/orlikov")).json()
    assert (shown["card"]["login"], shown["letter"]) == ("orlikov.s", None)


async def test_the_same_sheet_again_changes_nothing(company: Company) -> None:
    """Applying a file twice is applying it once: no new version, fact or letter."""
    await company.call("PUT", "/office", sheet())
    before = len((await company.sent()).sent)
    answer = (await company.call("PUT", "/office", sheet())).json()
    assert (answer["changes"], answer["warnings"]) == ([], [])
    assert answer["unchanged"] == 9
    assert len((await company.sent()).sent) == before
    await company.directory.welcome_letters.round()
    assert len(company.mail.letters) == 1


async def test_what_the_sheet_does_not_have_stays_and_is_named(company: Company) -> None:
    """A line that is missing from a file must not remove an employee: ids are never used again."""
    await company.call("PUT", "/office", sheet())
    less = sheet(employees={"zimina": sheet()["employees"]["zimina"]}, rules={})
    answer = (await company.call("PUT", "/office", less)).json()
    assert answer["changes"] == []
    assert {(each["kind"], each["id"]) for each in answer["left"]} == {
        ("employee", "gusev-r"),
        ("employee", "orlikov"),
        ("department", "sales"),
    }
    rules = (await company.call("GET", "/employees/orlikov/rules")).json()
    assert rules["card"]["no_answer"]["agent_id"] == "zimina"


async def test_what_an_office_file_has_no_words_for_stays_as_saved(company: Company) -> None:
    """Logins, job titles, mobiles for forgotten passwords and the retention are set elsewhere."""
    await company.call("PUT", "/office", sheet())
    set_ = {"login": "vera", "job_title": "Инженер", "mobile": "+79161234567", "may_hear": False}
    await company.changed("/employees/zimina", **set_)
    await company.changed("/organization", retention_days=90)
    renamed = sheet()
    renamed["employees"]["zimina"]["name"] = "Зимина-Лугова Вера"
    answer = (await company.call("PUT", "/office", renamed)).json()
    assert told(answer) == {("changed", "employee", "zimina")}
    assert answer["changes"][0]["fields"] == [
        {"name": "name", "before": '"Зимина Вера"', "after": '"Зимина-Лугова Вера"'}
    ]
    card = (await company.call("GET", "/employees/zimina")).json()["card"]
    assert {name: card[name] for name in set_} == set_
    assert (await company.call("GET", "/organization")).json()["card"]["retention_days"] == 90


async def test_one_error_and_nothing_is_saved(company: Company) -> None:
    """All or nothing, and every error with its place in the sheet."""
    wrong = sheet()
    wrong["employees"]["orlikov"]["extension"] = "112"
    wrong["departments"]["service"]["agents"].append({"agent_id": "zimna"})
    answer = await company.call("PUT", "/office", wrong)
    assert answer.status_code == 422
    first, others = answer.json(), answer.json()["more"]
    found = {each["field"]: each["code"] for each in (first, *others)}
    assert found == {
        "employees.orlikov.extension": "extension_emergency",
        "departments.service.agents.2": "reference_unknown",
    }
    assert others[0]["remedy"]["en"].startswith("There are: zimina")
    assert (await company.call("GET", "/pbxs/sklad")).status_code == 404
    assert (await company.sent()).facts(AgentSaved) != []
    assert {fact.agent_id for fact in company.log.facts(AgentSaved)} == {"gusev-r"}


async def test_a_dry_run_tells_the_same_and_saves_nothing(company: Company) -> None:
    """A preview shows what would happen, without any call, letter or question to a PBX."""
    before = len((await company.sent()).sent)
    looked = (await company.call("PUT", "/office?dry_run=true", sheet())).json()
    assert (await company.call("GET", "/employees/zimina")).status_code == 404
    assert len((await company.sent()).sent) == before
    assert (await company.call("PUT", "/office", sheet())).json() == looked


@pytest.mark.rule("O3")
async def test_a_new_extension_is_asked_for_at_a_pbx_that_is_saved(company: Company) -> None:
    """An unknown extension is refused with its line; for a PBX that the sheet adds there is a warning."""
    first = (await company.call("PUT", "/office", sheet())).json()
    assert [(each["code"], each["field"]) for each in first["warnings"]] == [
        ("extension_not_asked", "extensions.priemka.extension")
    ]
    assert not [asked for _, asked in (await company.sent()).sent if isinstance(asked, CheckExtension)]
    more = sheet()
    more["extensions"]["vydacha"] = {"name": "Выдача", "pbx_id": "sklad", "extension": "32"}
    company.log.extensions = {"31"}
    answer = (await company.call("PUT", "/office", more)).json()
    assert (answer["code"], answer["field"]) == ("extension_absent", "extensions.vydacha.extension")
    assert (await company.call("GET", "/extensions/vydacha")).status_code == 404
    company.log.extensions = {"31", "32"}
    answer = (await company.call("PUT", "/office", more)).json()
    assert (told(answer), answer["warnings"]) == ({("new", "extension", "vydacha")}, [])


async def test_an_id_that_was_somebodys_is_refused(company: Company) -> None:
    """A new employee never gets the id of one who left: history keeps the name (E8)."""
    await company.call("PUT", "/office", sheet())
    await company.changed("/employees/orlikov/rules", no_answer={"kind": "drop"})
    etag = (await company.call("GET", "/employees/orlikov")).headers["etag"]
    assert (await company.call("DELETE", "/employees/orlikov", if_match=etag)).status_code == 204
    answer = await company.call("PUT", "/office", sheet())
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        409,
        "id_taken",
        "employees.orlikov",
    )


@pytest.mark.rule("O1")
async def test_a_sheet_of_another_organization_is_not_saved_into_ours(quick_company: Company) -> None:
    """The token names the organization: the wrong file must not overwrite this office."""
    answer = await quick_company.call("PUT", "/office", sheet(organization_id="zapad"))
    assert (answer.status_code, answer.json()["field"]) == (404, "organization_id")


@pytest.mark.rule("P6")
async def test_rules_in_a_sheet_need_the_right_to_set_rules(quick_company: Company) -> None:
    """A program that may only save settings sets nobody's forwards."""
    await quick_company.call("PUT", "/office", sheet(rules={}))
    made = await quick_company.made("/tokens", {"name": "hr", "actions": ["settings.write"]})
    headers = {"Authorization": f"Bearer {made['token']}"}
    answer = await quick_company.call("PUT", "/office", sheet(), headers=headers)
    assert answer.status_code == 403
    answer = await quick_company.call("PUT", "/office", sheet(rules={}), headers=headers)
    assert answer.status_code == 200


async def test_n13_a_new_organization_begins_with_its_first_office_or_not_at_all(company: Company) -> None:
    """With the directory's own keys no administrator is needed first: the sheet brings one."""
    repository = company.directory.repository
    with pytest.raises(NotDone):
        await bootstrap.admit(repository, "zapad", None, TOKEN_KEYS)
    token = await bootstrap.admit(repository, "zapad", "Запад", TOKEN_KEYS)
    company.clock.advance(1)
    newer = await bootstrap.admit(
        repository, "zapad", "Запад", TOKEN_KEYS, pbxs=PBXS, numbers=NUMBERS["zapad"]
    )
    office = sheet(organization_id="zapad")
    for pbx, number in zip(("moskva", "sklad"), NUMBERS["zapad"][::2], strict=True):
        office["pbxs"][pbx]["numbers"] = [number]
    for department in office["departments"].values():
        department.pop("lines", None)
    old = {"Authorization": f"Bearer {token}"}
    headers = {"Authorization": f"Bearer {newer}"}
    without = await company.call("PUT", "/office", office, headers=headers)
    assert (without.status_code, without.json()["code"]) == (422, "administrator_missing")
    assert [fact.name for fact in (await company.sent()).facts(OrganizationSaved)] == ["Восток"]
    with pytest.raises(NotDone):
        await bootstrap.admit(repository, "zapad", None, TOKEN_KEYS)
    office["employees"]["zimina"]["role"] = "administrator"
    looked = (await company.call("PUT", "/office?dry_run=true", office, headers=headers)).json()
    assert ("new", "organization", "zapad") in told(looked)
    assert [fact.name for fact in (await company.sent()).facts(OrganizationSaved)] == ["Восток"]
    assert (await company.call("PUT", "/office", office, headers=old)).status_code == 401
    saved = await company.call("PUT", "/office", office, headers=headers)
    assert saved.json() == looked
    log = await company.sent()
    assert [fact.version for fact in log.facts(TokenSaved)] == [1]
    assert len(log.facts(OrganizationSaved)) == 2
    again = await company.call("PUT", "/office", office, headers=headers)
    assert (again.status_code, again.json()["changes"]) == (200, [])
    company.clock.advance(1)
    await bootstrap.admit(repository, "zapad", None, TOKEN_KEYS)
    assert (await company.call("PUT", "/office", office, headers=headers)).status_code == 401


async def test_n13_who_may_begin_an_organization_may_do_nothing_else_before(quick_company: Company) -> None:
    """The token is good for this only: there is no organization yet to read or to change."""
    token = await bootstrap.admit(quick_company.directory.repository, "zapad", "Запад", TOKEN_KEYS)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await quick_company.call("GET", "/employees", headers=headers)).json()["cards"] == []
    body = {"name": "Зимина Вера", "pbx_id": "moskva"}
    assert (await quick_company.call("POST", "/employees", body, headers=headers)).status_code == 403
    other = await quick_company.call("PUT", "/office", sheet(), headers=headers)
    assert (other.status_code, other.json()["field"]) == (404, "organization_id")


async def test_n10_a_sheet_brings_scenarios_and_their_mistakes_are_named(company: Company) -> None:
    """An office includes what happens to a call before it reaches a department (S1, S4)."""
    element = {"element_id": "end", "kind": "department", "department_id": "service"}
    hello = {
        "element_id": "hello",
        "kind": "greeting",
        "notice": {"kind": "spoken", "notice_id": "main.at.hello"},
        "arrows": [{"on": "next", "to": "end"}],
    }
    office = sheet(scenarios={"main": {"name": "Главный", "pbx_id": "moskva", "elements": [hello, element]}})
    office["notices"]["main.at.hello"] = {"text": "Здравствуйте."}
    hello["arrows"][0]["to"] = "and"  # type: ignore[index]  # a list of arrows
    refused = (await company.call("PUT", "/office", office)).json()
    assert (refused["code"], refused["field"]) == ("arrow_to_nowhere", "scenarios.main.elements.0.arrows.0")
    assert refused["cause"]["en"].endswith("Did you mean «end»?")
    hello["arrows"][0]["to"] = "end"  # type: ignore[index]  # as above
    answer = await company.call("PUT", "/office", office)
    assert ("new", "scenario", "main") in told(answer.json()), answer.text
    [saved] = (await company.sent()).facts(ScenarioSaved)
    assert [each.element_id for each in saved.elements] == ["hello", "end"]
    again = (await company.call("PUT", "/office", office)).json()
    assert again["changes"] == []
    less = (await company.call("PUT", "/office", sheet())).json()
    assert {"kind": "scenario", "id": "main"} in less["left"]
