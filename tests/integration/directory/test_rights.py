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
from contracts.directory import Role, TokenSaved
from contracts.history import AccessRefused
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Action, Holder, Person, Program, Subject
from tests.integration.directory.companies import ORGANIZATION, Company, sqlite

PEOPLE: Final = (Action.SETTINGS_WRITE, Action.ROLES_GRANT, Action.SECRETS_WRITE)
# The rights that each route requires, all of them; none: only (or not even) a login.
ASKS: Final[dict[tuple[str, str], tuple[Action, ...]]] = {
    ("POST", "/sessions"): (),
    ("POST", "/sessions/renewal"): (),
    ("DELETE", "/sessions/current"): (),
    ("GET", "/sessions"): (),
    ("DELETE", "/sessions/others"): (),
    ("DELETE", "/sessions/{session_id}"): (),
    ("GET", "/employees/{agent_id}/sessions"): (Action.SECRETS_WRITE,),
    ("DELETE", "/employees/{agent_id}/sessions"): (Action.SECRETS_WRITE,),
    ("DELETE", "/employees/{agent_id}/sessions/{session_id}"): (Action.SECRETS_WRITE,),
    ("POST", "/sessions/openid/authorization"): (),
    ("POST", "/sessions/openid"): (),
    ("POST", "/recovery"): (),
    ("PUT", "/recovery"): (),
    # The link's own token is all that opens it.
    ("GET", "/phone-password/{link}"): (),
    ("POST", "/phone-password/{link}"): (),
    ("GET", "/me"): (),
    ("PUT", "/me/password"): (),
    ("PUT", "/me/identity"): (),
    ("DELETE", "/me/identity"): (),
    ("POST", "/sessions/second-factor"): (),
    ("GET", "/me/second-factor"): (),
    ("POST", "/me/second-factor"): (),
    ("PUT", "/me/second-factor"): (),
    ("DELETE", "/me/second-factor"): (),
    ("POST", "/me/second-factor/recovery-codes"): (),
    ("POST", "/me/reauthentication"): (),
    ("PUT", "/office"): (Action.SETTINGS_WRITE,),
    ("GET", "/organization"): (Action.SETTINGS_READ,),
    ("PUT", "/organization"): (Action.SETTINGS_WRITE,),
    ("GET", "/pbxs"): (Action.SETTINGS_READ,),
    ("POST", "/pbxs"): (Action.SETTINGS_WRITE,),
    ("GET", "/pbxs/{pbx_id}"): (Action.SETTINGS_READ,),
    ("PUT", "/pbxs/{pbx_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/pbxs/{pbx_id}"): (Action.SETTINGS_WRITE,),
    ("GET", "/departments"): (Action.SETTINGS_READ,),
    ("POST", "/departments"): (Action.SETTINGS_WRITE,),
    ("GET", "/departments/{department_id}"): (Action.SETTINGS_READ,),
    ("PUT", "/departments/{department_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/departments/{department_id}"): (Action.SETTINGS_WRITE,),
    ("POST", "/departments/{department_id}/agents"): (Action.SETTINGS_WRITE,),
    ("PATCH", "/departments/{department_id}/agents/{agent_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/departments/{department_id}/agents/{agent_id}"): (Action.SETTINGS_WRITE,),
    ("POST", "/departments/{department_id}/callbacks"): (Action.CALLBACK_ORDER,),
    ("DELETE", "/callbacks/{callback_id}"): (Action.CALLBACK_CANCEL,),
    ("POST", "/callbacks/{callback_id}/keep"): (Action.CALLBACK_REPORT,),
    ("POST", "/callbacks/{callback_id}/not-reached"): (Action.CALLBACK_REPORT,),
    ("GET", "/notices"): (Action.SETTINGS_READ,),
    ("POST", "/notices"): (Action.SETTINGS_WRITE,),
    ("GET", "/notices/{notice_id}"): (Action.SETTINGS_READ,),
    ("PUT", "/notices/{notice_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/notices/{notice_id}"): (Action.SETTINGS_WRITE,),
    ("GET", "/scenarios"): (Action.SETTINGS_READ,),
    ("POST", "/scenarios"): (Action.SETTINGS_WRITE,),
    ("GET", "/scenarios/{scenario_id}"): (Action.SETTINGS_READ,),
    ("PUT", "/scenarios/{scenario_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/scenarios/{scenario_id}"): (Action.SETTINGS_WRITE,),
    ("GET", "/employees"): (Action.SETTINGS_READ,),
    ("POST", "/employees"): PEOPLE,
    ("GET", "/employees/{agent_id}"): (Action.CARD_READ,),
    ("GET", "/colleagues"): (Action.COLLEAGUES_READ,),
    ("GET", "/colleagues/departments"): (Action.COLLEAGUES_READ,),
    ("PUT", "/employees/{agent_id}"): (Action.SETTINGS_WRITE,),
    ("DELETE", "/employees/{agent_id}"): PEOPLE,
    ("POST", "/employees/{agent_id}/password"): (Action.SECRETS_WRITE,),
    ("POST", "/employees/{agent_id}/phone-password"): (Action.SECRETS_WRITE,),
    ("DELETE", "/employees/{agent_id}/identity"): (Action.SECRETS_WRITE,),
    ("DELETE", "/employees/{agent_id}/second-factor"): (Action.SECRETS_WRITE,),
    ("GET", "/employees/{agent_id}/rules"): (Action.RULES_WRITE,),
    ("PUT", "/employees/{agent_id}/rules"): (Action.RULES_WRITE,),
    ("GET", "/extensions"): (Action.SETTINGS_READ,),
    ("POST", "/extensions"): (Action.SETTINGS_WRITE,),
    ("GET", "/extensions/{agent_id}"): (Action.SETTINGS_READ,),
    ("DELETE", "/extensions/{agent_id}"): (Action.SETTINGS_WRITE,),
    ("PUT", "/agents/{agent_id}/pause"): (Action.PAUSE_WRITE,),
    ("PUT", "/agents/{agent_id}/wrap-up"): (Action.PAUSE_WRITE,),
    ("GET", "/tokens"): (Action.SETTINGS_READ,),
    # The token that the body describes reads settings.
    ("POST", "/tokens"): (Action.SECRETS_WRITE, Action.SETTINGS_READ),
    ("POST", "/tokens/{token_id}/reissue"): (Action.SECRETS_WRITE,),
    ("DELETE", "/tokens/{token_id}"): (Action.SECRETS_WRITE,),
    ("GET", "/responsibles"): (Action.SETTINGS_READ, Action.NUMBER_SEE),
    ("PUT", "/responsibles"): (Action.SETTINGS_WRITE,),
    ("POST", "/uploads"): (Action.SETTINGS_WRITE,),
    ("GET", "/audit"): (Action.AUDIT_READ,),
}
# Read within departments by a token that names some; the other lists are the organization's.
LISTS: Final = frozenset({"/departments", "/employees", "/colleagues", "/colleagues/departments"})
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
    "/authorization": {"organization": "vostok", "redirect_uri": "https://console.vostok.example/openid"},
    "/openid": {
        "organization": "vostok",
        "code": "c",
        "code_verifier": "v" * 43,
        "nonce": "n" * 43,
        "redirect_uri": "https://console.vostok.example/openid",
    },
    "/identity": {
        "code": "c",
        "code_verifier": "v" * 43,
        "nonce": "n" * 43,
        "redirect_uri": "https://console.vostok.example/openid",
    },
    "/extensions": {"name": "Я", "pbx_id": "moskva", "extension": "31"},
    "/pause": {"is_paused": True},
    "/wrap-up": {},
    "/tokens": {"name": "crm", "actions": ["settings.read"]},
    "/reissue": None,
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
    company = await Company(sqlite(tmp_path), quota_factor=1_000).open()
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


