"""Signing in with a second factor: no way of opening a login leads around it."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import func, select

from services.directory.activities import rate_limits
from services.directory.activities.own_second_factor import CODE_TRIES_A_DAY_MAX, CODE_TRIES_MAX, DAY_MS
from services.directory.activities.second_step import CODE_MS, SETUP_MS
from services.directory.activities.tables import DEVICES, RECOVERY_CODES, SECOND_FACTORS
from services.directory.state.responses import Opened, SecondFactorConfirmed
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company
from tests.integration.directory.second_factors import (
    bearer,
    entered,
    opened,
    requires,
    set_up,
    stepped,
)

ANOTHER = "another horse battery"
MOBILE = "+79160000007"
WRONG = "000000"


async def test_after_the_password_a_code_opens_the_login_and_nothing_else_does(company: Company) -> None:
    """A stolen password is worth nothing without the phone."""
    device, _ = await set_up(company, await company.login("gusev.r"))
    status, first = await opened(company, "gusev.r")
    assert (status, first["access"], first["refresh"]) == (201, None, None)
    assert first["expires_in_s"] == CODE_MS // 1000
    for path in ("/me", "/me/second-factor", "/employees"):
        refused = await company.call("GET", path, headers=bearer(first["second_factor"]))
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_needed")
    status, second = await stepped(company, first["second_factor"], device.next())
    assert status == 201
    assert (await company.call("GET", "/me", headers=bearer(second["access"]))).status_code == 200
    renewed = await company.http.post("/sessions/renewal", json={"refresh": second["refresh"]})
    assert renewed.status_code == 200


async def test_a_code_opens_one_login(company: Company) -> None:
    """Whoever looks over a shoulder, and knows the password, comes too late."""
    device, _ = await set_up(company, await company.login("gusev.r"))
    tokens = [(await opened(company, "gusev.r"))[1]["second_factor"] for _ in range(4)]
    shown = device.next()
    answers = await asyncio.gather(*(stepped(company, each, shown) for each in tokens))
    assert sorted(status for status, _ in answers) == [201, 422, 422, 422]
    refused = next(body for status, body in answers if status == 422)
    assert refused["code"] == "second_factor_refused"


async def test_a_recovery_code_opens_a_login_once_and_the_trail_tells_of_it(company: Company) -> None:
    """The phone is lost, the paper is at home; whoever finds the paper is seen."""
    _, confirmed = await set_up(company, await company.login("gusev.r"))
    codes = confirmed["recovery_codes"]
    assert len(codes) == 10
    assert await entered(company, "gusev.r", codes[3].upper())
    _, first = await opened(company, "gusev.r")
    assert (await stepped(company, first["second_factor"], codes[3]))[0] == 422
    company.headers = await entered(company, "gusev.r", codes[4])
    lines = (await company.call("GET", "/audit")).json()["lines"]
    used = [line for line in lines if line["what"] == "session.second_factor"]
    assert [line["outcome"] for line in used] == ["ok", "refused", "ok"]
    assert used[0]["details"]["by"] == "recovery_code"
    assert used[0]["details"]["recovery_codes_left"] == "8"
    assert used[0]["who"].startswith("agent/")


async def test_the_token_for_the_code_ends_with_time_and_with_the_password(company: Company) -> None:
    """A token left behind is worth nothing later, nor to whoever knew the former password."""
    made = await company.employee("Орлов Пётр")
    device, _ = await set_up(company, await company.login("orlov.p"))
    _, first = await opened(company, "orlov.p")
    company.clock.advance(CODE_MS / 1000)
    assert (await stepped(company, first["second_factor"], device.next()))[0] == 401
    _, first = await opened(company, "orlov.p")
    company.headers = await company.login("gusev.r")
    given = await company.call("POST", f"/employees/{made['id']}/password", {})
    assert given.status_code == 200
    assert (await stepped(company, first["second_factor"], device.next()))[0] == 401


async def test_a_one_time_password_leads_to_the_second_factor_too(company: Company) -> None:
    """Whoever may set passwords does not get into a login of somebody with a phone."""
    made = await company.employee("Орлов Пётр")
    device, _ = await set_up(company, await company.login("orlov.p"))
    given = (await company.call("POST", f"/employees/{made['id']}/password", {})).json()["secret"]
    _, first = await opened(company, "orlov.p", given)
    body = {"old": given, "new": ANOTHER}
    chosen = await company.call("PUT", "/me/password", body, headers=bearer(first["password"]))
    assert chosen.status_code == 200
    assert (chosen.json()["access"], chosen.json()["refresh"]) == (None, None)
    assert (await stepped(company, chosen.json()["second_factor"], device.next()))[0] == 201


async def test_another_password_of_ones_own_asks_for_a_code(company: Company) -> None:
    """A stolen access token and a known password make no login that lasts."""
    device, _ = await set_up(company, await company.login("gusev.r"))
    headers = await entered(company, "gusev.r", device.next())
    chosen = await company.call("PUT", "/me/password", {"old": PASSWORD, "new": ANOTHER}, headers=headers)
    assert chosen.status_code == 200
    assert (chosen.json()["access"], chosen.json()["refresh"]) == (None, None)
    assert (await company.call("GET", "/me", headers=headers)).status_code == 401
    assert (await stepped(company, chosen.json()["second_factor"], device.next()))[0] == 201


@pytest.mark.rule("E7")
async def test_a_password_recovered_by_text_leads_to_the_second_factor_too(company: Company) -> None:
    """A SIM card that somebody else got is no phone with the secret."""
    await company.employee("Орлов Пётр", mobile=MOBILE)
    device, _ = await set_up(company, await company.login("orlov.p"))
    await company.http.post("/recovery", json={"organization": ORGANIZATION, "mobile": MOBILE})
    await company.directory.password_recovery.settle()
    code = re.search(r"\d{6}", company.texts.sent[-1][1])
    assert code is not None
    body = {"organization": ORGANIZATION, "mobile": MOBILE, "code": code[0], "new": ANOTHER}
    recovered = await company.http.put("/recovery", json=body)
    assert (recovered.status_code, recovered.text) == (204, "")
    _, first = await opened(company, "orlov.p", ANOTHER)
    assert (first["access"], first["refresh"]) == (None, None)
    assert (await stepped(company, first["second_factor"], device.next()))[0] == 201


async def test_wrong_codes_lock_codes_and_neither_recovery_codes_nor_open_logins_nor_known_devices(
    company: Company,
) -> None:
    """A thief of the password guesses a few times, and its owner is never locked out."""
    device, confirmed = await set_up(company, await company.login("gusev.r"))
    _, first = await opened(company, "gusev.r")
    _, known = await stepped(company, first["second_factor"], device.next())
    mine = bearer(known["access"])
    _, stolen = await opened(company, "gusev.r")
    tries = [(await stepped(company, stolen["second_factor"], WRONG))[0] for _ in range(CODE_TRIES_MAX)]
    assert set(tries) == {422}
    shown = device.next()
    status, locked = await stepped(company, stolen["second_factor"], shown)
    assert (status, locked["code"]) == (429, "too_many_tries")
    assert (await stepped(company, stolen["second_factor"], shown, known["device"]))[0] == 201
    assert (await company.call("GET", "/me", headers=mine)).status_code == 200
    body = {"password": PASSWORD, "code": device.next()}
    assert (await company.call("POST", "/me/reauthentication", body, headers=mine)).status_code == 204
    assert await entered(company, "gusev.r", confirmed["recovery_codes"][0])


@pytest.mark.parametrize("named_by", ["password", "code", "both"])
async def test_a_login_with_a_code_is_on_the_device_that_either_of_its_steps_names(
    quick_company: Company, named_by: str
) -> None:
    """One person on one laptop is one device: many of them would push out those of others."""
    app, _ = await set_up(quick_company, quick_company.headers)
    _, first = await opened(quick_company, "gusev.r")
    assert first["device"] is None
    _, second = await stepped(quick_company, first["second_factor"], app.next())
    device, devices = second["device"], await _devices(quick_company)
    by_password, by_code = device if named_by != "code" else "", device if named_by != "password" else ""
    _, first = await opened(quick_company, "gusev.r", device=by_password)
    assert first["device"] is None
    status, second = await stepped(quick_company, first["second_factor"], app.next(), by_code)
    assert (status, second["device"]) == (201, device)
    assert await _devices(quick_company) == devices


async def test_a_device_that_nobody_knows_becomes_none_by_being_named_with_the_password(
    quick_company: Company,
) -> None:
    """Whoever signs in gets a token that nobody else has chosen, however long the made-up one is."""
    app, _ = await set_up(quick_company, quick_company.headers)
    for made_up in ("made-up", "😀" * 100):
        _, first = await opened(quick_company, "gusev.r", device=made_up)
        status, second = await stepped(quick_company, first["second_factor"], app.next())
        assert status == 201
        assert second["device"] not in ("", made_up, None)


async def test_a_device_named_with_the_password_is_known_to_the_limit_of_codes(
    quick_company: Company,
) -> None:
    """A thief of the password locks codes, and not those from the owner's laptop."""
    app, _ = await set_up(quick_company, quick_company.headers)
    _, first = await opened(quick_company, "gusev.r")
    _, known = await stepped(quick_company, first["second_factor"], app.next())
    _, stolen = await opened(quick_company, "gusev.r")
    for _ in range(CODE_TRIES_MAX):
        assert (await stepped(quick_company, stolen["second_factor"], WRONG))[0] == 422
    _, mine = await opened(quick_company, "gusev.r", device=known["device"])
    shown = app.next()
    assert (await stepped(quick_company, stolen["second_factor"], shown))[0] == 429
    assert (await stepped(quick_company, mine["second_factor"], shown))[0] == 201


