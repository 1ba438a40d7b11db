"""Passwords that are easy to guess are refused wherever they are typed, and one-time ones expire."""

from typing import Any

from services.directory.activities import bootstrap
from services.directory.activities.passwords import ONE_TIME_MS
from services.directory.activities.tables import CARDS, PASSWORDS
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company
from tests.integration.directory.older import begun_again, rows

COMMON = "Qwertyuiop123"
OWN = "gusev.rodion"


def _codes(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["field"]


async def _opened(company: Company, login: str, password: str) -> Any:
    body = {"organization": ORGANIZATION, "login": login, "password": password}
    return await company.http.post("/sessions", json=body)


async def test_a_password_that_is_easily_guessed_is_refused_wherever_it_is_typed(company: Company) -> None:
    """By oneself, and by an administrator for somebody else."""
    for new, code in ((COMMON, "password_common"), (OWN, "password_own")):
        answer = await company.call("PUT", "/me/password", {"old": PASSWORD, "new": new})
        assert _codes(answer) == (422, code, "new")
        answer = await company.call("POST", "/employees/gusev-r/password", {"password": new})
        assert _codes(answer) == (422, code, "password")
        draft = {"name": "Гусев Родион", "pbx_id": "moskva", "password": new}
        assert _codes(await company.call("POST", "/employees", draft)) == (422, code, "password")
    assert (await _opened(company, "gusev.r", PASSWORD)).status_code == 201


async def test_a_recovered_password_is_checked_too_and_the_code_is_still_good(company: Company) -> None:
    """Only who has the code is told that the password is made of the own name."""
    await company.employee("Орлов Пётр", mobile="+79160000007")
    await company.http.post("/recovery", json={"organization": ORGANIZATION, "mobile": "+79160000007"})
    await company.directory.password_recovery.settle()
    code = "".join(each for each in company.texts.sent[-1][1] if each.isdigit())[:6]
    wrong = "000000" if code != "000000" else "000001"

    async def reset(code: str, new: str) -> tuple[int, str]:
        body = {"organization": ORGANIZATION, "mobile": "+79160000007", "code": code, "new": new}
        answer = await company.http.put("/recovery", json=body)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    assert await reset(wrong, "orlov.petr") == (401, "code_refused")
    assert await reset(wrong, COMMON) == (422, "password_common")
    assert await reset(code, "orlov.petr") == (422, "password_own")
    assert await reset(code, "another horse battery") == (204, "")


async def test_a_one_time_password_expires_after_72_hours_and_says_whom_to_ask(company: Company) -> None:
    """A letter found in a drawer opens nothing."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    company.clock.advance(ONE_TIME_MS // 1000 - 1)
    opened = await _opened(company, "orlov.p", made["one_time_password"])
    assert opened.status_code == 201
    company.clock.advance(1)
    refused = await _opened(company, "orlov.p", made["one_time_password"])
    assert (refused.status_code, refused.json()["code"]) == (403, "one_time_expired")
    assert "administrator" in refused.json()["remedy"]["en"]
    headers = {"Authorization": f"Bearer {opened.json()['password']}"}
    body = {"old": made["one_time_password"], "new": PASSWORD}
    late = await company.call("PUT", "/me/password", body, headers=headers)
    assert (late.status_code, late.json()["code"]) == (403, "one_time_expired")
    headers = await company.login("gusev.r")
    given = await company.call("POST", "/employees/orlov-p/password", {}, headers=headers)
    assert (await _opened(company, "orlov.p", given.json()["secret"])).status_code == 201


async def test_a_wrong_password_tells_nothing_of_an_expired_one(company: Company) -> None:
    """Otherwise strangers would learn which logins exist."""
    await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    company.clock.advance(ONE_TIME_MS // 1000)
    assert (await _opened(company, "orlov.p", "wrong")).json()["code"] == "login_refused"


async def test_what_the_operator_gives_expires_as_well(company: Company) -> None:
    """Its output stays in a terminal's history."""
    directory = company.directory
    given = await bootstrap.reset_administrator(directory.repository, directory.passwords, ORGANIZATION, None)
    company.clock.advance(ONE_TIME_MS // 1000)
    refused = await _opened(company, given.login, given.password)
    assert refused.json()["code"] == "one_time_expired"
    assert "reset-administrator" in refused.json()["remedy"]["en"]


async def test_one_time_passwords_of_before_the_upgrade_count_from_it(company: Company) -> None:
    """Nobody's letter of yesterday ends at night with the new version; chosen passwords never do."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    kept = {table: await rows(company, table) for table in (CARDS, PASSWORDS)}
    await begun_again(company, "0012", kept)
    expiring = {row["agent_id"]: row["expires_at"] for row in await rows(company, PASSWORDS)}
    assert expiring["gusev-r"] is None
    assert expiring[made["id"]] > ONE_TIME_MS
