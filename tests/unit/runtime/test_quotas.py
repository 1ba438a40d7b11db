"""Quotas: how fast and how many at once an organization may ask, whatever its neighbours do."""

import asyncio
import contextlib
from typing import Any

import pytest
import structlog.testing

from runtime.quotas import (
    BUCKETS_MAX,
    MINUTE_S,
    REQUESTS,
    Gate,
    Quota,
    QuotaExceeded,
    Quotas,
    Words,
    freeing_places,
    quotas_of,
    with_door,
)

ACME, VOLGA = "acme", "volga"
WORDS = Words(ru="запросы", en="requests")
FAST = Quota(name="fast", what=WORDS, per_minute=60, burst=3)
NARROW = Quota(name="narrow", what=WORDS, per_minute=60, burst=3, at_once=2, waiting_max=1)


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.rule("O1")
def test_beyond_its_burst_an_organization_is_refused_and_told_when_to_come_again() -> None:
    """A flood is refused at once, in place of being worked off at everybody's cost."""
    watch = Watch()
    quotas = Quotas(now_s=watch)
    for _ in range(3):
        quotas.take(ACME, FAST)
    with pytest.raises(QuotaExceeded) as refused:
        quotas.take(ACME, FAST)
    assert refused.value.seconds == 1
    assert refused.value.limit.en == "60 a minute, 3 in a row"
    watch.now_s += 1
    quotas.take(ACME, FAST)


def test_whose_quota_is_used_up_is_logged_once_a_minute() -> None:
    """An operator sees who it is, and a flood does not fill the logs."""
    watch = Watch()
    quotas = Quotas(now_s=watch)
    with structlog.testing.capture_logs() as logged:
        for _ in range(2):
            for _ in range(10):
                with contextlib.suppress(QuotaExceeded):
                    quotas.take(f"{ACME}\nlogin", FAST)
            watch.now_s += MINUTE_S
    assert [(each["organization_id"], each["quota"]) for each in logged] == [(ACME, "fast")] * 2


@pytest.mark.rule("O1")
def test_another_organization_has_a_bucket_of_its_own() -> None:
    """A neighbour's flood uses nothing up."""
    quotas = Quotas(now_s=Watch())
    for _ in range(3):
        quotas.take(ACME, FAST)
    for _ in range(3):
        quotas.take(VOLGA, FAST)


def test_an_operator_can_widen_every_quota_at_once() -> None:
    """One setting for companies of thousands."""
    quotas = Quotas(factor=2, now_s=Watch())
    for _ in range(6):
        quotas.take(ACME, FAST)
    with pytest.raises(QuotaExceeded):
        quotas.take(ACME, FAST)


def test_buckets_that_are_full_again_are_dropped_and_their_number_is_limited() -> None:
    """Names that somebody invents can't fill the memory."""
    watch = Watch()
    quotas = Quotas(now_s=watch)
    for number in range(BUCKETS_MAX + 10):
        quotas.take(f"login{number}", FAST)
    assert quotas.size == BUCKETS_MAX
    watch.now_s += MINUTE_S
    quotas.take(ACME, FAST)
    assert quotas.size == 1


@pytest.mark.rule("O1")
async def test_who_finds_no_place_waits_among_its_own_and_too_many_are_refused() -> None:
    """Places are per organization, so that a neighbour is not queued behind a flood."""
    quotas = Quotas()
    first = await quotas.enter(ACME, NARROW)
    await quotas.enter(ACME, NARROW)
    third = asyncio.create_task(quotas.enter(ACME, NARROW))
    await asyncio.sleep(0)
    with pytest.raises(QuotaExceeded):
        await quotas.enter(ACME, NARROW)
    (await asyncio.wait_for(quotas.enter(VOLGA, NARROW), 1))()
    assert not third.done()
    first()
    await asyncio.wait_for(third, 1)


async def test_a_request_that_is_given_up_while_it_waits_leaves_nothing_behind() -> None:
    """Browsers close connections; places must not leak, nor their memory."""
    quotas = Quotas()
    first, second = await quotas.enter(ACME, NARROW), await quotas.enter(ACME, NARROW)
    third = asyncio.create_task(quotas.enter(ACME, NARROW))
    await asyncio.sleep(0)
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    first()
    second()
    assert quotas.size == 0


async def test_a_place_is_held_until_the_answer_is_sent_and_freed_when_it_fails() -> None:
    """A download holds its place while it is streamed."""
    quotas = Quotas()
    gate = Gate(quotas)

    async def app(scope: object, _receive: object, _send: object) -> None:
        assert isinstance(scope, dict)
        await gate.before_database(scope, organization_id=ACME, login="one", quotas=(NARROW,))
        assert quotas.size > 0
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await freeing_places(app)({}, None, None)
    (await asyncio.wait_for(quotas.enter(ACME, NARROW), 1))()
    (await asyncio.wait_for(quotas.enter(ACME, NARROW), 1))()


def test_what_changes_something_has_a_quota_of_its_own() -> None:
    """Reading is cheap; a change is checked against the whole organization."""
    assert quotas_of({}, "GET") == ()
    assert [each.name for each in quotas_of({}, "PUT")] == ["changes"]
    assert [each.name for each in quotas_of({"quota": "reports"}, "GET")] == ["reports"]


async def test_a_login_that_was_told_to_come_later_is_refused_at_the_door_until_then() -> None:
    """The whole application is not asked for every request of a flood, and another login's goes on."""
    watch = Watch()
    gate = Gate(Quotas(now_s=watch))
    reached: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, _receive: object, _send: object) -> None:
        login = scope["headers"][0][1].decode()
        reached.append(login)
        await gate.before_database(scope, organization_id=ACME, login=login, quotas=())

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    door = with_door(freeing_places(app), gate, lambda exceeded: exceeded.limit.en.encode())

    async def ask(login: bytes) -> None:
        with contextlib.suppress(QuotaExceeded):
            await door({"type": "http", "headers": [(b"authorization", login)]}, None, send)

    for _ in range(REQUESTS.burst + 10):
        await ask(b"flood")
    assert len(reached) == REQUESTS.burst + 1
    assert [each["status"] for each in sent if "status" in each] == [429] * 9
    assert dict(sent[0]["headers"])[b"retry-after"] == b"1"
    await ask(b"other")
    assert reached[-1] == "other"
    watch.now_s += 1
    await ask(b"flood")
    assert reached[-1] == "flood"