async def test_setting_up_a_second_factor_is_on_the_device_of_the_password(quick_company: Company) -> None:
    """The requirement came after the laptop was known."""
    known = (await opened(quick_company, "gusev.r"))[1]["device"]
    await requires(quick_company)
    devices = await _devices(quick_company)
    _, first = await opened(quick_company, "gusev.r", device=known)
    _, confirmed = await set_up(quick_company, bearer(first["second_factor_setup"]))
    assert confirmed["opened"]["device"] == known
    assert await _devices(quick_company) == devices


async def _devices(company: Company) -> int:
    async with company.directory.database.begin() as connection:
        return (await connection.execute(select(func.count()).select_from(DEVICES))).scalar_one()


async def test_a_day_has_fifty_wrong_codes(quick_company: Company) -> None:
    """Three of a million codes are right at a time: who tries for weeks must not get there."""
    device, _ = await set_up(quick_company, quick_company.headers)
    answers = []
    for _ in range(CODE_TRIES_A_DAY_MAX // CODE_TRIES_MAX + 1):
        quick_company.clock.advance(rate_limits.WINDOW_MS / 1000)
        _, stolen = await opened(quick_company, "gusev.r")
        token = stolen["second_factor"]
        answers += [(await stepped(quick_company, token, WRONG))[0] for _ in range(CODE_TRIES_MAX)]
    assert answers == [422] * CODE_TRIES_A_DAY_MAX + [429] * CODE_TRIES_MAX
    quick_company.clock.advance(DAY_MS / 1000)
    assert await entered(quick_company, "gusev.r", device.next())


async def test_an_organization_that_requires_it_leads_everybody_to_setting_one_up(company: Company) -> None:
    """Whoever has none chooses one before anything else, as after a one-time password."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await requires(company)
    _, first = await opened(company, "orlov.p", made["one_time_password"])
    body = {"old": made["one_time_password"], "new": PASSWORD}
    chosen = await company.call("PUT", "/me/password", body, headers=bearer(first["password"]))
    assert (chosen.json()["access"], chosen.json()["refresh"]) == (None, None)
    assert chosen.json()["expires_in_s"] == SETUP_MS // 1000
    _, again = await opened(company, "orlov.p")
    assert (again["access"], again["refresh"], again["second_factor"]) == (None, None, None)
    headers = bearer(again["second_factor_setup"])
    for method, path in (("GET", "/me"), ("DELETE", "/me/second-factor"), ("GET", "/employees")):
        refused = await company.call(method, path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_setup_needed")
    device, confirmed = await set_up(company, headers)
    me = await company.call("GET", "/me", headers=bearer(confirmed["opened"]["access"]))
    assert me.json()["agent_id"] == made["id"]
    assert await entered(company, "orlov.p", device.next())


async def test_a_token_for_setting_one_up_replaces_none(company: Company) -> None:
    """Whoever got one by the password alone comes too late once the owner has a second factor."""
    await requires(company)
    _, thief = await opened(company, "gusev.r")
    _, owner = await opened(company, "gusev.r")
    stolen = bearer(thief["second_factor_setup"])
    assert (await company.call("POST", "/me/second-factor", headers=stolen)).status_code == 201
    await set_up(company, bearer(owner["second_factor_setup"]))
    assert (await company.call("POST", "/me/second-factor", headers=stolen)).status_code == 401
    late = await company.call("PUT", "/me/second-factor", {"code": "123456"}, headers=stolen)
    assert late.status_code == 401


async def test_a_requirement_holds_for_open_logins_from_their_next_renewal_on(company: Company) -> None:
    """An access token lasts ten minutes; nobody stays in for a month without a second factor."""
    await company.employee("Орлов Пётр")
    _, login = await opened(company, "orlov.p")
    await requires(company)
    refused = await company.http.post("/sessions/renewal", json={"refresh": login["refresh"]})
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_setup_needed")
    await set_up(company, bearer(login["access"]))
    renewed = await company.http.post("/sessions/renewal", json={"refresh": login["refresh"]})
    assert renewed.status_code == 200


async def test_where_it_is_required_it_is_replaced_and_not_removed(company: Company) -> None:
    """A new phone needs no day without a second factor; the old one's codes end with the first new one."""
    first, _ = await set_up(company, company.headers)
    await requires(company)
    kept = await company.call("DELETE", "/me/second-factor")
    assert (kept.status_code, kept.json()["code"]) == (409, "second_factor_required")
    second, _ = await set_up(company, company.headers)
    _, stale = await opened(company, "gusev.r")
    assert (await stepped(company, stale["second_factor"], first.next()))[0] == 422
    assert await entered(company, "gusev.r", second.next())
    await requires(company, is_required=False)
    assert (await company.call("DELETE", "/me/second-factor")).status_code == 204
    assert (await opened(company, "gusev.r"))[1]["access"]


async def test_setting_one_up_ends_every_other_login(company: Company) -> None:
    """A thief who was already in is out; the login that set it up goes on."""
    _, other = await opened(company, "gusev.r")
    headers = await company.login("gusev.r")
    await set_up(company, headers)
    assert (await company.call("GET", "/me", headers=bearer(other["access"]))).status_code == 401
    assert (
        await company.http.post("/sessions/renewal", json={"refresh": other["refresh"]})
    ).status_code == 401
    assert (await company.call("GET", "/me", headers=headers)).status_code == 200


async def test_an_administrator_resets_a_lost_device_and_every_login_ends(company: Company) -> None:
    """The person signs in by the password, as before the second factor; the trail says who did it."""
    made = await company.employee("Орлов Пётр")
    device, confirmed = await set_up(company, await company.login("orlov.p"))
    headers = await entered(company, "orlov.p", device.next())
    _, stale = await opened(company, "orlov.p")
    path = f"/employees/{made['id']}/second-factor"
    assert (await company.call("DELETE", path, headers=headers)).status_code == 403
    assert (await company.call("DELETE", path)).status_code == 204
    assert (await company.call("GET", "/me", headers=headers)).status_code == 401
    for code in (device.next(), confirmed["recovery_codes"][0]):
        assert (await stepped(company, stale["second_factor"], code))[0] == 422
    assert (await opened(company, "orlov.p"))[1]["access"]
    line = (await company.call("GET", "/audit?kind=secret")).json()["lines"][0]
    assert (line["what"], line["id"]) == ("secret.changed", f"agent/{made['id']}")
    assert line["details"]["secret"] == "second_factor"


async def test_a_token_for_settings_neither_resets_a_second_factor_nor_ends_the_requirement(
    company: Company,
) -> None:
    """`settings.write` of a program leads to nobody's login."""
    made = await company.made("/tokens", {"name": "crm", "actions": ["settings.read", "settings.write"]})
    headers = bearer(made["token"])
    await requires(company)
    assert (
        await company.call("DELETE", "/employees/gusev-r/second-factor", headers=headers)
    ).status_code == 403
    read = await company.call("GET", "/organization", headers=headers)
    card = {**read.json()["card"], "requires_second_factor": False}
    refused = await company.call("PUT", "/organization", card, headers=headers, if_match=read.headers["etag"])
    assert (refused.status_code, refused.json()["code"]) == (403, "beyond_rights")


async def test_an_office_file_that_says_nothing_of_it_leaves_the_requirement(quick_company: Company) -> None:
    """A file of before, applied again, opens nobody's login by the password alone."""
    await requires(quick_company)
    sheet = {"organization_id": ORGANIZATION, "organization": {"name": "Восток"}}
    assert (await quick_company.call("PUT", "/office", sheet)).status_code == 200
    read = await quick_company.call("GET", "/organization")
    assert read.json()["card"]["requires_second_factor"] is True


async def test_a_removed_employee_leaves_neither_secret_nor_recovery_code(company: Company) -> None:
    """Nothing of a person who has left signs in (E8)."""
    made = await company.employee("Орлов Пётр")
    await set_up(company, await company.login("orlov.p"))
    _, stale = await opened(company, "orlov.p")
    read = await company.call("GET", f"/employees/{made['id']}")
    gone = await company.call("DELETE", f"/employees/{made['id']}", if_match=read.headers["etag"])
    assert gone.status_code == 204
    async with company.directory.database.begin() as connection:
        for table in (SECOND_FACTORS, RECOVERY_CODES):
            assert (await connection.execute(select(table))).all() == []
    assert (await stepped(company, stale["second_factor"], WRONG))[0] == 401


async def test_what_comes_at_setting_up_fits_an_authenticator_app(quick_company: Company) -> None:
    """A QR code of the address is all that a person scans; nothing holds before the first code."""
    begun = await quick_company.call("POST", "/me/second-factor")
    address = urlsplit(begun.json()["uri"])
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert address.path == "/Ringback:gusev.r%40vostok"
    asked = parse_qs(address.query)
    assert (asked["secret"], asked["issuer"]) == ([begun.json()["secret"]], ["Ringback"])
    assert (await opened(quick_company, "gusev.r"))[1]["access"]
    wrong = await quick_company.call("PUT", "/me/second-factor", {"code": WRONG})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "second_factor_refused")
    shown = await quick_company.call("GET", "/me/second-factor")
    assert shown.json() == {"is_active": False, "is_required": False, "recovery_codes_left": 0}
    none = await quick_company.call("POST", "/me/second-factor/recovery-codes")
    assert (none.status_code, none.json()["code"]) == (409, "second_factor_absent")


