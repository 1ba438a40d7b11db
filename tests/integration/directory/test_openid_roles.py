"""Roles by what a provider says: given at each sign-in, as a change of the card and within its rules."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc import jwt
from sqlalchemy import select, update

from contracts.directory import RightsSaved, Role
from services.directory.activities.openid_roles import RoleMapping
from services.directory.activities.tables import AUDIT, CARDS, IDENTITIES
from tests.integration.directory.companies import ORGANIZATION, Company
from tests.integration.directory.identity_providers import LyingProvider, link, named, sign_in
from tests.integration.directory.second_factors import bearer

BY_GROUPS = RoleMapping(
    claim="groups",
    roles=(("admins", Role.ADMINISTRATOR), ("heads", Role.DEPARTMENT_HEAD), ("staff", Role.USER)),
    otherwise=Role.RESTRICTED_USER,
)


@pytest.fixture
async def provider(company: Company) -> AsyncIterator[LyingProvider]:
    """A provider whose groups are roles, named by the operator; nobody has linked an account yet."""
    made = LyingProvider(lambda: company.clock.now() // 1000)
    made.start()
    await named(company, made, role_mapping=BY_GROUPS)
    yield made
    made.stop()


async def linked(company: Company, provider: LyingProvider, id_: str, role: Role) -> dict[str, str]:
    """A new employee with an account of the same name at the provider; the headers of a login by password."""
    await company.employee("Другой", id=id_, login=id_, role=role.value)
    headers = await company.login(id_)
    assert (await link(company, provider, id_, headers)).status_code == 200
    return headers


async def one_time(company: Company, id_: str) -> str:
    """A new employee, who has given the one-time password: the token for linking an account by it."""
    new = {"name": "Новый", "id": id_, "login": id_, "pbx_id": "moskva"}
    made = await company.made("/employees", new)
    body = {"organization": ORGANIZATION, "login": id_, "password": made["one_time_password"]}
    opened = await company.http.post("/sessions", json=body)
    found: str = opened.json()["password"]
    return found


async def card_of(company: Company, id_: str) -> tuple[int, Role]:
    """The version and the role of a card, from the table."""
    async with company.directory.database.begin() as connection:
        query = select(CARDS.c.version, CARDS.c.document).where(CARDS.c.kind == "employee", CARDS.c.id == id_)
        row = (await connection.execute(query)).one()
    return row.version, Role(json.loads(row.document).get("role", "user"))


async def trail(company: Company, *what: str) -> list[tuple[str, str, str, str]]:
    """Outcome, actor, subject and details of the provider's lines, in order."""
    async with company.directory.database.begin() as connection:
        query = select(AUDIT).where(AUDIT.c.what.in_(what), AUDIT.c.who == "identity-provider")
        rows = (await connection.execute(query.order_by(AUDIT.c.number))).all()
    return [(row.outcome, row.who, row.id, row.details) for row in rows]


async def rights(company: Company) -> list[tuple[str, Role]]:
    """What readers have heard of roles."""
    return [(str(fact.agent_id), fact.role) for fact in (await company.sent()).facts(RightsSaved)]


async def test_a_sign_in_gives_the_role_that_the_provider_says(
    company: Company, provider: LyingProvider
) -> None:
    """It is an ordinary change of the card: a version, a fact for readers, lines in the trail."""
    await linked(company, provider, "other", Role.USER)
    version, _ = await card_of(company, "other")
    provider.claims = {"groups": ["staff", "admins"]}
    opened = await sign_in(company, provider, "other")
    assert opened.status_code == 201, opened.text
    assert await card_of(company, "other") == (version + 1, Role.ADMINISTRATOR)
    seen = await company.call("GET", "/audit", headers=bearer(opened.json()["access"]))
    assert seen.status_code == 200, "the new login has the new role"
    assert (await rights(company))[-1] == ("other", Role.ADMINISTRATOR)
    assert [line[:3] for line in await trail(company, "changed", "role.changed")] == [
        ("ok", "identity-provider", "other"),
        ("ok", "identity-provider", "agent/other"),
    ]
    said = [line["by"] for line in seen.json()["lines"] if line["what"] == "role.changed"]
    assert said[0] == "провайдер входа"


async def test_a_lowered_role_holds_at_once_in_logins_that_were_open_before(
    company: Company, provider: LyingProvider
) -> None:
    """As after a change of the card by an administrator: they go on, and may do less."""
    before = await linked(company, provider, "other", Role.ADMINISTRATOR)
    assert (await company.call("GET", "/audit", headers=before)).status_code == 200
    provider.claims = {"groups": "staff"}
    assert (await sign_in(company, provider, "other")).status_code == 201
    assert (await company.call("GET", "/audit", headers=before)).status_code == 403
    assert (await company.call("GET", "/me", headers=before)).json()["role"] == "user"


async def test_nothing_is_written_where_the_role_is_right(company: Company, provider: LyingProvider) -> None:
    """People sign in every day, and their cards keep their versions."""
    await linked(company, provider, "other", Role.USER)
    provider.claims = {"groups": ["staff"]}
    before, said = await card_of(company, "other"), await rights(company)
    for _ in range(2):
        assert (await sign_in(company, provider, "other")).status_code == 201
    assert await card_of(company, "other") == before
    assert await rights(company) == said
    assert await trail(company, "changed", "role.changed") == []


