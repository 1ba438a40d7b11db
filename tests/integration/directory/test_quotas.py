"""An organization that asks too much is told so, and its neighbour notices nothing."""

import asyncio

import httpx
import pytest
from sqlalchemy import insert

from runtime import quotas
from services.directory.activities.tables import ANSWERS
from services.directory.rules.quotas import KEYS_A_DAY, UPLOADED_BYTES_A_DAY, UPLOADS_AN_HOUR
from services.directory.state import limits
from tests.integration.directory.companies import NOW, Company

NEIGHBOUR = "zapad"


def _refused(answer: httpx.Response, *, what: str) -> None:
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    body = answer.json()
    assert body["code"] == "too_many_requests"
    assert what in body["cause"]["en"]
    assert answer.headers["Retry-After"] in body["remedy"]["ru"]


async def _neighbour(company: Company) -> dict[str, str]:
    await company.found(NEIGHBOUR)
    return await company.login("gusev.r", NEIGHBOUR)


@pytest.mark.rule("O1")
async def test_a_flood_of_requests_is_refused_and_the_neighbour_is_served(quick_company: Company) -> None:
    """Every route that needs a login counts, whatever it answers."""
    theirs = await _neighbour(quick_company)
    answers = [await quick_company.call("GET", "/departments/none") for _ in range(2 * quotas.REQUESTS.burst)]
    assert {answer.status_code for answer in answers} == {404, 429}
    _refused(answers[-1], what="requests")
    assert (await quick_company.call("GET", "/departments", headers=theirs)).status_code == 200


@pytest.mark.rule("O1")
async def test_changes_have_a_smaller_quota_than_reading(quick_company: Company) -> None:
    """Each is checked against the whole organization."""
    theirs = await _neighbour(quick_company)
    answers = [
        await quick_company.call("DELETE", "/departments/none", if_match='"1"')
        for _ in range(quotas.CHANGES.burst + 20)
    ]
    _refused(answers[-1], what="changes")
    assert (await quick_company.call("GET", "/departments")).status_code == 200
    answer = await quick_company.call("DELETE", "/departments/none", headers=theirs, if_match='"1"')
    assert answer.status_code == 404


@pytest.mark.rule("O1")
@pytest.mark.parametrize(
    ("quota", "method", "path", "body"),
    [
        (quotas.OFFICES, "PUT", "/office?dry_run=true", {}),
        (quotas.ORDERS, "POST", "/departments/none/callbacks", {"number": "+79161234567"}),
        (quotas.UPLOADS, "POST", "/uploads", None),
    ],
)
async def test_what_costs_more_has_a_quota_of_its_own(
    quick_company: Company, quota: quotas.Quota, method: str, path: str, body: object
) -> None:
    """One organization's office files, files and orders leave room for the others'."""
    theirs = await _neighbour(quick_company)
    answers = [await quick_company.call(method, path, body) for _ in range(quota.burst + 5)]
    _refused(answers[-1], what=quota.what.en)
    assert (await quick_company.call(method, path, body, headers=theirs)).status_code != 429


async def test_an_ended_login_does_not_use_up_its_organizations_quota(quick_company: Company) -> None:
    """Whoever was dismissed still holds a signed token for some minutes."""
    gone = await quick_company.login("gusev.r")
    await quick_company.call("DELETE", "/sessions/current", headers=gone)
    answers = [
        await quick_company.call("GET", "/departments", headers=gone)
        for _ in range(2 * quotas.REQUESTS.burst)
    ]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert (await quick_company.call("GET", "/departments")).status_code == 200


async def test_requests_at_once_wait_for_each_other_and_all_are_answered(quick_company: Company) -> None:
    """An organization holds six of ten connections at most, and its screens still get their answers."""
    several = 5 * quotas.REQUESTS.at_once
    answers = await asyncio.gather(*(quick_company.call("GET", "/departments") for _ in range(several)))
    assert {answer.status_code for answer in answers} == {200}
    too_many = several + quotas.REQUESTS.waiting_max
    answers = await asyncio.gather(*(quick_company.call("GET", "/departments") for _ in range(too_many)))
    assert {answer.status_code for answer in answers} == {200, 429}


@pytest.mark.rule("O1")
async def test_living_idempotency_keys_are_limited(company: Company) -> None:
    """Each keeps an answer for a day; the oldest says when there is room again."""
    theirs = await _neighbour(company)
    rows = [
        {"organization_id": "vostok", "who": "token/x", "key": str(n), "digest": "", "sealed": "", "at": NOW}
        for n in range(KEYS_A_DAY.amount_max)
    ]
    async with company.directory.database.begin() as connection:
        for first in range(0, len(rows), 5_000):
            await connection.execute(insert(ANSWERS), rows[first : first + 5_000])
    body = {"name": "CRM", "actions": ["settings.read"]}
    answer = await company.call("POST", "/tokens", body, Idempotency_Key="one")
    _refused(answer, what="idempotency keys")
    assert int(answer.headers["Retry-After"]) == pytest.approx(24 * 3_600, abs=60)
    assert (await company.call("POST", "/tokens", body)).status_code == 201
    other = await company.call("POST", "/tokens", body, headers=theirs, Idempotency_Key="one")
    assert other.status_code == 201


@pytest.mark.rule("O1")
async def test_uploaded_bytes_of_a_day_are_limited_and_counted_for_all_replicas(company: Company) -> None:
    """A refusal uses nothing up, and the next day begins anew."""
    counted = company.directory.usages
    most = UPLOADED_BYTES_A_DAY.amount_max
    await counted.count_upload("vostok", most - 10)
    with pytest.raises(quotas.QuotaExceeded) as refused:
        await counted.count_upload("vostok", 11)
    assert refused.value.seconds == 24 * 3_600
    await counted.count_upload("vostok", 10)
    await counted.count_upload(NEIGHBOUR, most)
    await company.clock.sleep(24 * 3_600)
    await counted.count_upload("vostok", most)


@pytest.mark.rule("O1")
async def test_files_of_an_hour_are_limited_whatever_is_in_them(quick_company: Company) -> None:
    """A file that is no audio was looked at, too."""
    for _ in range(UPLOADS_AN_HOUR.amount_max):
        await quick_company.directory.usages.count_upload("vostok", 1)
    answer = await quick_company.http.post("/uploads", content=b"no", headers=quick_company.headers)
    _refused(answer, what="uploads")
    theirs = await _neighbour(quick_company)
    other = await quick_company.http.post("/uploads", content=b"no", headers=theirs)
    assert other.status_code == 422


@pytest.mark.rule("O1")
async def test_programs_tokens_are_limited(quick_company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revoked one makes room."""
    monkeypatch.setattr(limits, "TOKENS_MAX", 2)
    body = {"name": "CRM", "actions": ["settings.read"]}
    made = [await quick_company.made("/tokens", body) for _ in range(2)]
    assert (await quick_company.call("POST", "/tokens", body)).json()["code"] == "too_many"
    await quick_company.call("DELETE", f"/tokens/{made[0]['id']}", if_match='"1"')
    await quick_company.made("/tokens", body)
