"""`GET /live` and its events: rights, masking, resuming, ended logins, slow clients, replicas."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.directory import LoginEnded, OrganizationSaved, RightsSaved, Role, TokenSaved
from contracts.history import CustomerErased
from contracts.ids import Instant, PlaceId
from contracts.queue import AgentPaused, PlaceAbandoned
from services.history.activities import live_feed, live_streams, tables
from services.history.activities.live_rows import KEPT_MS
from services.history.activities.live_wakeups import LiveWakeups
from services.history.activities.rebuild import empty
from tests.integration.history.harness import SOUTH, HistoryHarness, department_call
from tests.integration.history.live_clients import LiveClient, watching
from tests.integration.history.test_rights import assert_shape, program_token
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, NORTH, SALES, SERVICE, VERA, at


async def two_wait(harness: HistoryHarness) -> None:
    """A caller waits in Sales, another in Service; Boris administers."""
    await harness.tell(*stories.the_cards())
    for leg, department_id in (("in.sales", SALES), ("in.service", SERVICE)):
        await harness.tell(stories.a_call(leg), stories.place(leg, department_id, at_s=5), at_s=5)
    harness.clock.advance(10)


@pytest_asyncio.fixture
async def live(harness_on_both: HistoryHarness) -> HistoryHarness:
    """An office in which two wait, on both databases."""
    await two_wait(harness_on_both)
    return harness_on_both


@pytest_asyncio.fixture
async def light(harness: HistoryHarness) -> HistoryHarness:
    """The same on SQLite, for what does not depend on the database."""
    await two_wait(harness)
    return harness


async def now(harness: HistoryHarness, agent_id: Any = BORIS) -> dict[str, Any]:
    """The present, as an agent gets it."""
    async with harness.browser(agent_id) as asked:
        answer = await asked.get("/live")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def places(of: dict[str, Any]) -> set[str]:
    """The places of an answer or an event."""
    return {each["place_id"] for each in of["places"]}


async def test_the_present_is_one_answer_with_all_that_the_wall_shows(live: HistoryHarness) -> None:
    """Departments, places, agents and PBXs, as of a version, with the server's time."""
    found = await now(live)
    assert places(found) == {"p.in.sales", "p.in.service"}
    assert [(each["name"], each["waiting"]) for each in found["departments"]] == [
        ("Sales", 1),
        ("Service", 1),
    ]
    assert [each["name"] for each in found["agents"]] == ["Anna", "Vera"]
    assert [each["is_away"] for each in found["pbxs"]] == [False, False]
    assert (found["at"], found["version"]) == (live.clock.now(), live.log.end(0) - 1)


ROLES = {
    "administrator": (RightsSaved(agent_id=ANNA, version=1, role=Role.ADMINISTRATOR), {SALES, SERVICE}),
    "head of all": (
        RightsSaved(agent_id=ANNA, version=1, role=Role.DEPARTMENT_HEAD, sees_organization=True),
        {SALES, SERVICE},
    ),
    "head": (RightsSaved(agent_id=ANNA, version=1, role=Role.DEPARTMENT_HEAD), {SERVICE}),
    "user": (RightsSaved(agent_id=ANNA, version=1, role=Role.USER, sees_organization=True), {SALES, SERVICE}),
    "restricted": (RightsSaved(agent_id=ANNA, version=1, role=Role.RESTRICTED_USER), None),
}


@pytest.mark.rule("P1", "P2", "P3", "P4", "P5")
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_sees_of_the_present_what_the_table_says(light: HistoryHarness, role: str) -> None:
    """A head what is headed, a user also where the seat is, a restricted user nothing; a refusal is kept."""
    service = stories.a_department(SERVICE, "Service", stories.VOLGA, VERA, version=2, head_ids=(ANNA,))
    saved, wanted = ROLES[role]
    await light.tell(service, saved)
    async with light.browser(ANNA) as asked:
        answer = await asked.get("/live")
        if wanted is None:
            assert_shape(answer, 403, "forbidden")
            assert light.refusals()[-1].action == "live.read"
        else:
            assert {each["department_id"] for each in answer.json()["departments"]} == wanted
    async with watching(light, ANNA) as client:
        if wanted is None:
            assert client.status == 403
        else:
            seen = (await client.event("snapshot")).data["departments"]
            assert {each["department_id"] for each in seen} == wanted