def allowed(holder: Holder, method: str, path: str, *, agent: str, department: str) -> bool:
    """The expected rights, from the rules' text alone."""
    actions = ASKS[method, path]
    if isinstance(holder, Program) and path.endswith(("/keep", "/not-reached")):
        return False
    is_of_secrets = path.endswith(("password", "/second-factor")) or (
        method == "DELETE" and "/sessions" in path
    )
    if isinstance(holder, Program) and is_of_secrets and department != "foreign":
        # They may hear and read: a token that may set passwords and nothing else sets none of theirs.
        return set(Action) == holder.actions and not holder.departments
    if (method, path) == ("GET", "/employees/{agent_id}"):
        # One's own card, or a colleague's whose rules one may set; or else a setting.
        return any(
            _allows(holder, action, path, agent=agent, department=department)
            for action in (Action.CARD_READ, Action.SETTINGS_READ)
        )
    return all(_allows(holder, action, path, agent=agent, department=department) for action in actions)


def _allows(holder: Holder, action: Action, path: str, *, agent: str, department: str) -> bool:
    if path in LISTS and rights.reach(holder, action) is not None:
        return True
    about_agent = "{agent_id}" in path and action in (
        Action.RULES_WRITE,
        Action.PAUSE_WRITE,
        Action.CARD_READ,
        Action.SETTINGS_READ,
    )
    # Another organization's is not in ours: its name means nothing here, and so nobody's and no department's.
    is_here = department != "foreign"
    about_department = "callback" in path or path == "/departments/{department_id}"
    if path.startswith("/extensions"):
        about_agent = False
    subject = Subject(
        organization_id=OrganizationId(ORGANIZATION),
        agents=frozenset({AgentId(agent)}) if about_agent else frozenset(),
        departments=frozenset({DepartmentId(department)})
        if (about_agent and is_here) or about_department
        else frozenset(),
    )
    return rights.allows(holder, action, subject)


