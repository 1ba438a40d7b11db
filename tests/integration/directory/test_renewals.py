"""A login is renewed by its newest refresh token, from two tabs at once and over a crash; a thief ends it."""

import asyncio
from typing import Any

from sqlalchemy import select

from services.directory.activities.open_logins import Client, Method
from services.directory.activities.tables import AUDIT, FAMILIES
from tests.integration.directory.companies import NOW, ORGANIZATION, PASSWORD, Company

HOUR_S = 3_600


async def _opened(company: Company) -> dict[str, Any]:
    body = {"organization": ORGANIZATION, "login": "gusev.r", "password": PASSWORD}
    answer = await company.http.post("/sessions", json=body)
    found: dict[str, Any] = answer.json()
    return found


async def _renewed(company: Company, refresh: str) -> tuple[int, str]:
    answer = await company.http.post("/sessions/renewal", json={"refresh": refresh})
    return answer.status_code, answer.json().get("refresh", "")


async def test_two_tabs_that_renew_at_once_at_two_replicas_get_the_same_tokens(
    company: Company, tables: str
) -> None:
    """A browser's tabs share a login, and wake up together."""
    another = Company(tables)
    another.directory.background.is_up = True
    refresh = (await _opened(company))["refresh"]
    both = [company, another, company, another]
    answers = await asyncio.gather(*(_renewed(each, refresh) for each in both))
    assert {status for status, _ in answers} == {200}
    assert len({successor for _, successor in answers}) == 1
    status, following = await _renewed(another, answers[0][1])
    assert status == 200
    assert following != answers[0][1]
    await another.close()


async def test_who_lost_the_answer_asks_again_and_stays_signed_in(company: Company) -> None:
    """A browser that crashed in between has only the token of before."""
    refresh = (await _opened(company))["refresh"]
    _, lost = await _renewed(company, refresh)
    company.clock.advance(29)
    assert await _renewed(company, refresh) == (200, lost)
    assert (await _renewed(company, lost))[0] == 200


async def test_a_used_token_after_half_a_minute_ends_the_login_as_stolen(company: Company) -> None:
    """Nobody's tab waits that long: it is a thief's."""
    refresh = (await _opened(company))["refresh"]
    _, newest = await _renewed(company, refresh)
    company.clock.advance(30)
    assert (await _renewed(company, refresh))[0] == 401
    assert (await _renewed(company, newest))[0] == 401
    query = select(AUDIT.c.who).where(AUDIT.c.what == "session.refresh_reused")
    async with company.directory.database.begin() as connection:
        assert list((await connection.execute(query)).scalars()) == ["agent/gusev-r"]


async def test_a_token_before_the_last_one_ends_the_login_at_any_time(company: Company) -> None:
    """Whoever has it has not heard of two renewals."""
    oldest = (await _opened(company))["refresh"]
    _, older = await _renewed(company, oldest)
    _, newest = await _renewed(company, older)
    assert (await _renewed(company, oldest))[0] == 401
    assert (await _renewed(company, newest))[0] == 401


async def test_a_login_ends_after_twelve_hours_of_which_nobody_used_it(company: Company) -> None:
    """A browser left open in the evening is closed in the morning."""
    refresh = (await _opened(company))["refresh"]
    company.clock.advance(12 * HOUR_S - 1)
    status, refresh = await _renewed(company, refresh)
    assert status == 200
    company.clock.advance(12 * HOUR_S)
    assert (await _renewed(company, refresh))[0] == 401


async def test_a_login_used_every_day_ends_after_thirty_days(company: Company) -> None:
    """The password is asked for again once a month."""
    refresh = (await _opened(company))["refresh"]
    for _ in range(59):
        company.clock.advance(12 * HOUR_S - 60)
        status, refresh = await _renewed(company, refresh)
        assert status == 200
    company.clock.advance(HOUR_S)
    assert (await _renewed(company, refresh))[0] == 200
    company.clock.advance(11 * HOUR_S)
    assert (await _renewed(company, refresh))[0] == 401


async def test_a_login_keeps_how_it_was_authenticated(company: Company) -> None:
    """The row answers «was there a second factor?»; whoever chooses a password gives one."""
    sessions = company.directory.sessions
    async with company.directory.database.begin() as connection:
        opened = await sessions.begin(
            connection,
            ORGANIZATION,
            "gusev-r",
            NOW,
            method=Method.OPENID,
            client=Client(address="192.0.2.1", user_agent="browser"),
        )
    query = select(FAMILIES.c.method, FAMILIES.c.authenticated_at, FAMILIES.c.address)
    async with company.directory.database.begin() as connection:
        rows = [tuple(row) for row in (await connection.execute(query)).all()]
    assert ("openid", NOW, "192.0.2.1") in rows
    headers = {"Authorization": f"Bearer {opened.access}"}
    body = {"old": PASSWORD, "new": "another horse battery"}
    assert (await company.call("PUT", "/me/password", body, headers=headers)).status_code == 200
    async with company.directory.database.begin() as connection:
        assert [row.method for row in (await connection.execute(query)).all()] == ["password"]
