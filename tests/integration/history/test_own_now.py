"""What one does now, and each change of it as it comes: for every role, and for nobody else (P4)."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from contracts.directory import (
    AgentPauseSaved,
    AgentWrapUpSaved,
    LoginEnded,
    PauseReason,
    RightsSaved,
    Role,
    TokenSaved,
)
from contracts.ids import AgentId, Instant, LegId
from contracts.queue import AgentBusy, AgentFreed, AgentPaused, AgentResumed, WrapUpStarted
from contracts.rights import Action
from services.history.activities import own_feed
from tests.integration.history.harness import HistoryHarness, an_office
from tests.integration.history.live_clients import LiveClient, watching
from tests.integration.history.test_rights import assert_shape, program_token
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, VERA

LONG_S = 3_600.0


def followed(harness: HistoryHarness, agent_id: AgentId = ANNA) -> AbstractAsyncContextManager[LiveClient]:
    """Somebody's page is open."""
    return watching(harness, agent_id, path="/me/call/events")


async def an_agent_of(harness: HistoryHarness, role: Role = Role.USER) -> None:
    """Anna at work, in this role."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=role))
    harness.clock.at = stories.at(60)


async def own_state(harness: HistoryHarness, agent_id: AgentId = ANNA) -> dict[str, Any]:
    """What somebody does, as history says."""
    async with harness.browser(agent_id) as asked:
        answer = await asked.get("/me/call")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["state"]
    return found


def paused(version: int, reason: PauseReason | None, *, is_paused: bool = True) -> AgentPauseSaved:
    """Anna has paused, or ends the pause."""
    return AgentPauseSaved(agent_id=ANNA, version=version, is_paused=is_paused, reason=reason)


@pytest.mark.rule("P4", "Q8")
@pytest.mark.parametrize("role", list(Role))
async def test_everybody_sees_the_own_state_and_since_when(
    harness_on_both: HistoryHarness, role: Role
) -> None:
    """Also whoever sees nothing else of the present."""
    await an_agent_of(harness_on_both, role)
    found = await own_state(harness_on_both)
    assert (found["state"], found["not_offered"], found["pause"]) == ("free", None, None)
    await harness_on_both.tell(paused(1, PauseReason.LUNCH), at_s=61)
    found = await own_state(harness_on_both)
    assert (found["state"], found["since_at"]) == ("paused", stories.at(61))
    assert found["pause"] == {"by": "person", "misses": None, "reason": "lunch"}
    await harness_on_both.tell(paused(2, None, is_paused=False), at_s=70)
    found = await own_state(harness_on_both)
    assert (found["state"], found["since_at"], found["pause"]) == ("free", stories.at(70), None)


@pytest.mark.rule("Q8", "Q13")
async def test_the_own_state_says_who_paused_and_until_when_notes_are_taken(harness: HistoryHarness) -> None:
    """The queue's pause is told from one's own; a wrap-up that was extended ends later."""
    await an_agent_of(harness)
    await harness.tell(AgentPaused(agent_id=ANNA, department_id=stories.SALES, misses=3), at_s=60)
    assert (await own_state(harness))["pause"] == {"by": "misses", "misses": 3, "reason": None}
    await harness.tell(AgentResumed(agent_id=ANNA, cause="answered"), at_s=61)
    await harness.tell(WrapUpStarted(agent_id=ANNA, until_at=stories.at(90)), at_s=62)
    found = await own_state(harness)
    assert (found["state"], found["until_at"]) == ("wrap_up", stories.at(90))
    await harness.tell(AgentWrapUpSaved(agent_id=ANNA, version=1, until_at=stories.at(120)), at_s=63)
    assert (await own_state(harness))["until_at"] == stories.at(120)


@pytest.mark.rule("P4")
@pytest.mark.parametrize("role", [Role.USER, Role.RESTRICTED_USER])
async def test_a_stream_begins_with_what_is_now_and_goes_on_with_every_change(
    harness_on_both: HistoryHarness, role: Role
) -> None:
    """A pause, its end, a ring, the talk, its end: each event is all there is."""
    await an_agent_of(harness_on_both, role)
    tell = harness_on_both.tell
    async with followed(harness_on_both) as client:
        first = await client.event()
        assert (first.kind, first.data["state"]["state"], first.data["call"]) == ("now", "free", None)
        assert first.data["at"] == harness_on_both.clock.now()
        await tell(paused(1, PauseReason.BREAK), at_s=61)
        assert (await client.event("now")).data["state"]["pause"]["reason"] == "break"
        await tell(paused(2, None, is_paused=False), at_s=62)
        assert (await client.event("now")).data["state"]["state"] == "free"
        await tell(stories.a_call("in.now"), stories.place("in.now", at_s=63), at_s=63)
        await tell(stories.offer(ANNA, 1, "in.now"), at_s=64)
        seen = (await client.event("now")).data
        assert (seen["state"]["state"], seen["call"]["stage"]) == ("ringing", "ringing")
        assert seen["call"]["number"] == stories.CUSTOMER
        assert "in.anna" in [each["contact_id"] for each in seen["call"]["earlier"]]
        busy = AgentBusy(agent_id=ANNA, leg_id=LegId("agent.in.now.1"), lease_until_at=Instant(2**42))
        talk = stories.connected(ANNA, 1, "in.now", waited_ms=16_000)
        await tell(stories.offer_accepted(ANNA, 1, "in.now"), busy, talk, at_s=66)
        seen = (await client.event("now")).data
        assert (seen["state"]["state"], seen["call"]["stage"]) == ("talking", "talking")
        freed = AgentFreed(agent_id=ANNA, cause="ended", idle_since_at=stories.at(80))
        await tell(stories.hung_up("in.now"), freed, at_s=80)
        seen = (await client.event("now")).data
        assert (seen["state"]["state"], seen["call"]) == ("free", None)


async def test_a_direct_call_that_changes_no_row_of_the_present_is_told(harness: HistoryHarness) -> None:
    """The feed looks by itself."""
    await an_agent_of(harness)
    async with followed(harness) as client:
        await client.event("now")
        await harness.tell(
            stories.a_call("in.direct"), stories.taken("in.direct"), stories.rung(ANNA, "t.1", "in.direct")
        )
        seen = (await client.event("now")).data["call"]
        assert (seen["contact_id"], seen["stage"]) == ("in.direct", "ringing")


@pytest.mark.rule("Q13")
async def test_what_the_clock_ends_is_told_without_a_fact(harness: HistoryHarness) -> None:
    """The time for notes is over."""
    await an_agent_of(harness)
    await harness.tell(WrapUpStarted(agent_id=ANNA, until_at=stories.at(90)), at_s=60)
    async with followed(harness) as client:
        assert (await client.event("now")).data["state"]["state"] == "wrap_up"
        harness.clock.at = stories.at(90)
        assert (await client.event("now")).data["state"]["state"] == "free"


async def test_a_change_of_others_is_told_to_them_alone(harness: HistoryHarness) -> None:
    """Each event on somebody's page is about that person."""
    await an_agent_of(harness)
    await harness.tell(RightsSaved(agent_id=VERA, version=2, role=Role.USER))
    async with followed(harness) as anna, followed(harness, VERA) as vera:
        await anna.event("now")
        await vera.event("now")
        await harness.tell(AgentPauseSaved(agent_id=VERA, version=1, is_paused=True), at_s=61)
        assert (await vera.event("now")).data["state"]["state"] == "paused"
        await harness.tell(paused(1, PauseReason.MEETING), at_s=62)
        assert (await anna.event("now")).data["state"]["pause"]["reason"] == "meeting"


