"""Sign-in by a provider of identities: a real one, as a process of its own; the browser's part is played."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from contracts.directory import Role
from services.directory.activities import openid_providers, organizations
from services.directory.activities.openid_roles import RoleMapping
from services.directory.activities.tables import AUDIT, FAMILIES, IDENTITIES, IDENTITY_PROVIDERS
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company, sqlite
from tests.integration.directory.identity_providers import (
    REDIRECT,
    RealProvider,
    brought,
    link,
    named,
    sign_in,
)
from tests.integration.directory.second_factors import bearer, requires, set_up, stepped


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """A provider that runs."""
    made = RealProvider(tmp_path_factory.mktemp("provider"))
    made.start()
    yield made
    made.process.stop()


@pytest.fixture
async def office(tmp_path: Path, provider: RealProvider) -> AsyncIterator[Company]:
    """A company at the time of the provider's clock, whose operator has named the provider."""
    company = Company(sqlite(tmp_path))
    company.clock.at = time.time() * 1000
    await company.open()
    await named(company, provider)
    yield company
    await company.close()


async def events(company: Company, name: str) -> list[Any]:
    async with company.directory.database.begin() as connection:
        query = select(AUDIT).where(AUDIT.c.what == name).order_by(AUDIT.c.number)
        return list((await connection.execute(query)).all())


async def one_time(company: Company, agent_id: str) -> tuple[str, dict[str, Any]]:
    """An administrator gives a one-time password; the answer to logging in by it."""
    made = await company.call("POST", f"/employees/{agent_id}/password", {})
    password = made.json()["secret"]
    login = (await company.call("GET", f"/employees/{agent_id}")).json()["card"]["login"]
    body = {"organization": ORGANIZATION, "login": login, "password": password}
    opened = await company.http.post("/sessions", json=body)
    assert opened.status_code == 201, opened.text
    return password, opened.json()


async def test_whoever_has_linked_an_account_signs_in_by_it(office: Company, provider: RealProvider) -> None:
    """The tokens are our own; the provider says only who it is."""
    linked = await link(office, provider, "rodion")
    assert (linked.status_code, linked.json()["subject"]) == (200, "rodion")
    opened = await sign_in(office, provider, "rodion")
    assert opened.status_code == 201, opened.text
    headers = {"Authorization": f"Bearer {opened.json()['access']}"}
    me = await office.call("GET", "/me", headers=headers)
    assert me.json()["agent_id"] == "gusev-r"
    renewed = await office.http.post("/sessions/renewal", json={"refresh": opened.json()["refresh"]})
    assert renewed.status_code == 200
    card = await office.call("GET", "/employees/gusev-r", headers=headers)
    assert card.json()["identity"]["issuer"] == provider.issuer
    assert [(row.outcome, row.who) for row in await events(office, "session.openid")] == [
        ("ok", "agent/gusev-r")
    ]
    assert [row.id for row in await events(office, "identity.linked")] == ["agent/gusev-r"]


async def test_an_account_with_an_employees_address_is_nobody_until_it_is_linked(
    office: Company, provider: RealProvider
) -> None:
    """Addresses change hands; neither they nor logins are looked at."""
    await office.changed("/employees/gusev-r", email="gusev@vostok.example")
    for subject in ("gusev@vostok.example", "gusev.r", "gusev-r"):
        answer = await sign_in(office, provider, subject)
        assert (answer.status_code, answer.json()["code"]) == (403, "identity_not_linked")
    assert [row.outcome for row in await events(office, "session.openid")] == ["refused"] * 3
    assert "not_linked" in (await events(office, "session.openid"))[0].details


async def test_a_code_is_good_once_and_for_its_own_nonce_alone(
    office: Company, provider: RealProvider
) -> None:
    """A stolen answer of the browser opens nothing."""
    await link(office, provider, "rodion")
    body = {"organization": ORGANIZATION, **await brought(office, provider, "rodion")}
    assert (await office.http.post("/sessions/openid", json=body)).status_code == 201
    again = await office.http.post("/sessions/openid", json=body)
    assert (again.status_code, again.json()["code"]) == (401, "openid_refused")
    other = await brought(office, provider, "rodion")
    mixed = {"organization": ORGANIZATION, **other, "nonce": "n" * 43}
    refused = await office.http.post("/sessions/openid", json=mixed)
    assert (refused.status_code, refused.json()["code"]) == (401, "openid_refused")
    why = [row.details for row in await events(office, "session.openid") if row.outcome == "refused"]
    assert ['"why":"code"' in why[0], '"why":"nonce"' in why[1]] == [True, True]


