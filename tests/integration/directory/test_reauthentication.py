"""A stolen access token does not change by what its owner signs in."""

from typing import Any

import pytest

from contracts.rights import Action
from services.directory.activities.reauthentication import RECENT_MS, TRIES_MAX
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company
from tests.integration.directory.second_factors import (
    Headers,
    bearer,
    entered,
    opened,
    requires,
    set_up,
    stepped,
)

MOBILE = "+79160000009"
CHANGES: dict[str, dict[str, Any]] = {
    "mobile": {"mobile": MOBILE},
    "email": {"email": "thief@example.org"},
    "login": {"login": "thief"},
}


async def _old(company: Company, login: str = "gusev.r") -> Headers:
    """A login of some time ago, which was renewed since: what a thief of a token has."""
    _, first = await opened(company, login)
    company.clock.advance(RECENT_MS / 1000)
    renewed = await company.http.post("/sessions/renewal", json={"refresh": first["refresh"]})
    assert renewed.status_code == 200
    return bearer(renewed.json()["access"])


async def _again(
    company: Company, headers: Headers, password: str = PASSWORD, **more: str
) -> tuple[int, Any]:
    body = {"password": password, **more}
    answer = await company.call("POST", "/me/reauthentication", body, headers=headers)
    return answer.status_code, answer.json() if answer.content else None


async def _needed(company: Company, method: str, path: str, body: Any = None) -> bool:
    """Whether the administrator must give the password once more."""
    answer = await company.call(method, path, body)
    if answer.status_code < 300:
        return False
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_needed"), answer.text
    return True


@pytest.mark.parametrize("change", CHANGES)
async def test_an_administrator_changes_the_own_card_only_after_the_password(
    company: Company, change: str
) -> None:
    """By these a password is recovered: whoever changes them owns the login."""
    company.headers = await _old(company)
    refused = await company.changed("/employees/gusev-r", **CHANGES[change])
    assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_needed")
    kept = await company.call("GET", "/employees/gusev-r")
    assert kept.json()["card"]["login"] == "gusev.r"
    assert await _again(company, company.headers) == (204, None)
    assert (await company.changed("/employees/gusev-r", **CHANGES[change])).status_code == 200


async def test_other_fields_and_other_people_take_no_password(company: Company) -> None:
    """An administrator's day is no row of passwords."""
    made = await company.employee("Орлов Пётр")
    company.headers = await _old(company)
    assert (await company.changed("/employees/gusev-r", job_title="Директор")).status_code == 200
    assert (await company.changed(f"/employees/{made['id']}", mobile=MOBILE)).status_code == 200
    assert not await _needed(company, "POST", f"/employees/{made['id']}/password", {})
    assert not await _needed(company, "DELETE", f"/employees/{made['id']}/second-factor")


async def test_every_change_of_ones_own_secrets_takes_the_password(company: Company) -> None:
    """By the routes of one's own and by those of employees alike."""
    company.headers = await _old(company)
    for method, path, body in (
        ("POST", "/me/second-factor", None),
        ("PUT", "/me/second-factor", {"code": "123456"}),
        ("DELETE", "/me/second-factor", None),
        ("POST", "/me/second-factor/recovery-codes", None),
        ("DELETE", "/employees/gusev-r/second-factor", None),
        ("POST", "/employees/gusev-r/password", {}),
        ("POST", "/employees/gusev-r/phone-password", None),
    ):
        assert await _needed(company, method, path, body), path
    assert await _again(company, company.headers) == (204, None)
    await set_up(company, company.headers)
    assert not await _needed(company, "DELETE", "/me/second-factor")


async def test_an_office_file_of_a_person_takes_the_password_for_the_own_card(company: Company) -> None:
    """The route does not matter; a program's office file is nobody's login."""
    card = (await company.call("GET", "/employees/gusev-r")).json()["card"]
    sheet = {
        "organization_id": ORGANIZATION,
        "organization": {"name": "Восток"},
        "employees": {"gusev-r": {**card, "email": "other@vostok.example"}},
    }
    everything = {"name": "office", "actions": [action.value for action in Action]}
    made = await company.made("/tokens", everything)
    company.headers = await _old(company)
    assert await _needed(company, "PUT", "/office", sheet)
    answer = await company.call("PUT", "/office", sheet, headers=bearer(made["token"]))
    assert answer.status_code == 200, answer.text


async def test_the_password_alone_is_not_enough_for_whoever_has_a_second_factor(company: Company) -> None:
    """Nor does one code do twice; a recovery code stands for a lost phone, which is then replaced."""
    device, confirmed = await set_up(company, company.headers)
    _, first = await opened(company, "gusev.r")
    _, login = await stepped(company, first["second_factor"], device.next())
    company.clock.advance(RECENT_MS / 1000)
    renewed = await company.http.post("/sessions/renewal", json={"refresh": login["refresh"]})
    headers = bearer(renewed.json()["access"])
    status, refused = await _again(company, headers)
    assert (status, refused["code"]) == (422, "reauthentication_refused")
    shown = device.next()
    assert (await _again(company, headers, "wrong", code=shown))[0] == 422
    assert await _again(company, headers, code=shown) == (204, None)
    assert (await _again(company, headers, code=shown))[0] == 422
    assert await _again(company, headers, code=confirmed["recovery_codes"][0]) == (204, None)
    replaced, _ = await set_up(company, headers)
    assert await entered(company, "gusev.r", replaced.next())


async def test_guesses_are_counted_for_the_login_and_lock_out_no_other(company: Company) -> None:
    """A thief of a token does not guess the password, and its owner works on."""
    stolen = await company.login("gusev.r")
    mine = await company.login("gusev.r")
    for _ in range(TRIES_MAX):
        assert (await _again(company, stolen, "wrong"))[0] == 422
    assert (await _again(company, stolen))[0] == 429
    assert await _again(company, mine) == (204, None)
    assert (await opened(company, "gusev.r"))[0] == 201


async def test_whoever_has_just_signed_in_is_not_asked_again(company: Company) -> None:
    """Ten minutes are as long as the first access token lasts."""
    company.headers = await company.login("gusev.r")
    company.clock.advance(RECENT_MS / 1000 - 1)
    assert (await company.changed("/employees/gusev-r", mobile=MOBILE)).status_code == 200


async def test_a_program_and_a_token_for_something_else_do_not_authenticate(company: Company) -> None:
    """Only an open login of a person is authenticated once more."""
    made = await company.made("/tokens", {"name": "crm", "actions": ["settings.read"]})
    assert (await _again(company, bearer(made["token"])))[0] == 401
    await requires(company)
    _, first = await opened(company, "gusev.r")
    assert (await _again(company, bearer(first["second_factor_setup"])))[0] == 403
    assert (await company.call("DELETE", "/sessions/current")).status_code == 204
    assert (await _again(company, company.headers))[0] == 401