async def test_a_wake_up_alone_is_enough(
    harness_on_both: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the present comes at once, and waits for no look."""
    monkeypatch.setattr(own_feed, "LOOK_S", LONG_S)
    await an_agent_of(harness_on_both)
    async with followed(harness_on_both) as client:
        await client.event("now")
        await harness_on_both.tell(paused(1, None), at_s=61)
        assert (await client.event("now")).data["state"]["state"] == "paused"


@pytest.mark.rule("P6")
@pytest.mark.parametrize("why", ["logged out", "other role"])
async def test_a_stream_ends_with_the_login_or_the_rights_it_began_with(
    harness: HistoryHarness, why: str
) -> None:
    """Nothing that happens afterwards is told any more."""
    await an_agent_of(harness)
    end = {
        "logged out": LoginEnded(login_id="login", agent_id=ANNA, until_at=Instant(stories.at(0) + 600_000)),
        "other role": RightsSaved(agent_id=ANNA, version=3, role=Role.RESTRICTED_USER),
    }[why]
    async with followed(harness) as client:
        await client.event("now")
        await harness.tell(end, paused(1, PauseReason.LUNCH), at_s=61)
        last = await client.event()
        assert (last.kind, last.data) == ("end", {"reason": "rights"})
        await client.over()


async def test_a_process_that_stops_ends_its_streams_and_opens_no_others(harness: HistoryHarness) -> None:
    """Browsers go to another replica at once."""
    await an_agent_of(harness)
    async with followed(harness) as client:
        await client.event("now")
        harness.own.end_streams()
        assert (await client.event("end")).data == {"reason": "restarted"}
    async with followed(harness) as client:
        assert client.status == 503


@pytest.mark.rule("P9")
async def test_a_program_has_no_page_of_its_own(harness: HistoryHarness) -> None:
    """Whatever it may read."""
    await an_agent_of(harness)
    key = TokenSaved(token_id="crm", version=1, name="CRM", actions=(Action.HISTORY_READ,))
    await harness.tell(key, at_s=60)
    async with harness.browser(None) as asked:
        asked.headers["Authorization"] = f"Bearer {program_token('crm')}"
        assert_shape(await asked.get("/me/call"), 403, "person_needed")
        assert_shape(await asked.get("/me/call/events"), 403, "person_needed")
