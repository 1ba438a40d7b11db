"""Programs' tokens: those of earlier versions, made anew, with an end, and when they were last used."""

import base64
import json
from typing import Any

import httpx
import msgspec
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import update

from contracts.directory import TokenSaved
from contracts.ids import OrganizationId
from runtime.token_keys import EarlierKey, SigningKeys
from runtime.tokens import Claims, TokenUse
from services.directory.activities.authentication import LAST_USED_MS
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import CARDS, FAMILIES, PASSWORDS, PROGRAMS, SAID
from tests.integration.directory.companies import ORGANIZATION, TOKEN_KEYS, Company
from tests.integration.directory.older import begun_again, rows

SHARED = "s" * 32
CRM = {"name": "crm", "actions": ["settings.read"]}


async def asked(company: Company, token: str) -> httpx.Response:
    """A request of the program's."""
    return await company.call("GET", "/departments", headers={"Authorization": f"Bearer {token}"})


async def listed(company: Company) -> dict[str, Any]:
    """The tokens, by id."""
    answer = await company.call("GET", "/tokens")
    assert answer.status_code == 200, answer.text
    return {each["id"]: each for each in answer.json()["cards"]}


def accepting(until: str) -> SigningKeys:
    """The company's keys, and the one of earlier versions."""
    return SigningKeys.read(TOKEN_KEYS.as_private_json(), EarlierKey.read(SHARED, until))


async def of_earlier_version(company: Company, token_id: str) -> str:
    """The token as an earlier version signed it, whose digest the database had."""
    claims = Claims(
        organization_id=OrganizationId(ORGANIZATION),
        use=TokenUse.PROGRAM,
        token_id=token_id,
        issued_at=company.clock.now(),
    )
    body = {"iss": "ringback", **msgspec.to_builtins(claims)}
    old = jwt.encode({"alg": "HS256", "typ": "JWT"}, body, OctKey.import_key(SHARED.encode()))
    async with company.directory.database.begin() as connection:
        await connection.execute(update(PROGRAMS).values(digest=digest(old)))
    kept = (CARDS, FAMILIES, PASSWORDS, PROGRAMS, SAID)
    await begun_again(company, "0014", {table: await rows(company, table) for table in kept})
    return old


async def test_a_token_of_an_earlier_version_holds_until_its_day_and_is_listed(company: Company) -> None:
    """A CRM goes on over the upgrade, and the administrator sees what is to be made anew."""
    made = await company.made("/tokens", CRM)
    old = await of_earlier_version(company, made["id"])
    assert (await asked(company, old)).json()["code"] == "token_refused"
    company.directory.token_keys.current = accepting("2026-12-31")
    assert (await asked(company, old)).status_code == 200
    assert (await listed(company))[made["id"]]["token"]["is_of_earlier_kind"]
    company.directory.token_keys.current = accepting("2026-01-31")
    refused = await asked(company, old)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_kind_ended")
    assert "2026-01-31" in refused.json()["cause"]["en"]


async def test_a_token_made_anew_is_shown_once_and_ends_the_one_before(company: Company) -> None:
    """One token of a card is valid at a time: what is shown of its use is of this one."""
    made = await company.made("/tokens", CRM)
    old = await of_earlier_version(company, made["id"])
    company.directory.token_keys.current = accepting("2026-12-31")
    company.clock.advance(1)
    again = await company.made(f"/tokens/{made['id']}/reissue", None)
    assert (again["id"], again["version"]) == (made["id"], 2)
    assert (await asked(company, old)).json()["code"] == "token_refused"
    assert (await asked(company, again["token"])).status_code == 200
    token = (await listed(company))[made["id"]]["token"]
    assert (token["kid"], token["is_of_earlier_kind"]) == (TOKEN_KEYS.kids[0], False)
    fact = (await company.sent()).facts(TokenSaved)[-1]
    assert (fact.version, fact.issued_at) == (2, company.clock.now())
    assert again["token"] not in str(company.log.sent)