async def test_a_new_employee_links_by_a_one_time_password_which_is_used_up(
    office: Company, provider: RealProvider
) -> None:
    """An administrator gives it, as for a first password; nothing else begins a link for another person."""
    await office.employee("Новый", id="new", login="new")
    password, opened = await one_time(office, "new")
    first = await sign_in(office, provider, "novyj", linking=opened["password"])
    assert first.status_code == 201, first.text
    assert (await sign_in(office, provider, "novyj")).status_code == 201
    again = await sign_in(office, provider, "somebody-else", linking=opened["password"])
    assert (again.status_code, again.json()["code"]) == (401, "openid_refused")
    body = {"organization": ORGANIZATION, "login": "new", "password": password}
    assert (await office.http.post("/sessions", json=body)).status_code == 401
    body["password"] = PASSWORD
    assert (await office.http.post("/sessions", json=body)).status_code == 401


async def test_an_account_is_one_employees_and_an_employee_has_one(
    office: Company, provider: RealProvider
) -> None:
    """Nobody takes an account from a colleague; one's own newer one takes the older one's place."""
    await office.employee("Другой", id="other", login="other")
    others = await office.login("other")
    assert (await link(office, provider, "rodion")).status_code == 200
    taken = await link(office, provider, "rodion", others)
    assert (taken.status_code, taken.json()["code"]) == (409, "identity_taken")
    assert (await link(office, provider, "other-1", others)).status_code == 200
    assert (await link(office, provider, "other-2", others)).status_code == 200
    assert (await sign_in(office, provider, "other-1")).status_code == 403
    assert (await sign_in(office, provider, "other-2")).status_code == 201


async def test_links_end_by_oneself_by_an_administrator_and_with_the_employee(
    office: Company, provider: RealProvider
) -> None:
    """Whoever was unlinked by another person is out at once."""
    await office.employee("Другой", id="other", login="other")
    await link(office, provider, "other", await office.login("other"))
    opened = (await sign_in(office, provider, "other")).json()
    headers = {"Authorization": f"Bearer {opened['access']}"}
    assert (await office.call("DELETE", "/me/identity", headers=headers)).status_code == 204
    assert (await office.call("DELETE", "/me/identity", headers=headers)).status_code == 404
    assert (await sign_in(office, provider, "other")).status_code == 403
    await link(office, provider, "other", headers)
    assert (await office.call("DELETE", "/employees/other/identity")).status_code == 204
    assert (await office.call("GET", "/me", headers=headers)).status_code == 401
    assert (await sign_in(office, provider, "other")).status_code == 403
    await link(office, provider, "other", await office.login("other"))
    card = await office.call("GET", "/employees/other")
    await office.call("DELETE", "/employees/other", if_match=card.headers["etag"])
    assert (await sign_in(office, provider, "other")).status_code == 403
    async with office.directory.database.begin() as connection:
        assert (await connection.execute(select(IDENTITIES))).all() == []
    assert len(await events(office, "identity.unlinked")) == 2


