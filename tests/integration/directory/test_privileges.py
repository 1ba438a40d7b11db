"""Nobody gives away more than he has: roles, secrets, tokens, outside numbers (P5, P7, P9).

Each way that leads to another's rights is tried: a card, a whole office, a department's heads, a password,
what recovers one, another token, the answer to somebody else's request.
"""

from typing import Any, Final

import pytest

from contracts.directory import DirectRulesSaved, OrganizationSaved
from contracts.history import AccessRefused
from contracts.rights import TABLE
from services.directory.activities import bootstrap
from tests.integration.directory.companies import PASSWORD, TOKEN_KEYS, Company

SETTINGS: Final = ("settings.read", "settings.write")
GIVING: Final = (*SETTINGS, "roles.grant", "secrets.write")
EVIL: Final = {"name": "Чужой", "email": "evil@zapad.example"}
OF_A_USER: Final = tuple(str(each) for each, roles in TABLE.items() if "user" in roles)


async def token(company: Company, *actions: str, departments: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers of a token that the administrator makes."""
    card = {"name": "it", "actions": sorted(set(actions)), "department_ids": departments}
    return {"Authorization": f"Bearer {(await company.made('/tokens', card))['token']}"}


async def saved(company: Company, path: str) -> Any:
    """What an administrator reads."""
    return (await company.call("GET", path)).json()


async def change(company: Company, path: str, headers: dict[str, str], **fields: Any) -> Any:
    """Change fields of a card at its version, by somebody."""
    read = await company.call("GET", path)
    card = {**read.json()["card"], **fields}
    return await company.call("PUT", path, card, headers=headers, if_match=read.headers["etag"])


async def refusals(company: Company) -> list[tuple[str, str]]:
    """What was refused, and which right was missing."""
    return [(each.what, each.action) for each in (await company.sent()).facts(AccessRefused)]


def office(**parts: Any) -> dict[str, Any]:
    """A sheet for the company's office."""
    return {"organization_id": "vostok", "organization": {"name": "Восток"}, **parts}


def gusev(**fields: Any) -> dict[str, Any]:
    """The administrator's card as an office file writes it."""
    card = {"name": "Гусев Родион", "pbx_id": "moskva", "extension": "200", "role": "administrator"}
    return {"gusev-r": {**card, "email": "gusev@vostok.example", **fields}}


@pytest.mark.rule("P7")
async def test_a_token_for_settings_leads_to_nobodys_rights(company: Company) -> None:
    """It saves settings, and neither makes an administrator nor becomes one in any way."""
    await company.employee("Я", id="me", login="me", email="me@vostok.example")
    await company.employee("Второй", id="second", login="second", role="administrator")
    extension = (await saved(company, "/employees/gusev-r"))["card"]["extension"]
    before = [await saved(company, f"/employees/{id_}") for id_ in ("gusev-r", "me")]
    headers = await token(company, *SETTINGS, "rules.write")
    draft = {"name": "Новый", "pbx_id": "moskva", "role": "administrator", "email": "evil@zapad.example"}
    tried = [
        await company.call("POST", "/employees", draft, headers=headers),
        await company.call("POST", "/employees", {**draft, "role": "user"}, headers=headers),
        await change(company, "/employees/me", headers, role="administrator"),
        await change(company, "/employees/me", headers, sees_organization=True),
        await change(company, "/employees/me", headers, may_hear=False),
        await change(company, "/employees/gusev-r", headers, role="user"),
        await change(company, "/employees/gusev-r", headers, email="evil@zapad.example"),
        await change(company, "/employees/gusev-r", headers, mobile="+79160000001"),
        await change(company, "/employees/gusev-r", headers, login="evil"),
        await company.call("DELETE", "/employees/me", headers=headers, if_match='"1"'),
        await company.call("POST", "/employees/gusev-r/password", {}, headers=headers),
        await company.call("POST", "/employees/gusev-r/phone-password", headers=headers),
        await change(company, "/departments/sales", headers, heads=[{"agent_id": "me"}]),
        await company.call(
            "POST",
            "/departments",
            {"name": "Д", "pbx_id": "moskva", "heads": [{"agent_id": "me"}]},
            headers=headers,
        ),
        await change(company, "/departments/sales", headers, recipients=[EVIL]),
        await change(company, "/organization", headers, administrators=[EVIL]),
        await change(company, "/employees/me/rules", headers, recipients=[EVIL]),
        await change(company, "/organization", headers, numbers_hidden_from=["user"]),
        await change(company, "/organization", headers, console_url="https://evil.example/"),
        await company.call("POST", "/tokens", {"name": "t", "actions": ["settings.read"]}, headers=headers),
    ]
    newcomer = {"new": {"name": "Н", "pbx_id": "moskva", "extension": "298", "role": "administrator"}}
    for sheet in (
        office(employees=newcomer),
        office(employees=gusev(extension=extension, email="evil@zapad.example")),
        office(employees=gusev(extension=extension, mobile="+79160000001")),
        office(organization={"name": "Восток", "console_url": "https://evil.example/"}),
        office(
            departments={
                "sales": {"name": "С", "pbx_id": "moskva", "extension": "300", "heads": [{"agent_id": "me"}]}
            }
        ),
    ):
        company.clock.advance(60)
        tried.append(await company.call("PUT", "/office", sheet, headers=headers))
        tried.append(await company.call("PUT", "/office?dry_run=true", sheet, headers=headers))
    assert [each.status_code for each in tried] == [403] * len(tried), [each.text for each in tried]
    assert [await saved(company, f"/employees/{id_}") for id_ in ("gusev-r", "me")] == before
    # The first twenty of a minute are recorded one by one.
    assert len(await refusals(company)) >= 20
    assert ("employee/gusev-r", "secrets.write") in await refusals(company)
    # What is only a setting is still saved, by the same routes.
    assert (await change(company, "/employees/me", headers, job_title="Инженер")).status_code == 200
    company.clock.advance(60)
    same = office(employees=gusev(extension=extension))
    assert (await company.call("PUT", "/office", same, headers=headers)).status_code == 200


@pytest.mark.rule("P7", "V4")
async def test_who_may_hear_says_who_else_gets_letters_and_still_makes_no_head(
    quick_company: Company,
) -> None:
    """A recipient gets the voice messages of a department; whoever heads it has its history."""
    company = quick_company
    await company.employee("Я", id="me", login="me", email="me@vostok.example")
    hears = await token(company, *SETTINGS, "message.hear")
    headed = await change(company, "/departments/sales", hears, heads=[{"agent_id": "me"}])
    assert headed.status_code == 403
    assert ("department/sales/heads", "roles.grant") in await refusals(company)
    named = await change(company, "/departments/sales", hears, recipients=[EVIL])
    assert named.status_code == 200


@pytest.mark.rule("P7", "P3")
async def test_who_gives_a_seat_has_what_the_seat_gives_of_the_departments_past(company: Company) -> None:
    """A user hears and reads what a department left behind; who sees own calls only just gets calls."""
    await company.employee("Я", id="me", login="me")
    await company.employee("Р", id="restricted", login="restricted", role="restricted_user")
    writes = await token(company, *SETTINGS)
    seats = [{"agent_id": "me"}]
    sheet = office(
        departments={"sales": {"name": "С", "pbx_id": "moskva", "extension": "300", "agents": seats}}
    )
    tried = [
        await change(company, "/departments/sales", writes, agents=seats),
        await company.call("POST", "/departments/sales/agents", seats[0], headers=writes, if_match='"1"'),
        await company.call(
            "POST", "/departments", {"name": "Д", "pbx_id": "moskva", "agents": seats}, headers=writes
        ),
        await company.call("PUT", "/office", sheet, headers=writes),
        await company.call("PUT", "/office?dry_run=true", sheet, headers=writes),
    ]
    assert [each.json()["code"] for each in tried] == ["beyond_rights"] * len(tried)
    assert ("department/sales/agents", "history.read") in await refusals(company)
    own = [{"agent_id": "restricted"}]
    assert (await change(company, "/departments/sales", writes, agents=own)).status_code == 200
    for lacking in ("history.read", "message.hear", "recording.hear"):
        others = {"history.read", "message.hear", "recording.hear"} - {lacking}
        almost = await token(company, *SETTINGS, *others)
        refused = await change(company, "/departments/sales", almost, agents=[*own, *seats])
        assert (refused.status_code, lacking in refused.text) == (403, True)
    whole = await token(company, *SETTINGS, "history.read", "message.hear", "recording.hear")
    assert (await change(company, "/departments/sales", whole, agents=[*own, *seats])).status_code == 200
    # Taking seats, and what else is on the card, are settings as before.
    assert (await change(company, "/departments/sales", writes, agents=seats)).status_code == 200


@pytest.mark.rule("P7")
async def test_a_program_that_gives_roles_gives_no_more_than_it_has(company: Company) -> None:
    """An administrator gave it knowingly what it needs for people of one role: that role and no other."""
    for role in ("user", "department_head", "administrator"):
        await company.employee(role, id=role.replace("_", "-"), role=role, login=role.replace("_", "."))
    hires = await token(company, *GIVING, *OF_A_USER)
    draft = {"name": "Новый", "pbx_id": "moskva", "login": "new", "id": "new"}
    bare = await company.call("POST", "/employees", draft, headers=await token(company, *GIVING))
    assert (bare.status_code, bare.json()["code"]) == (403, "beyond_rights")
    assert (await company.call("POST", "/employees", draft, headers=hires)).status_code == 201
    assert (await company.call("POST", "/employees/new/password", {}, headers=hires)).status_code == 200
    for id_ in ("department-head", "gusev-r"):
        for path in ("password", "phone-password"):
            answer = await company.call("POST", f"/employees/{id_}/{path}", {}, headers=hires)
            assert (answer.status_code, answer.json()["code"]) == (403, "beyond_rights")
        mobile = await change(company, f"/employees/{id_}", hires, mobile="+79160000001")
        assert mobile.status_code == 403
        removed = await company.call("DELETE", f"/employees/{id_}", headers=hires, if_match='"1"')
        assert removed.status_code == 403
    for role in ("department_head", "administrator"):
        promoted = await change(company, "/employees/new", hires, role=role)
        assert (promoted.status_code, promoted.json()["code"]) == (403, "beyond_rights")
    heads = [{"agent_id": "gusev-r"}, {"agent_id": "new"}]
    await company.changed("/employees/new", email="new@vostok.example")
    assert (await change(company, "/departments/sales", hires, heads=heads)).status_code == 200, (
        "a user still"
    )
    # A token makes no stronger one, and passes on neither roles nor secrets, not even its own.
    for actions, status in [(["settings.read"], 201), (["erase"], 403), (["roles.grant"], 403)]:
        body = {"name": "t", "actions": actions}
        assert (await company.call("POST", "/tokens", body, headers=hires)).status_code == status, actions
    erases = await company.made("/tokens", {"name": "e", "actions": ["erase"]})
    ended = await company.call("DELETE", f"/tokens/{erases['id']}", headers=hires, if_match='"1"')
    assert (ended.status_code, ended.json()["code"]) == (403, "beyond_rights")


@pytest.mark.rule("P7")
async def test_the_operators_token_says_who_administers_the_office_and_nothing_else(company: Company) -> None:
    """Whoever runs the installation may begin an office and name its administrators, by a file."""
    signed = await bootstrap.admit(company.directory.repository, "vostok", None, TOKEN_KEYS)
    headers = {"Authorization": f"Bearer {signed}"}
    second = {"name": "Второй", "pbx_id": "moskva", "extension": "298", "role": "administrator"}
    answer = await company.call("PUT", "/office", office(employees={"second": second}), headers=headers)
    assert answer.status_code == 200, answer.text
    for method, path, body in [
        ("POST", "/employees/gusev-r/password", {}),
        ("POST", "/employees", {"name": "Н", "pbx_id": "moskva", "role": "administrator"}),
        ("POST", "/tokens", {"name": "t", "actions": ["roles.grant"]}),
        ("POST", "/tokens", {"name": "t", "actions": ["history.read"]}),
        ("GET", "/audit", None),
    ]:
        assert (await company.call(method, path, body, headers=headers)).status_code == 403, path


@pytest.mark.rule("P7")
async def test_the_last_administrator_stays(company: Company) -> None:
    """Neither removed nor demoted, by a card or by a file; a second one may go."""
    read = await company.call("GET", "/employees/gusev-r")
    removed = await company.call("DELETE", "/employees/gusev-r", if_match=read.headers["etag"])
    assert (removed.status_code, removed.json()["code"]) == (409, "last_administrator")
    demoted = await company.changed("/employees/gusev-r", role="user")
    assert (demoted.status_code, demoted.json()["code"]) == (409, "last_administrator")
    sheet = office(employees=gusev(extension=read.json()["card"]["extension"], role="user"))
    assert (await company.call("PUT", "/office", sheet)).status_code == 422
    await company.employee("Второй", id="second", role="administrator", login="second")
    assert (await company.call("DELETE", "/employees/second", if_match='"1"')).status_code == 204


@pytest.mark.rule("P5", "D1")
async def test_an_outside_number_is_a_setting_and_the_own_forwarding_is_not(company: Company) -> None:
    """A free line of the company is nobody's own: who could take it would answer its customers."""
    await company.changed("/pbxs/moskva", numbers=["+74950001000", "+78310002000"])
    for login in ("restricted", "mate"):
        role = "restricted_user" if login == "restricted" else "user"
        await company.employee(login, id=login, login=login, role=role, mobile="+79161234567")
    await company.employee("Глава", id="head", login="head", role="department_head")
    await company.changed("/employees/head", email="h@vostok.example")
    seats = [{"agent_id": "mate"}]
    await company.changed("/departments/sales", agents=seats, heads=[{"agent_id": "head"}])
    me, head = await company.login("restricted"), await company.login("head")
    path, line = "/employees/restricted/rules", ["+78310002000"]
    taken = await company.call("PUT", path, {"numbers": line}, headers=me, if_match='"0"')
    assert (taken.status_code, taken.json()["code"]) == (403, "beyond_rights")
    assert ("rules/restricted/numbers", "settings.write") in await refusals(company)
    forwarded = {"no_answer": {"kind": "mobile"}, "recipients": [{"agent_id": "restricted"}]}
    await company.changed("/employees/restricted", email="r@vostok.example")
    assert (await company.call("PUT", path, forwarded, headers=me, if_match='"0"')).status_code == 200
    given = await company.call("PUT", path, {**forwarded, "numbers": line}, if_match='"1"')
    assert given.status_code == 200, "an administrator gives it"
    kept = {"no_answer": {"kind": "colleague", "agent_id": "mate"}, "numbers": line}
    assert (await company.call("PUT", path, kept, headers=me, if_match='"2"')).status_code == 200
    dropped = await company.call("PUT", path, {"numbers": []}, headers=me, if_match='"3"')
    assert dropped.status_code == 403
    # A head sets whom calls of the department's people go to, and does not get their voice messages by it.
    path = "/employees/mate/rules"
    letters = {"recipients": [{"agent_id": "head"}]}
    assert (await company.call("PUT", path, letters, headers=head, if_match='"0"')).status_code == 403
    forward = {"no_answer": {"kind": "colleague", "agent_id": "head"}}
    assert (await company.call("PUT", path, forward, headers=head, if_match='"0"')).status_code == 200
    numbers = {fact.agent_id: fact.numbers for fact in (await company.sent()).facts(DirectRulesSaved)}
    assert numbers["restricted"] == ("+78310002000",)


@pytest.mark.rule("P7")
async def test_nobody_is_answered_with_what_another_was_told(company: Company) -> None:
    """The answer kept for repeats has a password in it: the same key of another makes another thing."""
    await company.employee("Второй", id="second", role="administrator", login="second")
    body = {"name": "Я", "pbx_id": "moskva"}
    first = await company.call("POST", "/employees", body, idempotency_key="one")
    again = await company.call("POST", "/employees", body, idempotency_key="one")
    others = await company.call(
        "POST", "/employees", body, headers=await company.login("second"), idempotency_key="one"
    )
    assert again.json() == first.json()
    assert others.json()["id"] != first.json()["id"]
    assert others.json()["one_time_password"] != first.json()["one_time_password"]


@pytest.mark.rule("P8")
async def test_numbers_hidden_from_administrators_are_hidden_here_too(company: Company) -> None:
    """The CRM's table is a list of customers' numbers; who switched them off may switch them on."""
    line = {"number": "+79161234567", "agent_id": "gusev-r"}
    await company.call("PUT", "/responsibles", {"lines": [line]})
    assert (await saved(company, "/employees/gusev-r"))["overridden_by"] == ["CRM: +79161234567"]
    hidden = await company.changed("/organization", numbers_hidden_from=["administrator"])
    assert hidden.status_code == 200
    assert (await company.call("GET", "/responsibles")).status_code == 403
    assert (await company.call("GET", "/responsibles?search=7916")).status_code == 403
    assert (await saved(company, "/employees/gusev-r"))["overridden_by"] == ["CRM: …4567"]
    trail = await company.call("GET", "/audit")
    assert "9161234567" not in trail.text
    assert (await company.changed("/organization", numbers_hidden_from=[])).status_code == 200
    assert (await company.call("GET", "/responsibles")).status_code == 200
    facts = (await company.sent()).facts(OrganizationSaved)
    assert [each.numbers_hidden_from for each in facts] == [(), ("administrator",), ()]


@pytest.mark.rule("P6", "P7")
async def test_an_employee_does_to_colleagues_what_the_role_says_and_not_more(company: Company) -> None:
    """Neither a head nor a user sets a password, a mobile or a role, whoever it is."""
    await company.employee("Глава", id="head", login="head", role="department_head")
    await company.changed("/employees/head", email="h@vostok.example")
    await company.employee("Я", id="me", login="me")
    seats = [{"agent_id": "me"}, {"agent_id": "gusev-r"}]
    await company.changed("/departments/sales", agents=seats, heads=[{"agent_id": "head"}])
    for login in ("head", "me"):
        headers = await company.login(login)
        for id_ in ("head", "me", "gusev-r"):
            for path in ("password", "phone-password"):
                answer = await company.call("POST", f"/employees/{id_}/{path}", {}, headers=headers)
                assert answer.status_code == 403, (login, id_, path)
            assert (await change(company, f"/employees/{id_}", headers, mobile=None)).status_code == 403
    # The administrator's password is the one that was chosen.
    opened = {"organization": "vostok", "login": "gusev.r", "password": PASSWORD}
    assert (await company.http.post("/sessions", json=opened)).status_code == 201
