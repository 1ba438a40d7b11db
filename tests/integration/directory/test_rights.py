"""Every route × role × own, own department's, another department's, another organization's.

Compared with the table of rights. The cases are made from the application's own routes: a route that is
added and not described here fails.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.routes import HTTPRoute

from contracts import rights
from contracts.directory import Role
from contracts.history import AccessRefused
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Action, Person, Subject
from tests.integration.directory.companies import ORGANIZATION, Company, sqlite

# The right that each route requires; None: no right is needed, only (or not even) a login.
ASKS: Final[dict[tuple[str, str], Action | None]] = {
    ("POST", "/sessions"): None,
    ("POST", "/sessions/renewal"): None,
    ("DELETE", "/sessions/current"): None,
    ("POST", "/recovery"): None,
    ("PUT", "/recovery"): None,
    ("GET", "/me"): None,
    ("PUT", "/me/password"): None,
    ("PUT", "/office"): Action.SETTINGS_WRITE,
    ("GET", "/organization"): Action.SETTINGS_READ,
    ("PUT", "/organization"): Action.SETTINGS_WRITE,
    ("GET", "/pbxs"): Action.SETTINGS_READ,
    ("POST", "/pbxs"): Action.SETTINGS_WRITE,
    ("GET", "/pbxs/{pbx_id}"): Action.SETTINGS_READ,
    ("PUT", "/pbxs/{pbx_id}"): Action.SETTINGS_WRITE,
    ("GET", "/departments"): Action.SETTINGS_READ,
    ("POST", "/departments"): Action.SETTINGS_WRITE,
    ("GET", "/departments/{department_id}"): Action.SETTINGS_READ,
    ("PUT", "/departments/{department_id}"): Action.SETTINGS_WRITE,
    ("DELETE", "/departments/{department_id}"): Action.SETTINGS_WRITE,
    ("POST", "/departments/{department_id}/agents"): Action.SETTINGS_WRITE,
    ("PATCH", "/departments/{department_id}/agents/{agent_id}"): Action.SETTINGS_WRITE,
    ("DELETE", "/departments/{department_id}/agents/{agent_id}"): Action.SETTINGS_WRITE,
    ("POST", "/departments/{department_id}/callbacks"): Action.CALLBACK_ORDER,
    ("DELETE", "/callbacks/{callback_id}"): Action.CALLBACK_CANCEL,
    ("POST", "/callbacks/{callback_id}/keep"): Action.CALLBACK_CANCEL,
    ("POST", "/callbacks/{callback_id}/not-reached"): Action.CALLBACK_CANCEL,
    ("GET", "/notices"): Action.SETTINGS_READ,
    ("POST", "/notices"): Action.SETTINGS_WRITE,
    ("GET", "/notices/{notice_id}"): Action.SETTINGS_READ,
    ("PUT", "/notices/{notice_id}"): Action.SETTINGS_WRITE,
    ("DELETE", "/notices/{notice_id}"): Action.SETTINGS_WRITE,
    ("GET", "/scenarios"): Action.SETTINGS_READ,
    ("POST", "/scenarios"): Action.SETTINGS_WRITE,
    ("GET", "/scenarios/{scenario_id}"): Action.SETTINGS_READ,
    ("PUT", "/scenarios/{scenario_id}"): Action.SETTINGS_WRITE,
    ("DELETE", "/scenarios/{scenario_id}"): Action.SETTINGS_WRITE,
    ("GET", "/employees"): Action.SETTINGS_READ,
    ("POST", "/employees"): Action.SETTINGS_WRITE,
    ("GET", "/employees/{agent_id}"): Action.CARD_READ,
    ("GET", "/colleagues"): Action.COLLEAGUES_READ,
    ("GET", "/colleagues/departments"): Action.COLLEAGUES_READ,
    ("PUT", "/employees/{agent_id}"): Action.SETTINGS_WRITE,
    ("DELETE", "/employees/{agent_id}"): Action.SETTINGS_WRITE,
    ("POST", "/employees/{agent_id}/password"): Action.SETTINGS_WRITE,
    ("POST", "/employees/{agent_id}/phone-password"): Action.SETTINGS_WRITE,
    ("GET", "/employees/{agent_id}/rules"): Action.RULES_WRITE,
    ("PUT", "/employees/{agent_id}/rules"): Action.RULES_WRITE,
    ("GET", "/extensions"): Action.SETTINGS_READ,
    ("POST", "/extensions"): Action.SETTINGS_WRITE,
    ("GET", "/extensions/{agent_id}"): Action.SETTINGS_READ,
    ("DELETE", "/extensions/{agent_id}"): Action.SETTINGS_WRITE,
    ("PUT", "/agents/{agent_id}/pause"): Action.PAUSE_WRITE,
    ("PUT", "/agents/{agent_id}/wrap-up"): Action.PAUSE_WRITE,
    ("GET", "/tokens"): Action.SETTINGS_READ,
    ("POST", "/tokens"): Action.SETTINGS_WRITE,
    ("DELETE", "/tokens/{token_id}"): Action.SETTINGS_WRITE,
    ("GET", "/responsibles"): Action.SETTINGS_READ,
    ("PUT", "/responsibles"): Action.SETTINGS_WRITE,
    ("POST", "/uploads"): Action.SETTINGS_WRITE,
    ("GET", "/audit"): Action.AUDIT_READ,
}
# Valid bodies, so that a refusal can only be about the right.
BODIES: Final[dict[str, Any]] = {
    "/office": {"organization_id": "vostok", "organization": {"name": "Восток"}},
    "/organization": {"name": "Восток"},
    "/pbxs": {"name": "Волга", "kind": "cloud", "numbers": ["+78310002000"]},
    "/departments": {"name": "Сбыт", "pbx_id": "moskva", "extension": "299"},
    "/agents": {"agent_id": "gusev-r"},
    "/callbacks": {"number": "+79161234567"},
    "/notices": {"text": "Здравствуйте"},
    "/scenarios": {"name": "С", "pbx_id": "moskva", "elements": [{"element_id": "a", "kind": "hang_up"}]},
    "/employees": {"name": "Я", "pbx_id": "moskva", "login": "i", "extension": "298"},
    "/password": {},
    "/phone-password": None,
    "/rules": {},
    "/extensions": {"name": "Я", "pbx_id": "moskva", "extension": "31"},
    "/pause": {"is_paused": True},
    "/wrap-up": {},
    "/tokens": {"name": "crm", "actions": ["settings.read"]},
    "/responsibles": {"lines": []},
    "/uploads": None,
}
# The subjects, as seen by each role's person, who sits in (or heads) «own».
SUBJECTS: Final = {
    "own": ("me", "own"),
    "own department's": ("mate", "own"),
    "another department's": ("stranger", "other"),
    "another PBX's": ("far", "other"),
    "another organization's": ("foreigner", "foreign"),
}
ROLES: Final = (Role.ADMINISTRATOR, Role.DEPARTMENT_HEAD, Role.USER, Role.RESTRICTED_USER)


def routes(company: Company) -> list[tuple[str, str]]:
    """Every method and path that the application answers."""
    found = []
    for route in company.directory.api.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema"):
            path = route.path_format
            found += [(str(method), path) for method in route.methods if method not in ("OPTIONS", "HEAD")]
    return found


@pytest.fixture
async def full(tmp_path: Path) -> AsyncIterator[Company]:
    """A company with a person of each role, two departments, and another organization."""
    company = await Company(sqlite(tmp_path)).open()
    for role in ROLES:
        word = role.value.replace("_", "-")
        await company.employee(f"Я {word}", id=f"me-{word}", role=role.value, login=f"me.{word}")
    await company.made(
        "/pbxs", {"id": "volga", "name": "Волга", "kind": "cloud", "numbers": ["+78310002000"]}
    )
    await company.made("/employees", {"id": "far", "name": "Далёкий", "pbx_id": "volga", "login": "far"})
    for id_ in ("mate", "stranger"):
        await company.employee(f"Он {id_}", id=id_, login=id_)
    mine = [f"me-{role.value.replace('_', '-')}" for role in ROLES]
    own: dict[str, Any] = {"id": "own", "name": "Свой", "pbx_id": "moskva"}
    own |= {"agents": [{"agent_id": id_} for id_ in (*mine, "mate")]}
    await company.changed("/employees/me-department-head", email="head@vostok.example")
    await company.made("/departments", {**own, "heads": [{"agent_id": "me-department-head"}]})
    other = {"id": "other", "name": "Чужой", "pbx_id": "moskva", "agents": [{"agent_id": "stranger"}]}
    await company.made("/departments", other)
    await company.found("zapad")
    headers = await company.login("gusev.r", "zapad")
    foreigner = {"id": "foreigner", "name": "Чужак", "pbx_id": "moskva", "login": "foreigner"}
    await company.call("POST", "/employees", foreigner, headers=headers)
    await company.call("POST", "/departments", {**other, "id": "foreign", "agents": []}, headers=headers)
    for department in ("own", "other", "foreign"):
        by = headers if department == "foreign" else company.headers
        asked = await company.call(
            "POST", f"/departments/{department}/callbacks", {"number": "+79161234567"}, headers=by
        )
        company.callbacks[department] = asked.json()["callback_id"]
    yield company
    await company.close()


def test_every_route_is_described_here(quick_company: Company) -> None:
    """A new route needs a line in this table."""
    assert set(routes(quick_company)) == set(ASKS)


def allowed(role: Role, action: Action, agent: str, department: str, path: str) -> bool:
    """The expected rights, from the rules' text alone."""
    me = f"me-{role.value.replace('_', '-')}"
    person = Person(
        organization_id=OrganizationId(ORGANIZATION),
        agent_id=AgentId(me),
        role=role,
        departments=frozenset({DepartmentId("own")}),
    )
    organization = ORGANIZATION
    about_agent = "{agent_id}" in path and action in (
        Action.RULES_WRITE,
        Action.PAUSE_WRITE,
        Action.CARD_READ,
    )
    about_department = "callback" in path
    # Another organization's is not in ours: its name means nothing here, and so nobody's and no department's.
    is_here = department != "foreign"
    subject = Subject(
        organization_id=OrganizationId(organization),
        agents=frozenset({AgentId(agent)}) if about_agent else frozenset(),
        departments=frozenset({DepartmentId(department)})
        if (about_agent and is_here) or about_department
        else frozenset(),
    )
    return rights.allows(person, action, subject)