async def test_by_the_provider_alone_one_administrators_password_stays_and_is_told_loudly(
    office: Company, provider: RealProvider
) -> None:
    """Everybody else's password opens nothing, and can't be replaced to open something."""
    await office.employee("Другой", id="other", login="other", role="administrator")
    others = await office.login("other")
    await link(office, provider, "other", others)
    await named(office, provider, break_glass="gusev.r")
    body = {"organization": ORGANIZATION, "login": "other", "password": PASSWORD}
    refused = await office.http.post("/sessions", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_not_used")
    wrong = await office.http.post("/sessions", json={**body, "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "login_refused")
    change = {"old": PASSWORD, "new": "another horse battery"}
    changed = await office.call("PUT", "/me/password", change, headers=others)
    assert (changed.status_code, changed.json()["code"]) == (403, "password_not_used")
    _, opened = await one_time(office, "other")
    chosen = await office.call(
        "PUT",
        "/me/password",
        {"old": "whatever it is", "new": PASSWORD},
        headers={"Authorization": f"Bearer {opened['password']}"},
    )
    assert (chosen.status_code, chosen.json()["code"]) == (403, "password_not_used")
    assert (await sign_in(office, provider, "other")).status_code == 201
    assert await events(office, "session.break_glass") == []
    await office.login("gusev.r")
    assert [row.who for row in await events(office, "session.break_glass")] == ["agent/gusev-r"]


async def test_the_administrator_whose_password_stays_is_neither_removed_nor_anything_else(
    office: Company, provider: RealProvider
) -> None:
    """The operator names another one first; then this one is like everybody."""
    await office.employee("Вторая", id="second", login="second", role="administrator")
    await named(office, provider, break_glass="second")
    lowered = await office.changed("/employees/second", role="user")
    assert (lowered.status_code, lowered.json()["code"]) == (409, "break_glass_stays")
    card = await office.call("GET", "/employees/second")
    removed = await office.call("DELETE", "/employees/second", if_match=card.headers["etag"])
    assert (removed.status_code, removed.json()["code"]) == (409, "break_glass_stays")
    await named(office, provider, break_glass="gusev.r")
    assert (await office.changed("/employees/second", role="user")).status_code == 200


async def test_the_break_glass_administrators_one_time_password_links_nothing(
    office: Company, provider: RealProvider
) -> None:
    """It would be used up by that, and no password would be left."""
    await named(office, provider, break_glass="gusev.r")
    new = {"name": "Вторая", "id": "second", "login": "second", "role": "administrator", "pbx_id": "moskva"}
    await office.made("/employees", new)
    _, opened = await one_time(office, "second")
    first = await sign_in(office, provider, "second", linking=opened["password"])
    second = {"Authorization": f"Bearer {first.json()['access']}"}
    made = await office.call("POST", "/employees/gusev-r/password", {}, headers=second)
    body = {"organization": ORGANIZATION, "login": "gusev.r", "password": made.json()["secret"]}
    opened = (await office.http.post("/sessions", json=body)).json()
    refused = await sign_in(office, provider, "rodion", linking=opened["password"])
    assert (refused.status_code, refused.json()["code"]) == (401, "openid_refused")
    await office.choose_password("gusev.r", made.json()["secret"])
    await office.login("gusev.r")


async def test_of_another_issuer_no_link_holds_and_without_a_provider_none_is_kept(
    office: Company, provider: RealProvider
) -> None:
    """A subject means somebody at its own issuer only."""
    await link(office, provider, "rodion")
    await named(office, provider, issuer="https://login.example")
    async with office.directory.database.begin() as connection:
        assert (await connection.execute(select(IDENTITIES))).all() == []
    await named(office, provider)
    await link(office, provider, "rodion")
    await openid_providers.remove(office.directory.repository, ORGANIZATION)
    body = {"organization": ORGANIZATION, "redirect_uri": REDIRECT}
    answer = await office.http.post("/sessions/openid/authorization", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "openid_missing")
    async with office.directory.database.begin() as connection:
        assert (await connection.execute(select(IDENTITIES))).all() == []


async def test_the_clients_secret_is_sealed_and_one_that_is_wrong_is_the_operators_matter(
    office: Company, provider: RealProvider
) -> None:
    """People are told to wait; the event tells what it is."""
    async with office.directory.database.begin() as connection:
        kept = (await connection.execute(select(IDENTITY_PROVIDERS))).one()
    assert provider.client_secret not in str(kept)
    await named(office, provider, client_secret="wrong")
    answer = await sign_in(office, provider, "rodion")
    assert (answer.status_code, answer.json()["code"]) == (503, "openid_unavailable")
    failed = (await events(office, "session.openid"))[-1]
    assert failed.outcome == "failed"
    assert "client secret" in failed.details


async def test_in_a_suspended_organization_nobody_signs_in_by_a_provider(
    office: Company, provider: RealProvider
) -> None:
    """Suspension ends every way in."""
    await link(office, provider, "rodion")
    body = {"organization": ORGANIZATION, **await brought(office, provider, "rodion")}
    await organizations.suspend(office.directory.repository, ORGANIZATION)
    answer = await office.http.post("/sessions/openid", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "organization_suspended")


async def test_whoever_has_a_second_factor_gives_it_after_the_provider_too(
    office: Company, provider: RealProvider
) -> None:
    """We do not know what the provider has asked for."""
    await link(office, provider, "rodion")
    device, _ = await set_up(office, office.headers)
    first = (await sign_in(office, provider, "rodion")).json()
    assert (first["access"], first["refresh"]) == (None, None)
    status, second = await stepped(office, first["second_factor"], device.next())
    assert status == 201
    assert (await office.call("GET", "/me", headers=bearer(second["access"]))).status_code == 200


async def test_a_device_that_is_known_stays_the_same_one_whoever_says_who_its_person_is(
    office: Company, provider: RealProvider
) -> None:
    """By password, by the provider, and by the code after it."""
    await link(office, provider, "rodion")
    device = (await sign_in(office, provider, "rodion")).json()["device"]
    assert device
    again = await sign_in(office, provider, "rodion", device=device)
    assert again.json()["device"] == device
    body = {"organization": ORGANIZATION, "login": "gusev.r", "password": PASSWORD, "device": device}
    assert (await office.http.post("/sessions", json=body)).json()["device"] == device
    app, _ = await set_up(office, office.headers)
    first = (await sign_in(office, provider, "rodion", device=device)).json()
    assert first["device"] is None
    _, second = await stepped(office, first["second_factor"], app.next())
    assert second["device"] == device


async def test_a_provider_leads_to_setting_up_what_the_organization_requires(
    office: Company, provider: RealProvider
) -> None:
    """A requirement is one for everybody, however they sign in."""
    await link(office, provider, "rodion")
    await requires(office)
    first = (await sign_in(office, provider, "rodion")).json()
    assert (first["access"], first["refresh"]) == (None, None)
    _, confirmed = await set_up(office, bearer(first["second_factor_setup"]))
    assert confirmed["opened"]["access"]


async def test_a_real_providers_claim_gives_the_role(office: Company, provider: RealProvider) -> None:
    """Its ID token has the groups beside the subject, for the scope `openid` alone."""
    roles = (("ringback-admins", Role.ADMINISTRATOR), ("ringback", Role.USER))
    by_groups = RoleMapping(claim="groups", roles=roles, otherwise=Role.RESTRICTED_USER)
    await named(office, provider, role_mapping=by_groups)
    await office.employee("Другой", id="other", login="other")
    assert (await link(office, provider, "other", await office.login("other"))).status_code == 200
    for groups, role in [
        (["everybody", "ringback-admins"], "administrator"),
        (["ringback"], "user"),
        ([], "restricted_user"),
    ]:
        provider.knows("other", groups=groups)
        opened = await sign_in(office, provider, "other")
        me = await office.call("GET", "/me", headers=bearer(opened.json()["access"]))
        assert me.json()["role"] == role


async def test_ones_account_is_linked_and_unlinked_only_after_the_password(
    office: Company, provider: RealProvider
) -> None:
    """A thief of an access token would link an account of his own, and stay."""
    await link(office, provider, "rodion")
    async with office.directory.database.begin() as connection:
        await connection.execute(update(FAMILIES).values(authenticated_at=0))
    body = await brought(office, provider, "rodions-new-account")
    refused = [
        await office.call("PUT", "/me/identity", body),
        await office.call("DELETE", "/me/identity"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (403, "reauthentication_needed")
    ] * 2
    again = await office.call("POST", "/me/reauthentication", {"password": PASSWORD})
    assert again.status_code == 204
    assert (await office.call("PUT", "/me/identity", body)).status_code == 200, "the code was not spent"
    assert (await office.call("DELETE", "/me/identity")).status_code == 204
