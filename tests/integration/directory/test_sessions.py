"""Logging in and staying logged in: a password opens only its own login."""

import pytest
from sqlalchemy import func, select

from contracts.directory import LoginEnded
from runtime import quotas
from runtime.tokens import TokenUse, verify
from services.directory.activities.open_logins import LOGINS_MAX
from services.directory.activities.tables import AUDIT, FAMILIES
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, TOKEN_KEYS, Company


async def _open(company: Company, login: str, password: str) -> tuple[int, dict[str, object]]:
    body = {"organization": ORGANIZATION, "login": login, "password": password}
    answer = await company.http.post("/sessions", json=body)
    return answer.status_code, answer.json()


async def test_a_wrong_password_and_an_unknown_login_get_one_answer(company: Company) -> None:
    """No answer tells which logins exist."""
    known = await _open(company, "gusev.r", "wrong")
    unknown = await _open(company, "nobody", "wrong")
    elsewhere = await company.http.post(
        "/sessions", json={"organization": "nowhere", "login": "gusev.r", "password": PASSWORD}
    )
    assert known == unknown
    assert (elsewhere.status_code, elsewhere.json()) == known
    assert known[0] == 401


async def test_a_one_time_password_opens_nothing_but_the_choice_of_another(company: Company) -> None:
    """The letter is worthless to others once its recipient has logged in (E3)."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    status, opened = await _open(company, "orlov.p", made["one_time_password"])
    assert status == 201
    assert opened["access"] is None
    headers = {"Authorization": f"Bearer {opened['password']}"}
    refused = await company.call("GET", "/me", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_needed")
    body = {"old": made["one_time_password"], "new": PASSWORD}
    chosen = await company.call("PUT", "/me/password", body, headers=headers)
    assert chosen.status_code == 200
    assert (await _open(company, "orlov.p", made["one_time_password"]))[0] == 401
    claims = verify(chosen.json()["access"], TOKEN_KEYS.public, company.clock.now())
    assert (claims.use, claims.agent_id) == (TokenUse.ACCESS, made["id"])


async def test_an_access_token_is_over_after_ten_minutes_and_is_renewed_once_each(company: Company) -> None:
    """A refresh token that is used twice was stolen: the login ends for both."""
    _, opened = await _open(company, "gusev.r", PASSWORD)
    headers = {"Authorization": f"Bearer {opened['access']}"}
    assert (await company.call("GET", "/me", headers=headers)).status_code == 200
    company.clock.advance(600)
    assert (await company.call("GET", "/me", headers=headers)).status_code == 401
    renewed = await company.http.post("/sessions/renewal", json={"refresh": opened["refresh"]})
    assert renewed.status_code == 200
    company.clock.advance(30)
    stolen = await company.http.post("/sessions/renewal", json={"refresh": opened["refresh"]})
    assert stolen.status_code == 401
    ended = await company.http.post("/sessions/renewal", json={"refresh": renewed.json()["refresh"]})
    assert ended.status_code == 401


async def test_who_logs_out_or_changes_the_password_ends_the_login(company: Company) -> None:
    """A lost laptop is locked out by choosing another password."""
    _, first = await _open(company, "gusev.r", PASSWORD)
    _, second = await _open(company, "gusev.r", PASSWORD)
    headers = {"Authorization": f"Bearer {first['access']}"}
    assert (await company.call("DELETE", "/sessions/current", headers=headers)).status_code == 204
    closed = await company.http.post("/sessions/renewal", json={"refresh": first["refresh"]})
    assert closed.status_code == 401
    headers = {"Authorization": f"Bearer {second['access']}"}
    body = {"old": PASSWORD, "new": "another horse battery"}
    assert (await company.call("PUT", "/me/password", body, headers=headers)).status_code == 200
    ended = await company.http.post("/sessions/renewal", json={"refresh": second["refresh"]})
    assert ended.status_code == 401


@pytest.mark.rule("P6")
async def test_a_changed_role_holds_from_the_next_request_on(company: Company) -> None:
    """A token says who somebody is, not what they may do."""
    made = await company.employee("Орлов Пётр", role="administrator")
    headers = await company.login("orlov.p")
    assert (await company.call("GET", "/employees", headers=headers)).status_code == 200
    await company.changed(f"/employees/{made['id']}", role="user")
    assert (await company.call("GET", "/employees", headers=headers)).status_code == 403


async def test_an_administrator_gives_a_new_one_time_password(company: Company) -> None:
    """An administrator sets a one-time password for an employee who forgot theirs."""
    await company.employee("Орлов Пётр")
    given = await company.call("POST", "/employees/orlov-p/password", {})
    assert given.status_code == 200
    assert (await _open(company, "orlov.p", PASSWORD))[0] == 401
    status, opened = await _open(company, "orlov.p", given.json()["secret"])
    assert (status, opened["access"]) == (201, None)


async def test_who_logs_out_is_out_at_once(company: Company) -> None:
    """The access token would be valid for minutes more; the next person at that desk can't use it."""
    _, first = await _open(company, "gusev.r", PASSWORD)
    _, second = await _open(company, "gusev.r", PASSWORD)
    headers = {"Authorization": f"Bearer {first['access']}"}
    assert (await company.call("DELETE", "/sessions/current", headers=headers)).status_code == 204
    refused = await company.call("GET", "/me", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")
    body = {"old": PASSWORD, "new": "another horse battery"}
    assert (await company.call("PUT", "/me/password", body, headers=headers)).status_code == 401
    others = {"Authorization": f"Bearer {second['access']}"}
    assert (await company.call("GET", "/me", headers=others)).status_code == 200


async def test_another_password_ends_every_login_at_once(company: Company) -> None:
    """A lost laptop is locked out at once; the login that chose the password is a new one."""
    _, lost = await _open(company, "gusev.r", PASSWORD)
    _, mine = await _open(company, "gusev.r", PASSWORD)
    headers = {"Authorization": f"Bearer {mine['access']}"}
    body = {"old": PASSWORD, "new": "another horse battery"}
    chosen = await company.call("PUT", "/me/password", body, headers=headers)
    assert chosen.status_code == 200
    for ended in (lost, mine):
        headers = {"Authorization": f"Bearer {ended['access']}"}
        assert (await company.call("GET", "/me", headers=headers)).status_code == 401
    headers = {"Authorization": f"Bearer {chosen.json()['access']}"}
    assert (await company.call("GET", "/me", headers=headers)).status_code == 200


async def test_a_refresh_token_that_is_used_twice_ends_its_access_tokens_too(company: Company) -> None:
    """The thief may hold one of them."""
    _, opened = await _open(company, "gusev.r", PASSWORD)
    renewed = await company.http.post("/sessions/renewal", json={"refresh": opened["refresh"]})
    company.clock.advance(30)
    await company.http.post("/sessions/renewal", json={"refresh": opened["refresh"]})
    headers = {"Authorization": f"Bearer {renewed.json()['access']}"}
    assert (await company.call("GET", "/me", headers=headers)).status_code == 401


async def test_every_login_that_ends_is_told_to_who_reads_tokens_elsewhere(company: Company) -> None:
    """History has no table of logins: it keeps ended ones while a token of theirs could be valid."""
    await company.employee("Орлов Пётр")
    opened = [(await _open(company, "orlov.p", PASSWORD))[1] for _ in range(3)]
    claims = [verify(str(each["access"]), TOKEN_KEYS.public, company.clock.now()) for each in opened]
    headers = {"Authorization": f"Bearer {opened[0]['access']}"}
    before = len((await company.sent()).facts(LoginEnded))
    assert (await company.call("DELETE", "/sessions/current", headers=headers)).status_code == 204
    assert (await company.call("DELETE", "/sessions/current", headers=headers)).status_code == 204
    assert (await company.call("POST", "/employees/orlov-p/password", {})).status_code == 200
    told = (await company.sent()).facts(LoginEnded)[before:]
    assert told[0].login_id == claims[0].family
    # The first of the three is the one that the employee's first password was chosen in.
    assert {each.login_id for each in told} >= {each.family for each in claims}
    assert len({each.login_id for each in told}) == len(told)
    assert {each.agent_id for each in told} == {"orlov-p"}
    assert all(each.until_at >= (claims[0].expires_at or 0) for each in told)


@pytest.mark.rule("E8")
async def test_a_removed_employee_s_logins_are_told_as_ended(company: Company) -> None:
    """No earlier login stays open."""
    await company.employee("Орлов Пётр")
    headers = await company.login("orlov.p")
    read = await company.call("GET", "/employees/orlov-p")
    gone = await company.call("DELETE", "/employees/orlov-p", if_match=read.headers["etag"])
    assert gone.status_code == 204
    assert (await company.call("GET", "/me", headers=headers)).status_code == 401
    family = verify(
        headers["Authorization"].removeprefix("Bearer "), TOKEN_KEYS.public, company.clock.now()
    ).family
    assert family in {each.login_id for each in (await company.sent()).facts(LoginEnded)}


async def test_logging_out_again_and_again_writes_one_line_and_has_a_quota(quick_company: Company) -> None:
    """A token that is valid for minutes must not fill a trail that is kept for years."""
    headers = await quick_company.login("gusev.r")
    answers = [
        await quick_company.call("DELETE", "/sessions/current", headers=headers)
        for _ in range(quotas.REQUESTS.burst + 5)
    ]
    assert (answers[0].status_code, answers[-1].status_code) == (204, 429)
    query = select(func.count()).where(AUDIT.c.what == "session.logged_out")
    async with quick_company.directory.database.begin() as connection:
        assert (await connection.execute(query)).scalar_one() == 1


async def test_renewing_again_and_again_has_the_logins_quota(quick_company: Company) -> None:
    """Each renewal writes; that every refresh token is another must not make it another asker."""
    _, opened = await _open(quick_company, "gusev.r", PASSWORD)
    refresh, statuses = opened["refresh"], []
    for _ in range(quotas.REQUESTS.burst + 5):
        answer = await quick_company.http.post("/sessions/renewal", json={"refresh": refresh})
        refresh = answer.json().get("refresh", refresh)
        statuses.append(answer.status_code)
    assert (statuses[0], statuses[-1]) == (200, 429)


async def test_changing_a_password_to_and_fro_ends_after_ten_times(quick_company: Company) -> None:
    """Two hashes each: nobody keeps the others' logins waiting for them."""
    old, new, statuses = PASSWORD, "another horse battery", []
    quick_company.clock.advance(15 * 60)
    headers = await quick_company.login("gusev.r")
    for _ in range(11):
        answer = await quick_company.call("PUT", "/me/password", {"old": old, "new": new}, headers=headers)
        statuses.append(answer.status_code)
        headers = {"Authorization": f"Bearer {answer.json().get('access')}"}
        old, new = new, old
    assert statuses == [200] * 10 + [429]


async def test_of_too_many_logins_the_one_used_longest_ago_ends(quick_company: Company) -> None:
    """Each is a row for up to a month and a fact at its end; who logs in for each request has few of them."""
    _, first = await _open(quick_company, "gusev.r", PASSWORD)
    for _ in range(LOGINS_MAX + 2):
        quick_company.clock.advance(60)
        newest = await quick_company.login("gusev.r")
    query = select(func.count()).select_from(FAMILIES)
    async with quick_company.directory.database.begin() as connection:
        assert (await connection.execute(query)).scalar_one() == LOGINS_MAX
    assert (await quick_company.call("GET", "/me", headers=newest)).status_code == 200
    ended = await quick_company.http.post("/sessions/renewal", json={"refresh": first["refresh"]})
    assert ended.status_code == 401


async def test_everybody_may_know_the_own_name_and_the_company_s_and_its_zone(quick_company: Company) -> None:
    """A console shows them to people whose role reads no cards of others."""
    made = await quick_company.employee("Орлов Игорь", role="restricted_user")
    headers = await quick_company.login(made["card"]["login"])
    me = (await quick_company.call("GET", "/me", headers=headers)).json()
    assert (me["name"], me["login"]) == ("Орлов Игорь", made["card"]["login"])
    assert (me["organization_name"], me["timezone"]) == ("Восток", "Europe/Moscow")