async def test_a_repeated_request_makes_one_token(quick_company: Company) -> None:
    """A lost answer must not cost the token that the first request made."""
    made = await quick_company.made("/tokens", CRM)
    path = f"/tokens/{made['id']}/reissue"
    first, again = [await quick_company.made(path, None, Idempotency_Key="one") for _ in range(2)]
    assert first == again
    assert (await asked(quick_company, first["token"])).status_code == 200


async def test_nobody_makes_a_token_anew_that_may_more_than_they(quick_company: Company) -> None:
    """Otherwise whoever may make tokens would get the rights of the strongest one."""
    strong = await quick_company.made("/tokens", {"name": "all", "actions": ["settings.read", "audit.read"]})
    weak = await quick_company.made("/tokens", {"name": "it", "actions": ["settings.read", "secrets.write"]})
    path = f"/tokens/{strong['id']}/reissue"
    headers = {"Authorization": f"Bearer {weak['token']}"}
    refused = await quick_company.call("POST", path, None, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "beyond_rights")
    assert (await asked(quick_company, strong["token"])).status_code == 200


async def test_a_token_is_refused_from_its_end_on(quick_company: Company) -> None:
    """A contractor's token ends with the contract, whoever forgets it."""
    ends_at = quick_company.clock.now() + 1_000
    made = await quick_company.made("/tokens", {**CRM, "ends_at": ends_at})
    assert (await listed(quick_company))[made["id"]]["card"]["ends_at"] == ends_at
    assert (await asked(quick_company, made["token"])).status_code == 200
    quick_company.clock.advance(1)
    assert (await asked(quick_company, made["token"])).status_code == 401
    path = f"/tokens/{made['id']}/reissue"
    for answer in (
        await quick_company.call("POST", path),
        await quick_company.call("POST", "/tokens", {**CRM, "ends_at": ends_at}),
    ):
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            422,
            "token_end_past",
            "ends_at",
        )


async def test_the_last_use_is_kept_without_a_write_for_each_request(company: Company) -> None:
    """Who cleans up sees which tokens nobody uses; a program that asks all day costs few writes."""
    made = await company.made("/tokens", CRM)
    assert (await listed(company))[made["id"]]["token"]["last_used_at"] is None
    first_at = company.clock.now()
    await asked(company, made["token"])
    company.clock.advance((LAST_USED_MS - 1_000) / 1_000)
    await asked(company, made["token"])
    assert (await listed(company))[made["id"]]["token"]["last_used_at"] == first_at
    company.clock.advance(1)
    await asked(company, made["token"])
    assert (await listed(company))[made["id"]]["token"]["last_used_at"] == first_at + LAST_USED_MS


async def test_no_login_and_no_program_is_refused_while_keys_are_rotated(company: Company) -> None:
    """Public sets go first, then the private one; the older key leaves when nothing of it is left."""
    made = await company.made("/tokens", CRM)
    older, both = TOKEN_KEYS, TOKEN_KEYS.with_new_first()
    verifiers = [both.public]
    company.directory.token_keys.current = both
    renewed = await company.login("gusev.r")
    again = await company.made(f"/tokens/{made['id']}/reissue", None)
    for headers in (company.headers, renewed, {"Authorization": f"Bearer {again['token']}"}):
        assert (await company.call("GET", "/departments", headers=headers)).status_code == 200
        text = headers["Authorization"].removeprefix("Bearer ")
        assert verifiers[0].find(json.loads(_decoded(text.partition(".")[0]))["kid"]) is not None
    assert {each["token"]["kid"] for each in (await listed(company)).values()} == {both.kids[0]}
    company.directory.token_keys.current = both.without(older.kids[0])
    for headers in (renewed, {"Authorization": f"Bearer {again['token']}"}):
        assert (await company.call("GET", "/departments", headers=headers)).status_code == 200
    assert (await company.call("GET", "/departments")).json()["code"] == "token_refused"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")