@pytest.mark.rule("P9", "O1", "O6")
async def test_a_token_limited_to_a_department_sees_that_department(light: HistoryHarness) -> None:
    """As a wall screen's is; and nobody sees another organization."""
    key = TokenSaved(token_id="tv", version=1, name="TV", actions=("live.read",), department_ids=(SERVICE,))
    await light.tell(key)
    await light.tell(*stories.the_cards(), *department_call("in.south", SALES)[:2], organization_id=SOUTH)
    async with light.browser(None) as asked:
        asked.headers["Authorization"] = f"Bearer {program_token('tv')}"
        found = (await asked.get("/live")).json()
    assert places(found) == {"p.in.service"}
    assert [each["name"] for each in found["agents"]] == ["Vera"]
    assert {each["number"] for each in found["places"]} == {"…0001"}
    assert places(await now(light)) == {"p.in.sales", "p.in.service"}


@pytest.mark.rule("P8")
async def test_numbers_are_masked_in_answers_and_streams(light: HistoryHarness) -> None:
    """The organization hides them from administrators, too, if it likes."""
    assert {each["number"] for each in (await now(light))["places"]} == {stories.CUSTOMER}
    card = next(each for each in stories.the_cards() if isinstance(each, OrganizationSaved))
    await light.tell(structs.replace(card, version=2, numbers_hidden_from=(Role.ADMINISTRATOR,)))
    async with watching(light, BORIS) as client:
        shown = (await client.event("snapshot")).data["places"]
    assert {each["number"] for each in shown} == {"…0001"}
    assert {each["number"] for each in (await now(light))["places"]} == {"…0001"}


async def test_a_stream_begins_with_all_and_goes_on_with_what_changes(live: HistoryHarness) -> None:
    """Its answer is for nobody to keep, and for no proxy to gather."""
    async with watching(live, BORIS) as client:
        first = await client.event()
        assert (first.kind, places(first.data)) == ("snapshot", {"p.in.sales", "p.in.service"})
        assert client.headers["content-type"].startswith("text/event-stream")
        assert (client.headers["cache-control"], client.headers["x-accel-buffering"]) == ("no-store", "no")
        await live.tell(PlaceAbandoned(place_id=PlaceId("p.in.sales"), waited_ms=9_000), at_s=10)
        changed = await client.event("changes")
    assert changed.data["removed"] == {"places": ["p.in.sales"]}
    assert [each["waiting"] for each in changed.data["departments"]] == [0]
    assert changed.data["version"] == live.log.end(0) - 1


async def test_who_comes_back_gets_what_has_changed_also_at_another_replica(live: HistoryHarness) -> None:
    """The id is the log's offset: any process continues what any other has begun."""
    async with watching(live, BORIS) as client:
        last = (await client.event("snapshot")).id
    await live.tell(PlaceAbandoned(place_id=PlaceId("p.in.sales"), waited_ms=9_000), at_s=10)
    await live.tell(stories.a_call("in.new"), stories.place("in.new", at_s=11), at_s=11)
    other = HistoryHarness(live.engine)
    other.clock.at = live.clock.at
    async with watching(other, BORIS, last_event_id=last) as client:
        first = await client.event()
    assert (first.kind, places(first.data)) == ("changes", {"p.in.new"})
    assert first.data["removed"] == {"places": ["p.in.sales"]}
    assert {each["name"] for each in first.data["agents"]} == {"Anna", "Vera"}


@pytest.mark.rule("P2")
@pytest.mark.parametrize("why", ["too old", "another reach", "other seats", "another log", "no id of ours"])
async def test_what_can_not_be_continued_begins_anew(light: HistoryHarness, why: str) -> None:
    """Else rows would stay on a screen that went while nobody looked, or that its reader may not see now."""
    async with watching(light, BORIS) as client:
        last = (await client.event("snapshot")).id
    match why:
        case "too old":
            await light.tell(PlaceAbandoned(place_id=PlaceId("p.in.sales"), waited_ms=9_000), at_s=10)
            await light.tell(
                AgentPaused(agent_id=ANNA, department_id=SALES, misses=3), at_s=KEPT_MS / 1000 + 60
            )
        case "another reach":
            await light.tell(RightsSaved(agent_id=BORIS, version=2, role=Role.USER))
        case "other seats":
            await light.tell(stories.a_department(SALES, "Sales", stories.MOSCOW, ANNA, version=2))
        case "another log":
            version, _, rest = last.partition(".")
            last = f"{version}.{'0' * live_feed.ERA_LENGTH}{rest[live_feed.ERA_LENGTH :]}"
        case _:
            last = "17"
    async with watching(light, BORIS, last_event_id=last) as client:
        assert (await client.event()).kind == "snapshot"