@pytest.mark.rule("P1", "P2", "P3", "P4", "P5", "P6", "P8")
@pytest.mark.parametrize("is_switched", [False, True], ids=["as it comes", "each switch the other way"])
@pytest.mark.parametrize("role", ROLES)
async def test_every_route_answers_by_the_table(full: Company, role: Role, is_switched: bool) -> None:
    """Deny by default: 403 exactly where the table gives nothing, whatever is asked about."""
    me = f"me-{role.value.replace('_', '-')}"
    if is_switched:
        await full.changed("/organization", numbers_hidden_from=[role])
        switches = {"sees_organization": True, "may_download": False, "may_hear": False}
        await full.changed(f"/employees/{me}", **switches)
    person = Person(
        organization_id=OrganizationId(ORGANIZATION),
        agent_id=AgentId(me),
        role=role,
        sees_organization=is_switched,
        may_download=not is_switched,
        may_hear=not is_switched,
        departments=frozenset({DepartmentId("own")}),
        sees_numbers=not is_switched,
    )
    wrong = []
    for method, path in routes(full):
        if not ASKS[method, path]:
            continue
        for name, (who, department) in SUBJECTS.items():
            agent = me if who == "me" else who
            headers = await _headers(full, role)
            answer = await _asked(full, method, path, agent, department, headers)
            assert answer.status_code != 401, f"{role} {method} {path} {name}"
            is_refused = answer.status_code == 403
            if is_refused == allowed(person, method, path, agent=agent, department=department):
                wrong.append(f"{role} {method} {path} {name}: {answer.status_code}")
            if agent == me and path.endswith("/password") and answer.status_code == 200:
                await _begin_anew(full, role, answer.json()["secret"])
            if agent == me and path.endswith("/sessions") and answer.status_code == 204:
                del full.logins[f"me.{role.value.replace('_', '-')}"]
            if agent == me and path.endswith("/second-factor") and answer.status_code == 204:
                del full.logins[f"me.{role.value.replace('_', '-')}"]
    assert not wrong, "\n".join(wrong)
    rights_shown = (await full.call("GET", "/me", headers=await _headers(full, role))).json()["rights"]
    assert rights_shown == {action: reach for action in Action if (reach := rights.reach(person, action))}