@pytest.mark.rule("P1", "P2", "P3", "P4", "P5", "P6")
@pytest.mark.parametrize("role", ROLES)
async def test_every_route_answers_by_the_table(full: Company, role: Role) -> None:
    """Deny by default: 403 exactly where the table gives nothing, whatever is asked about."""
    me = f"me-{role.value.replace('_', '-')}"
    wrong = []
    for method, path in routes(full):
        action = ASKS[method, path]
        if action is None:
            continue
        for name, (who, department) in SUBJECTS.items():
            agent = me if who == "me" else who
            headers = await _headers(full, role)
            answer = await _asked(full, method, path, agent, department, headers)
            assert answer.status_code != 401, f"{role} {method} {path} {name}"
            is_refused = answer.status_code == 403
            if is_refused == allowed(role, action, agent, department, path):
                wrong.append(f"{role} {method} {path} {name}: {answer.status_code}")
            if agent == me and path.endswith("/password") and answer.status_code == 200:
                await _begin_anew(full, role, answer.json()["secret"])
    assert not wrong, "\n".join(wrong)


async def _headers(company: Company, role: Role) -> dict[str, str]:
    """A login of the role."""
    me = f"me.{role.value.replace('_', '-')}"
    if me not in company.logins:
        company.logins[me] = await company.login(me)
    return company.logins[me]


