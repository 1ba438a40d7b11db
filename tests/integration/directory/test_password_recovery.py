"""A forgotten password is reset by the employee's mobile, and nobody learns who exists (E7)."""

import re
from typing import Any

import pytest

from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company

MOBILE = "+79160000007"
ANOTHER = "another horse battery"


async def _ask(company: Company, mobile: str = MOBILE, organization: str = ORGANIZATION) -> tuple[int, Any]:
    body = {"organization": organization, "mobile": mobile}
    answer = await company.http.post("/recovery", json=body)
    await company.directory.password_recovery.settle()
    return answer.status_code, answer.text


async def _reset(company: Company, code: str, *, mobile: str = MOBILE, new: str = ANOTHER) -> tuple[int, Any]:
    body = {"organization": ORGANIZATION, "mobile": mobile, "code": code, "new": new}
    answer = await company.http.put("/recovery", json=body)
    return answer.status_code, answer.text


async def _opens(company: Company, login: str, password: str) -> bool:
    body = {"organization": ORGANIZATION, "login": login, "password": password}
    return (await company.http.post("/sessions", json=body)).status_code == 201


async def _forgetful(company: Company, mobile: str = MOBILE) -> str:
    made = await company.employee("Орлов Пётр", mobile=mobile)
    login: str = made["card"]["login"]
    return login


def _code(company: Company) -> str:
    found = re.search(r"\d{6}", company.texts.sent[-1][1])
    assert found is not None
    return found[0]


@pytest.mark.rule("E7")
async def test_a_code_to_the_own_mobile_opens_the_choice_of_another_password(company: Company) -> None:
    """The employee gets in again, and the old password is no longer valid."""
    login = await _forgetful(company)
    assert await _ask(company) == (204, "")
    assert company.texts.sent[-1][0] == MOBILE
    assert (await _reset(company, _code(company)))[0] == 204
    assert await _opens(company, login, ANOTHER)
    assert not await _opens(company, login, PASSWORD)


@pytest.mark.rule("E7")
async def test_an_unknown_number_gets_the_same_answer_and_no_text(company: Company) -> None:
    """No answer tells which numbers are known."""
    await _forgetful(company)
    known = await _ask(company)
    sent = len(company.texts.sent)
    assert await _ask(company, "+79160009999") == known
    assert await _ask(company, organization="nowhere") == known
    assert len(company.texts.sent) == sent
    wrong = await _reset(company, "000000" if _code(company) != "000000" else "000001")
    assert await _reset(company, "123456", mobile="+79160009999") == wrong
    assert wrong[0] == 401


@pytest.mark.rule("E7")
async def test_a_code_is_good_once_and_for_ten_minutes(company: Company) -> None:
    """A text that somebody else reads later is worth nothing."""
    await _forgetful(company)
    await _ask(company)
    code = _code(company)
    assert (await _reset(company, code))[0] == 204
    assert (await _reset(company, code, new="yet another battery"))[0] == 401
    await _ask(company)
    company.clock.advance(10 * 60)
    assert (await _reset(company, _code(company)))[0] == 401


@pytest.mark.rule("E7")
async def test_codes_and_guesses_are_few(company: Company) -> None:
    """A robot neither wakes people with texts nor tries a million codes."""
    login = await _forgetful(company)
    assert [(await _ask(company))[0] for _ in range(4)] == [204, 204, 204, 429]
    assert len(company.texts.sent) == 3
    right = _code(company)
    wrong = "000000" if right != "000000" else "000001"
    assert [(await _reset(company, wrong))[0] for _ in range(5)] == [401] * 5
    assert (await _reset(company, right))[0] == 429
    assert await _opens(company, login, PASSWORD)


@pytest.mark.rule("E7")
async def test_only_the_newest_code_is_good(company: Company) -> None:
    """An employee whose first code is late must not wonder which one to type."""
    await _forgetful(company)
    await _ask(company)
    first = _code(company)
    await _ask(company)
    assert _code(company) == first or (await _reset(company, first))[0] == 401
    assert (await _reset(company, _code(company)))[0] == 204


async def test_a_provider_that_is_away_changes_no_answer(company: Company) -> None:
    """It would tell who exists; the operator finds it in the log."""
    await _forgetful(company)
    company.texts.is_away = True
    assert await _ask(company) == (204, "")


async def test_a_mobile_of_two_people_proves_neither(company: Company) -> None:
    """A shared phone must not open a colleague's history."""
    await _forgetful(company)
    await company.employee("Зимина Вера", mobile=MOBILE)
    assert (await _ask(company))[0] == 204
    assert company.texts.sent == []