@pytest.mark.rule("P6")
@pytest.mark.parametrize("why", ["logged out", "other role", "suspended"])
async def test_a_stream_ends_with_the_right_to_it(light: HistoryHarness, why: str) -> None:
    """Nothing that happens afterwards is told any more."""
    card = next(each for each in stories.the_cards() if isinstance(each, OrganizationSaved))
    end = {
        "logged out": LoginEnded(login_id="desk", agent_id=BORIS, until_at=Instant(at(0) + 600_000)),
        "other role": RightsSaved(agent_id=BORIS, version=2, role=Role.USER),
        "suspended": structs.replace(card, version=2, is_suspended=True),
    }[why]
    async with watching(light, BORIS, family="desk") as client, watching(light, BORIS, family="x") as other:
        await client.event("snapshot")
        await other.event("snapshot")
        await light.tell(end, PlaceAbandoned(place_id=PlaceId("p.in.sales"), waited_ms=9_000), at_s=10)
        last = await client.event()
        assert (last.kind, last.data) == ("end", {"reason": "rights"})
        await client.over()
        follows = await other.event()
        assert follows.kind == ("changes" if why == "logged out" else "end")


async def test_a_stream_ends_with_its_token(light: HistoryHarness) -> None:
    """An open stream is no use of a login: it must not keep one for ever."""
    key = TokenSaved(token_id="tv", version=1, name="TV", actions=("live.read",))
    await light.tell(key)
    ends = Instant(light.clock.now() + 5_000)
    async with watching(light, None, token=program_token("tv", expires_at=ends)) as client:
        await client.event("snapshot")
        light.clock.advance(5)
        light.live.wake(NORTH)
        assert (await client.event("end")).data == {"reason": "rights"}


