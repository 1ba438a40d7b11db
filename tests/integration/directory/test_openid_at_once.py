"""Several people come from the provider at the same moment, to replicas on one PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from contracts.directory import Role
from services.directory.activities.tables import IDENTITIES
from tests.integration.directory.companies import ORGANIZATION, Company
from tests.integration.directory.identity_providers import LyingProvider, brought, link, named
from tests.integration.directory.test_openid_roles import BY_GROUPS, card_of, linked, one_time, trail

Request = Coroutine[Any, Any, httpx.Response]


@pytest.fixture
async def office(postgres_database: str) -> AsyncIterator[Company]:
    """A company on PostgreSQL."""
    made = await Company(postgres_database).open()
    yield made
    await made.close()


@pytest.fixture
async def provider(office: Company) -> AsyncIterator[LyingProvider]:
    """A provider whose groups are roles; in its word everybody is of the staff."""
    made = LyingProvider(lambda: office.clock.now() // 1000)
    made.start()
    made.claims = {"groups": ["staff"]}
    await named(office, made, role_mapping=BY_GROUPS)
    yield made
    made.stop()


async def at_once(company: Company, table: str, *requests: Request) -> list[httpx.Response]:
    """Answers to requests of which none writes to a table before all of them wait, the first one first."""
    tasks: list[asyncio.Task[httpx.Response]] = []
    async with company.directory.database.begin() as connection:
        await connection.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))
        waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        for each in requests:
            tasks.append(asyncio.create_task(each))
            while (await connection.execute(waiting)).scalar_one() < len(tasks):
                assert not any(task.done() for task in tasks)
                await asyncio.sleep(0.01)
    return list(await asyncio.gather(*tasks))


async def linking(
    company: Company, provider: LyingProvider, subject: str, headers: dict[str, str]
) -> Request:
    """The last step of linking an account."""
    body = await brought(company, provider, subject)
    return company.call("PUT", "/me/identity", body, headers=headers)


async def signing_in(company: Company, provider: LyingProvider, subject: str, **more: str) -> Request:
    """The last step of a sign-in."""
    body = await brought(company, provider, subject, **more)
    return company.http.post("/sessions/openid", json={"organization": ORGANIZATION, **body})


async def test_of_two_people_who_link_one_account_at_once_the_second_is_told_that_it_is_taken(
    office: Company, provider: LyingProvider
) -> None:
    """It is a refusal in words, and no error of ours."""
    await office.employee("Другой", id="other", login="other")
    people = [office.headers, await office.login("other")]
    answers = await at_once(
        office, "identities", *[await linking(office, provider, "rodion", each) for each in people]
    )
    assert [each.status_code for each in answers] == [200, 409], [each.text for each in answers]
    assert answers[1].json()["code"] == "identity_taken"
    async with office.directory.database.begin() as connection:
        assert len((await connection.execute(select(IDENTITIES))).all()) == 1


async def test_of_two_accounts_that_one_person_links_at_once_the_second_takes_the_place_of_the_first(
    office: Company, provider: LyingProvider
) -> None:
    """As one after the other."""
    both = [await linking(office, provider, each, office.headers) for each in ("one", "two")]
    answers = await at_once(office, "identities", *both)
    assert [each.status_code for each in answers] == [200, 200], [each.text for each in answers]
    async with office.directory.database.begin() as connection:
        found = (await connection.execute(select(IDENTITIES))).all()
    assert [(row.agent_id, row.subject) for row in found] == [("gusev-r", "two")]


async def test_a_one_time_password_links_one_account_however_many_come_at_once(
    office: Company, provider: LyingProvider
) -> None:
    """It is used up by the first one."""
    token = await one_time(office, "new")
    both = [await signing_in(office, provider, each, linking=token) for each in ("one", "two")]
    answers = await at_once(office, "identities", *both)
    assert [each.status_code for each in answers] == [201, 401], [each.text for each in answers]


async def test_of_two_sign_ins_at_once_one_changes_the_role(office: Company, provider: LyingProvider) -> None:
    """Two tabs: both are in, and the card has one more version."""
    await linked(office, provider, "other", Role.DEPARTMENT_HEAD)
    version, _ = await card_of(office, "other")
    both = [await signing_in(office, provider, "other") for _ in range(2)]
    answers = await at_once(office, "cards", *both)
    assert [each.status_code for each in answers] == [201, 201], [each.text for each in answers]
    assert await card_of(office, "other") == (version + 1, Role.USER)
    assert len(await trail(office, "changed")) == 1


async def test_of_two_administrators_who_are_lowered_at_once_one_stays(
    office: Company, provider: LyingProvider
) -> None:
    """Each alone may become something else; both may not."""
    await linked(office, provider, "other", Role.ADMINISTRATOR)
    assert (await link(office, provider, "rodion")).status_code == 200
    both = [await signing_in(office, provider, each) for each in ("rodion", "other")]
    answers = await at_once(office, "cards", *both)
    assert [each.status_code for each in answers] == [201, 201], [each.text for each in answers]
    roles = [(await card_of(office, each))[1] for each in ("gusev-r", "other")]
    assert roles == [Role.USER, Role.ADMINISTRATOR]
    assert [outcome for outcome, *_ in await trail(office, "role.changed")] == ["ok", "refused"]


async def test_a_sign_in_and_the_end_of_its_link_at_once_leave_no_login_open(
    office: Company, provider: LyingProvider
) -> None:
    """Whoever is unlinked by an administrator is out, also while on the way in."""
    await linked(office, provider, "other", Role.USER)
    coming = await signing_in(office, provider, "other")
    ending = office.call("DELETE", "/employees/other/identity")
    answers = await at_once(office, "identities", ending, coming)
    assert [each.status_code for each in answers] == [204, 403], [each.text for each in answers]