async def _begin_anew(company: Company, role: Role, one_time: str) -> None:
    """An employee with a new one-time password is logged out, and chooses another."""
    me = f"me.{role.value.replace('_', '-')}"
    await company.choose_password(me, one_time)
    del company.logins[me]


async def _asked(
    company: Company, method: str, path: str, agent: str, department: str, headers: dict[str, str]
) -> Any:
    filled = path.format(
        agent_id=agent,
        department_id=department,
        callback_id=company.callbacks[department],
        pbx_id="moskva",
        notice_id="none",
        scenario_id="none",
        token_id="none",
    )
    word = next((each for each in reversed(path.split("/")) if each and not each.startswith("{")), "")
    body = BODIES.get(f"/{word}") if method in ("POST", "PUT") else None
    if method == "PATCH":
        body = {"is_suspended": True}
    # A version that never was: what the table lets through is refused as stale, and nothing changes.
    return await company.call(method, filled, body, headers=headers, if_match='"0"')


@pytest.mark.rule("P2", "P3")
async def test_own_departments_are_those_headed_or_for_anybody_else_with_a_seat_too(full: Company) -> None:
    """One meaning here and in history: a head's seat elsewhere gives no say there; who heads without the role
    has that department, too."""
    made: dict[str, Any] = {"id": "third", "name": "Третий", "pbx_id": "moskva"}
    made |= {"agents": [{"agent_id": "me-department-head"}], "heads": [{"agent_id": "me-user"}]}
    await full.changed("/employees/me-user", email="user@vostok.example")
    await full.made("/departments", made)
    for login, own in [("me.department-head", ["own"]), ("me.user", ["own", "third"])]:
        told = await full.call("GET", "/me", headers=await full.login(login))
        assert told.json()["departments"] == own, login