async def test_a_client_that_reads_too_slowly_is_cut_and_starts_over(
    light: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded, and it misses nothing."""
    monkeypatch.setattr(live_streams, "WAITING_EVENTS_MAX", 3)
    async with watching(light, BORIS) as slow, watching(light, BORIS) as quick:
        last = (await slow.event("snapshot")).id
        await quick.event("snapshot")
        slow.is_reading.clear()
        for number in range(6):
            await light.tell(stories.a_call(f"n{number}"), stories.place(f"n{number}"), at_s=20)
            await quick.event("changes")
        slow.is_reading.set()
        assert (await slow.event("end")).data == {"reason": "slow"}
        await slow.over()
    async with watching(light, BORIS, last_event_id=last) as again:
        assert places((await again.event("changes")).data) == {f"p.n{number}" for number in range(6)}


async def test_streams_of_one_login_and_of_an_organization_are_few(light: HistoryHarness) -> None:
    """The seventh is told when to come again; a place is free as soon as another stream has ended."""
    clients = [watching(light, BORIS) for _ in range(6)]
    for each in clients:
        assert (await each.__aenter__()).status == 200
    async with watching(light, BORIS) as seventh:
        assert (seventh.status, int(seventh.headers["retry-after"]) > 0) == (429, True)
    async with watching(light, BORIS, family="another") as other:
        assert other.status == 200
    # Streams take no places among requests, of which an organization has three at once.
    assert places(await now(light)) == {"p.in.sales", "p.in.service"}
    for each in clients:
        await each.__aexit__(None, None, None)
    async with watching(light, BORIS) as again:
        assert again.status == 200


async def test_nothing_is_said_while_nothing_happens_but_that_we_are_here(
    light: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies end what is silent."""
    monkeypatch.setattr(live_streams, "HEARTBEAT_S", 0.01)
    async with watching(light, BORIS) as client:
        await client.event("snapshot")
        async with asyncio.timeout(20):
            while ": still here" not in client.raw:
                await asyncio.sleep(0.01)


async def test_a_process_that_stops_ends_its_streams_and_opens_no_others(light: HistoryHarness) -> None:
    """Clients go to another replica at once."""
    async with watching(light, BORIS) as client:
        await client.event("snapshot")
        light.live.end_streams()
        assert (await client.event("end")).data == {"reason": "restarted"}
    async with watching(light, BORIS) as client:
        assert client.status == 503


async def test_a_present_that_can_not_be_read_any_more_does_not_go_on_looking_alive(
    light: HistoryHarness,
) -> None:
    """A wall that stands still and says «still here» is worse than one that says that it is cut off."""
    rows, versions = tables.live_rows, tables.live_versions
    async with watching(light, BORIS) as client:
        await client.event("snapshot")
        async with light.engine.begin() as connection:
            broken = {"document": "{", "offset": 10_000}
            await connection.execute(update(rows).where(rows.c.subject == "p.in.sales").values(**broken))
            await connection.execute(update(versions).values(version=10_000))
        light.live.wake(NORTH)
        assert (await client.event("end")).data == {"reason": "unavailable"}


async def test_a_rebuild_ends_streams_and_makes_the_present_anew(light: HistoryHarness) -> None:
    """Nobody goes on looking at rows that are not there."""
    before = await now(light)
    async with watching(light, BORIS) as client:
        await client.event("snapshot")
        await empty(light.engine)
        light.live.wake(NORTH)
        assert (await client.event("end")).data["reason"] in ("restarted", "rights")
    again = HistoryHarness(light.engine)
    again.log = light.log
    await again.project()
    assert await now(again) == before | {"at": again.clock.now()}


@pytest.mark.rule("V6")
async def test_an_erased_customer_is_gone_from_the_present_and_from_the_tables(live: HistoryHarness) -> None:
    """Also where somebody still waits."""
    async with watching(live, BORIS) as client:
        await client.event("snapshot")
        await live.tell(CustomerErased(number=stories.CUSTOMER), at_s=20)
        assert {each["number"] for each in (await client.event("changes")).data["places"]} == {None}
    table = tables.live_rows
    async with live.engine.connect() as connection:
        named = select(func.count()).where(
            table.c.document.contains(stories.CUSTOMER[2:]), table.c.kind != "fact"
        )
        assert await connection.scalar(named) == 0


async def test_rows_that_are_over_are_forgotten_after_an_hour(light: HistoryHarness) -> None:
    """The tables grow with what goes on, not with what went on."""
    await light.tell(PlaceAbandoned(place_id=PlaceId("p.in.sales"), waited_ms=9_000), at_s=10)
    over = select(func.count()).where(tables.live_rows.c.document.is_(None))
    async with light.engine.connect() as connection:
        assert await connection.scalar(over) == 1
    await light.tell(AgentPaused(agent_id=ANNA, department_id=SALES, misses=3), at_s=KEPT_MS / 1000 + 60)
    async with light.engine.connect() as connection:
        assert await connection.scalar(over) == 0


async def test_another_replica_is_woken_by_the_database(
    engine: AsyncEngine, harness_on_both: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL tells it; where nothing is told it looks by itself."""
    await two_wait(harness_on_both)
    if engine.dialect.name == "postgresql":
        monkeypatch.setattr(live_feed, "LOOK_S", 3_600.0)
    other = HistoryHarness(engine)
    wakeups = LiveWakeups(engine=engine, clock=other.clock, wake=other.live.wake)
    listening = asyncio.create_task(wakeups.run())
    try:
        async with watching(other, BORIS) as client:
            await client.event("snapshot")
            await _told(harness_on_both, client)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _told(harness: HistoryHarness, client: LiveClient) -> None:
    """Facts that the other process projects reach the client; the first may come before it listens."""
    for number in range(200):
        await harness.tell(stories.a_call(f"n{number}"), stories.place(f"n{number}"), at_s=20)
        try:
            async with asyncio.timeout(0.1):
                assert (await client.event("changes")).data["places"]
                return
        except TimeoutError:
            continue
    raise AssertionError("nothing was told")
