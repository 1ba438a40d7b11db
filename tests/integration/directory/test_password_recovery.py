"""A forgotten password is reset by the employee's mobile, and nobody learns who exists (E7)."""

import json
import re
from typing import Any, cast

import httpx
import pytest

from services.directory.activities import organizations
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company

MOBILE = "+79160000007"
ANOTHER = "another horse battery"


def _from(company: Company, address: str) -> httpx.AsyncClient:
    asgi = httpx.ASGITransport(app=cast("Any", company.directory.api), client=(address, 1))
    return httpx.AsyncClient(transport=asgi, base_url="http://book")


async def _ask(
    company: Company, mobile: str = MOBILE, organization: str = ORGANIZATION, address: str = "127.0.0.1"
) -> tuple[int, Any]:
    body = {"organization": organization, "mobile": mobile}
    async with _from(company, address) as client:
        answer = await client.post("/recovery", json=body)
    await company.directory.password_recovery.settle()
    return answer.status_code, answer.text


async def _reset(
    company: Company, code: str, *, mobile: str = MOBILE, new: str = ANOTHER, address: str = "127.0.0.1"
) -> tuple[int, Any]:
    body = {"organization": ORGANIZATION, "mobile": mobile, "code": code, "new": new}
    async with _from(company, address) as client:
        answer = await client.put("/recovery", json=body)
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


@pytest.mark.rule("E7")
async def test_in_a_suspended_organization_nobody_recovers_and_nobody_learns_of_it(company: Company) -> None:
    """No text goes out, and an earlier code sets no password: as for a number that is not known."""
    login = await _forgetful(company)
    await _ask(company)
    code = _code(company)
    await organizations.suspend(company.directory.repository, ORGANIZATION)
    assert await _ask(company) == (204, "")
    assert len(company.texts.sent) == 1
    assert await _reset(company, code) == await _reset(company, "123456", mobile="+79160009999")
    await organizations.resume(company.directory.repository, ORGANIZATION)
    assert await _opens(company, login, PASSWORD)
    assert (await _reset(company, code))[0] == 204


async def test_one_address_asks_for_few_codes_and_leaves_the_organization_s_to_others(
    quick_company: Company,
) -> None:
    """Texts cost money; a robot that asks for every number keeps nobody else from the own code."""
    await _forgetful(quick_company)
    asked = [(await _ask(quick_company, f"+7916111{n:04}", address="192.0.2.1"))[0] for n in range(21)]
    assert asked == [204] * 20 + [429]
    assert await _ask(quick_company, address="192.0.2.2") == (204, "")
    assert len(quick_company.texts.sent) == 1


async def test_codes_of_an_organization_have_a_ceiling_in_words_also_for_unknown_numbers(
    quick_company: Company,
) -> None:
    """Robots on many addresses get no further; an administrator still sets passwords."""
    await _forgetful(quick_company)
    for n in range(100):
        answer = await _ask(quick_company, f"+7916111{n:04}", address=f"192.0.2.{n // 20}")
        assert answer == (204, "")
    known, unknown = [
        await _ask(quick_company, number, address="198.51.100.1") for number in (MOBILE, "+79169999999")
    ]
    assert known == unknown
    assert known[0] == 429
    assert json.loads(known[1])["code"] == "recovery_limited"
    given = await quick_company.call("POST", "/employees/orlov-p/password", {})
    assert given.status_code == 200
    assert await _ask(quick_company, organization="zapad", address="198.51.100.1") == (204, "")
    quick_company.clock.advance(3_600)
    assert await _ask(quick_company, address="198.51.100.1") == (204, "")


async def test_failed_guesses_of_an_organization_have_a_ceiling_and_right_ones_do_not_count(
    quick_company: Company,
) -> None:
    """A hundred an hour among a million codes, whichever numbers they are for."""
    await _forgetful(quick_company)
    for n in range(99):
        guessed = await _reset(
            quick_company, "123456", mobile=f"+7916111{n:04}", address=f"192.0.2.{n // 20}"
        )
        assert guessed[0] == 401
    for password in (ANOTHER, "yet another battery"):
        await _ask(quick_company, address="198.51.100.1")
        right = _code(quick_company)
        assert (await _reset(quick_company, right, new=password, address="198.51.100.1"))[0] == 204
    assert (await _reset(quick_company, "123456", mobile="+79162220000", address="198.51.100.1"))[0] == 401
    status, text = await _reset(quick_company, "123456", mobile="+79162220001", address="198.51.100.2")
    assert (status, json.loads(text)["code"]) == (429, "recovery_limited")


async def test_a_recovery_ends_one_s_own_wait_and_nobody_else_s(company: Company) -> None:
    """Whoever owns one mobile gets no new guesses at a colleague's password."""
    login = await _forgetful(company)
    for name in (login, "gusev.r"):
        for _ in range(3):
            assert not await _opens(company, name, "wrong")
        assert not await _opens(company, name, PASSWORD)
    await _ask(company)
    assert (await _reset(company, _code(company)))[0] == 204
    assert await _opens(company, login, ANOTHER)
    assert not await _opens(company, "gusev.r", PASSWORD)