@pytest.mark.rule("P5")
async def test_a_refusal_is_recorded_with_who_and_what(full: Company) -> None:
    """EC-97: the refusal is recorded, and does not tell whether the subject exists."""
    headers = await full.login("me.user")
    existing = await full.call("GET", "/employees/stranger", headers=headers)
    guessed = await full.call("GET", "/employees/nobody-at-all", headers=headers)
    assert existing.status_code == guessed.status_code == 403
    assert existing.json() == guessed.json()
    log = await full.sent()
    refused = log.facts(AccessRefused)
    assert (refused[-2].by, refused[-2].action, refused[-2].what) == (
        "agent/me-user",
        "settings.read",
        "employee/stranger",
    )


@pytest.mark.rule("P5")
async def test_everyone_sets_the_own_rules_and_a_head_those_of_the_department(full: Company) -> None:
    """No administrator is needed before a holiday."""
    card = {"no_answer": {"kind": "voicemail"}}
    for login, agent, status in [
        ("me.restricted-user", "me-restricted-user", 200),
        ("me.user", "mate", 403),
        ("me.department-head", "mate", 200),
        ("me.department-head", "stranger", 403),
    ]:
        headers = await full.login(login)
        answer = await full.call("PUT", f"/employees/{agent}/rules", card, headers=headers, if_match='"0"')
        assert answer.status_code == status, (login, agent)


@pytest.mark.rule("P3", "P5")
async def test_n6_everyone_reads_the_own_card_and_whom_to_forward_to(full: Company) -> None:
    """Users set their own forwarding: that takes their own card and the colleagues' names, and no more."""
    headers = await full.login("me.user")
    own = await full.call("GET", "/employees/me-user", headers=headers)
    assert (own.status_code, own.json()["card"]["login"]) == (200, "me.user")
    for colleague in ("mate", "stranger", "far"):
        assert (await full.call("GET", f"/employees/{colleague}", headers=headers)).status_code == 403
    told = await full.call("GET", "/colleagues?limit=200", headers=headers)
    colleagues = {each["id"]: each for each in told.json()["colleagues"]}
    assert colleagues["far"]["called"] == "Далёкий (Волга)"
    assert {name for each in colleagues.values() for name in each} == {"id", "called", "extension"}
    departments = (await full.call("GET", "/colleagues/departments", headers=headers)).json()["colleagues"]
    assert {"own", "other"} <= {each["id"] for each in departments}
    assert "foreign" not in {each["id"] for each in departments}
    # A head reads the cards of those whose rules a head may set.
    head = await full.login("me.department-head")
    assert (await full.call("GET", "/employees/mate", headers=head)).status_code == 200
    assert (await full.call("GET", "/employees/stranger", headers=head)).status_code == 403


async def test_without_a_token_nothing_is_answered(quick_company: Company) -> None:
    """401 wherever a right is asked for."""
    for method, path in routes(quick_company):
        if ASKS[method, path] is None:
            continue
        answer = await quick_company.http.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 401, (method, path)
        assert answer.json()["code"] == "token_refused"


async def test_a_program_does_what_its_actions_name_and_nothing_else(company: Company) -> None:
    """A CRM that orders callbacks reads no settings; revoked, it does nothing at all."""
    made = await company.made("/tokens", {"name": "crm", "actions": ["callback.order"]})
    headers = {"Authorization": f"Bearer {made['token']}"}
    body = {"number": "+79161234567"}
    asked = await company.call("POST", "/departments/sales/callbacks", body, headers=headers)
    assert asked.status_code == 202
    assert (await company.call("GET", "/employees", headers=headers)).status_code == 403
    assert (await company.call("DELETE", f"/tokens/{made['id']}", if_match='"1"')).status_code == 204
    ended = await company.call("POST", "/departments/sales/callbacks", body, headers=headers)
    assert ended.status_code == 401
    log = await company.sent()
    assert made["token"] not in str(log.sent)
