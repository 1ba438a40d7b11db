"""People see where they are signed in, and end it there; administrators end logins of others (P7)."""

from typing import Any, cast

import httpx
import pytest
from sqlalchemy import select

from services.directory.activities.tables import AUDIT
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company


async def _login(
    company: Company, login: str = "gusev.r", *, address: str = "192.0.2.1", agent: str = "Browser/1"
) -> dict[str, str]:
    asgi = httpx.ASGITransport(app=cast("Any", company.directory.api), client=(address, 1))
    async with httpx.AsyncClient(transport=asgi, base_url="http://book") as client:
        body = {"organization": ORGANIZATION, "login": login, "password": PASSWORD}
        answer = await client.post("/sessions", json=body, headers={"User-Agent": agent})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access']}"}


async def _listed(company: Company, headers: dict[str, str], path: str = "/sessions") -> list[dict[str, Any]]:
    answer = await company.call("GET", path, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


async def _is_in(company: Company, headers: dict[str, str]) -> bool:
    return (await company.call("GET", "/me", headers=headers)).status_code == 200


async def test_one_s_own_logins_are_listed_with_where_and_how_they_began(company: Company) -> None:
    """Whoever wonders about a stranger's login sees its address, browser and last use."""
    company.clock.advance(60)
    headers = await _login(company, agent="Browser/1 \t\x07(Linux)" + "x" * 300)
    [mine, earlier, *_] = await _listed(company, headers)
    assert mine["is_current"] is True
    assert earlier["is_current"] is False
    assert mine["opened_at"] == mine["renewed_at"] == company.clock.now()
    assert (mine["address"], mine["method"]) == ("192.0.2.1", "password")
    assert mine["user_agent"].startswith("Browser/1 (Linux)xxx")
    assert len(mine["user_agent"]) <= 200
    assert earlier["renewed_at"] < mine["renewed_at"]


async def test_one_login_is_ended_and_the_others_go_on(company: Company) -> None:
    """A browser that was left open at home."""
    home = await _login(company, address="192.0.2.1")
    here = await _login(company, address="192.0.2.2")
    [id_] = [each["id"] for each in await _listed(company, home) if each["is_current"]]
    assert (await company.call("DELETE", f"/sessions/{id_}", headers=here)).status_code == 204
    assert not await _is_in(company, home)
    assert await _is_in(company, here)
    again = await company.call("DELETE", f"/sessions/{id_}", headers=here)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_all_others_are_ended_at_once(company: Company) -> None:
    """After a stranger was there, only the browser at hand stays signed in."""
    there, here = await _login(company), await _login(company)
    assert (await company.call("DELETE", "/sessions/others", headers=here)).status_code == 204
    assert not await _is_in(company, there)
    assert [each["is_current"] for each in await _listed(company, here)] == [True]


async def test_nobody_sees_or_ends_a_colleague_s_logins_among_the_own(company: Company) -> None:
    """An id is no right: not of a colleague's login, and not as a token."""
    await company.employee("Орлов Пётр")
    mine, theirs = await _login(company), await _login(company, "orlov.p")
    [id_] = [each["id"] for each in await _listed(company, mine) if each["is_current"]]
    assert id_ not in {each["id"] for each in await _listed(company, theirs)}
    assert (await company.call("DELETE", f"/sessions/{id_}", headers=theirs)).status_code == 404
    assert not await _is_in(company, {"Authorization": f"Bearer {id_}"})
    assert (await company.http.post("/sessions/renewal", json={"refresh": id_})).status_code == 401
    assert await _is_in(company, mine)


@pytest.mark.rule("P7")
async def test_an_administrator_lists_and_ends_an_employee_s_logins_and_the_trail_says_so(
    company: Company,
) -> None:
    """A lost laptop, whose owner is on the phone."""
    await company.employee("Орлов Пётр")
    lost, other = await _login(company, "orlov.p"), await _login(company, "orlov.p")
    path = "/employees/orlov-p/sessions"
    [id_] = [each["id"] for each in await _listed(company, lost) if each["is_current"]]
    listed = await _listed(company, company.headers, path)
    assert id_ in {each["id"] for each in listed}
    assert not any(each["is_current"] for each in listed)
    assert (await company.call("DELETE", f"{path}/{id_}")).status_code == 204
    assert not await _is_in(company, lost)
    assert await _is_in(company, other)
    assert (await company.call("DELETE", path)).status_code == 204
    assert not await _is_in(company, other)
    assert (await company.call("DELETE", f"{path}/{id_}")).status_code == 404
    assert (await company.call("GET", "/employees/nobody/sessions")).status_code == 404
    query = select(AUDIT.c.who, AUDIT.c.id).where(AUDIT.c.what == "session.ended")
    async with company.directory.database.begin() as connection:
        noted = [tuple(row) for row in (await connection.execute(query)).all()]
    assert noted == [("agent/gusev-r", "agent/orlov-p")] * 2


async def test_a_colleague_without_the_right_to_secrets_ends_nobody_s_logins(company: Company) -> None:
    """Not even by a known id."""
    await company.employee("Орлов Пётр")
    headers = await _login(company, "orlov.p")
    for method in ("GET", "DELETE"):
        refused = await company.call(method, "/employees/gusev-r/sessions", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