async def test_without_a_mapping_roles_stay_on_the_cards(company: Company, provider: LyingProvider) -> None:
    """Whatever the provider says: the operator has not named a claim, or does not any more."""
    await linked(company, provider, "other", Role.USER)
    await named(company, provider)
    provider.claims = {"groups": ["admins"]}
    before = await card_of(company, "other")
    assert (await sign_in(company, provider, "other")).status_code == 201
    assert await card_of(company, "other") == before


async def test_another_role_by_the_card_lasts_until_the_next_sign_in(
    company: Company, provider: LyingProvider
) -> None:
    """The provider is the one place where a role is looked up and taken away."""
    await linked(company, provider, "other", Role.USER)
    provider.claims = {"groups": ["staff"]}
    assert (await company.changed("/employees/other", role="administrator")).status_code == 200
    assert (await card_of(company, "other"))[1] is Role.ADMINISTRATOR
    assert (await sign_in(company, provider, "other")).status_code == 201
    assert (await card_of(company, "other"))[1] is Role.USER


async def test_a_first_sign_in_by_a_one_time_password_gives_the_role_too(
    company: Company, provider: LyingProvider
) -> None:
    """A new employee has it from the first minute."""
    linking = await one_time(company, "new")
    first = await sign_in(company, provider, "novyj", linking=linking)
    assert first.status_code == 201, first.text
    assert (await card_of(company, "new"))[1] is Role.RESTRICTED_USER
    assert (await rights(company))[-1] == ("new", Role.RESTRICTED_USER)


async def test_the_last_administrator_stays_one_and_the_trail_says_why(
    company: Company, provider: LyingProvider
) -> None:
    """A group that was emptied at the provider locks nobody out here."""
    await link(company, provider, "rodion")
    before, said = await card_of(company, "gusev-r"), await rights(company)
    opened = await sign_in(company, provider, "rodion")
    assert opened.status_code == 201, opened.text
    assert await card_of(company, "gusev-r") == before
    assert await rights(company) == said
    [(outcome, _, subject, details)] = await trail(company, "role.changed", "changed")
    assert (outcome, subject) == ("refused", "agent/gusev-r")
    assert json.loads(details) == {
        "before": "administrator may_download may_hear",
        "after": "restricted_user may_download may_hear",
        "why": "last_administrator",
    }


async def test_the_administrator_whose_password_stays_stays_one_by_the_provider_too(
    company: Company, provider: LyingProvider
) -> None:
    """Otherwise the emergency login would open nothing."""
    await linked(company, provider, "other", Role.ADMINISTRATOR)
    await named(company, provider, role_mapping=BY_GROUPS, break_glass="other")
    assert (await sign_in(company, provider, "other")).status_code == 201
    assert (await card_of(company, "other"))[1] is Role.ADMINISTRATOR
    [(outcome, _, subject, details)] = await trail(company, "role.changed", "changed")
    assert (outcome, subject) == ("refused", "agent/other")
    assert json.loads(details)["why"] == "break_glass_stays"


async def test_what_refuses_an_administrators_change_refuses_the_providers(
    company: Company, provider: LyingProvider
) -> None:
    """Here another card can't be read, so that no card is changed: the person signs in all the same."""
    await linked(company, provider, "other", Role.USER)
    await company.employee("Третий", id="third", login="third")
    async with company.directory.database.begin() as connection:
        await connection.execute(update(CARDS).where(CARDS.c.id == "third").values(document="{"))
    refused = await company.changed("/employees/other", role="administrator")
    assert (refused.status_code, refused.json()["code"]) == (409, "card_unreadable")
    provider.claims = {"groups": ["admins"]}
    assert (await sign_in(company, provider, "other")).status_code == 201
    assert (await card_of(company, "other"))[1] is Role.USER
    [(outcome, _, _, details)] = await trail(company, "role.changed", "changed")
    assert (outcome, json.loads(details)["why"]) == ("refused", "card_unreadable")


async def test_a_provider_that_is_replaced_during_a_first_sign_in_gives_neither_a_link_nor_a_role(
    company: Company, provider: LyingProvider
) -> None:
    """The groups of one provider mean nothing by the mapping of another."""
    linking = await one_time(company, "new")
    loop = asyncio.get_running_loop()

    def replacing(claims: dict[str, Any]) -> str:
        another = named(company, provider, issuer="https://login.example", role_mapping=BY_GROUPS)
        asyncio.run_coroutine_threadsafe(another, loop).result(30)
        return jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, provider.key)

    provider.forged = replacing
    provider.claims = {"groups": ["admins"]}
    answer = await sign_in(company, provider, "novyj", linking=linking)
    assert (answer.status_code, answer.json()["code"]) == (401, "openid_refused")
    assert (await card_of(company, "new"))[1] is Role.USER
    async with company.directory.database.begin() as connection:
        assert (await connection.execute(select(IDENTITIES))).all() == []