@pytest.mark.rule("P6", "P7", "P9")
@pytest.mark.parametrize("departments", [[], ["own"]], ids=["the organization", "one department"])
async def test_every_route_obeys_what_a_token_names_and_its_departments(
    full: Company, departments: list[str]
) -> None:
    """A token with one action, for each action there is, and one with all of them."""
    wrong = []
    for actions in [*((each,) for each in Action), tuple(Action)]:
        given = [each for each in actions if not departments or each in rights.LIMITABLE]
        card = {"name": "it", "actions": given, "department_ids": departments}
        if not given:
            refused = await full.call("POST", "/tokens", {**card, "actions": actions})
            assert refused.json()["code"] == "token_not_limitable"
            continue
        made = await full.made("/tokens", card)
        headers = {"Authorization": f"Bearer {made['token']}"}
        program = Program(
            organization_id=OrganizationId(ORGANIZATION),
            token_id=made["id"],
            actions=frozenset(given),
            departments=frozenset(map(DepartmentId, departments)),
        )
        wrong += await _wrong_for_program(full, program, headers)
        assert (await full.call("DELETE", f"/tokens/{made['id']}", if_match='"1"')).status_code == 204
    assert not wrong, "\n".join(wrong)


async def _wrong_for_program(company: Company, program: Program, headers: dict[str, str]) -> list[str]:
    wrong = []
    for method, path in routes(company):
        if not ASKS[method, path]:
            continue
        # Without the right one refusal is like another.
        is_asked = bool(program.actions & {*ASKS[method, path], Action.SETTINGS_READ}) and "{" in path
        for name, (who, department) in SUBJECTS.items() if is_asked else [("own", SUBJECTS["own"])]:
            agent = "me-user" if who == "me" else who
            answer = await _asked(company, method, path, agent, department, headers)
            wanted = allowed(program, method, path, agent=agent, department=department)
            if (answer.status_code == 403) == wanted or answer.status_code == 401:
                wrong.append(f"{sorted(program.actions)} {method} {path} {name}: {answer.status_code}")
    return wrong


@pytest.mark.rule("P9")
async def test_the_lists_of_a_token_hold_its_departments_and_nothing_else(full: Company) -> None:
    """A board in one department's room shows nobody else."""
    actions = ["settings.read", "colleagues.read"]
    made = await full.made("/tokens", {"name": "tv", "actions": actions, "department_ids": ["other"]})
    headers = {"Authorization": f"Bearer {made['token']}"}
    for path, part, ids in [
        ("/departments", "cards", ["other"]),
        ("/employees", "cards", ["stranger"]),
        ("/colleagues", "colleagues", ["stranger"]),
        ("/colleagues/departments", "colleagues", ["other"]),
    ]:
        told = await full.call("GET", path, headers=headers)
        assert [each["id"] for each in told.json()[part]] == ids, path
    me = (await full.call("GET", "/me", headers=headers)).json()
    assert me["departments"] == ["other"]
    assert me["rights"] == {"settings.read": "departments", "colleagues.read": "departments"}
    unknown = await full.call(
        "POST", "/tokens", {"name": "tv", "actions": actions, "department_ids": ["nowhere"]}
    )
    assert (unknown.status_code, unknown.json()["field"]) == (422, "department_ids.0")
    [fact] = (await full.sent()).facts(TokenSaved)
    assert fact.department_ids == ("other",)


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
        session_id="none",
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
        if not ASKS[method, path]:
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