async def test_new_recovery_codes_replace_the_old_ones(quick_company: Company) -> None:
    """A sheet that was lost opens nothing."""
    _, confirmed = await set_up(quick_company, quick_company.headers)
    made = await quick_company.call("POST", "/me/second-factor/recovery-codes")
    assert made.status_code == 201
    _, first = await opened(quick_company, "gusev.r")
    token = first["second_factor"]
    assert (await stepped(quick_company, token, confirmed["recovery_codes"][0]))[0] == 422
    assert (await stepped(quick_company, token, made.json()["recovery_codes"][0]))[0] == 201
    shown = await quick_company.call("GET", "/me/second-factor")
    assert shown.json() == {"is_active": True, "is_required": False, "recovery_codes_left": 9}


async def test_every_route_that_opens_a_login_is_tested_here(quick_company: Company) -> None:
    """Another way of signing in fails until somebody has shown that it asks for the second factor, too."""
    found = set()
    for route in quick_company.directory.api.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                annotation = handler.parsed_fn_signature.return_type.annotation
                if annotation in (Opened, SecondFactorConfirmed):
                    found |= {(str(method), route.path_format) for method in handler.http_methods}
    assert found - {("OPTIONS", path) for _, path in found} == {
        ("POST", "/sessions"),
        ("POST", "/sessions/openid"),  # in test_openid.py
        ("POST", "/sessions/renewal"),
        ("POST", "/sessions/second-factor"),
        ("PUT", "/me/password"),
        ("PUT", "/me/second-factor"),
    }
