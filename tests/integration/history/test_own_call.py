"""The call in which somebody is now, with earlier contacts of its customer (P2 to P4, P8)."""

from typing import Any

import pytest
from msgspec import structs

from contracts.callback import AttemptFailed
from contracts.directory import OrganizationSaved, RightsSaved, Role, TokenSaved
from contracts.gateway import Outcome
from contracts.ids import AgentId, CallbackId, LegId, PlaceId
from contracts.queue import OfferDeclined
from contracts.rights import Action
from tests.integration.history.harness import HistoryHarness, an_office
from tests.integration.history.test_rights import program_token
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, VERA


async def own_call(harness: HistoryHarness, agent_id: AgentId = ANNA) -> dict[str, Any] | None:
    """What somebody's page has now."""
    async with harness.browser(agent_id) as asked:
        answer = await asked.get("/me/call")
        assert answer.status_code == 200
        found: dict[str, Any] | None = answer.json()["call"]
        return found


async def rings_at_anna(harness: HistoryHarness, role: Role = Role.USER) -> None:
    """A customer waits in Sales, and Anna's phones ring."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=role))
    await harness.tell(stories.a_call("in.now"), stories.place("in.now", at_s=60), at_s=60)
    await harness.tell(stories.offer(ANNA, 1, "in.now"), at_s=70)


@pytest.mark.rule("P3", "P4")
@pytest.mark.parametrize("role", list(Role))
async def test_the_own_call_is_shown_from_its_first_ring_to_its_end(
    harness_on_both: HistoryHarness, role: Role
) -> None:
    """Whatever the role: it is one's own."""
    await an_office(harness_on_both, RightsSaved(agent_id=ANNA, version=2, role=role))
    assert await own_call(harness_on_both) is None
    await rings_at_anna(harness_on_both, role)
    seen = await own_call(harness_on_both)
    assert seen is not None
    assert (seen["stage"], seen["since_at"], seen["number"]) == ("ringing", stories.at(70), CUSTOMER)
    assert (seen["department_label"], seen["joined_at"], seen["waited_ms"]) == ("Sales", stories.at(60), None)
    await harness_on_both.tell(stories.offer_accepted(ANNA, 1, "in.now"), at_s=75)
    seen = await own_call(harness_on_both)
    assert seen is not None
    assert (seen["stage"], seen["since_at"]) == ("connecting", stories.at(75))
    await harness_on_both.tell(stories.connected(ANNA, 1, "in.now", waited_ms=16_000), at_s=76)
    seen = await own_call(harness_on_both)
    assert seen is not None
    assert (seen["stage"], seen["since_at"], seen["waited_ms"]) == ("talking", stories.at(76), 16_000)
    assert (seen["contact_id"], seen["callback_id"]) == ("in.now", None)
    await harness_on_both.tell(stories.hung_up("in.now"), at_s=90)
    assert await own_call(harness_on_both) is None


@pytest.mark.rule("C3", "C6")
async def test_a_callback_is_the_own_call_while_its_customer_is_dialled(harness: HistoryHarness) -> None:
    """It says which callback, and is over for this agent once the customer was not reached."""
    await rings_at_anna(harness)
    await harness.tell(stories.ordered("in.now", at_s=60), stories.hung_up("in.now"), at_s=71)
    await harness.tell(stories.offer_accepted(ANNA, 1, "in.now"), *stories.attempt(ANNA, "in.now"), at_s=75)
    seen = await own_call(harness)
    assert seen is not None
    assert (seen["stage"], seen["callback_id"], seen["number"]) == ("connecting", "cb.p.in.now", CUSTOMER)
    failed = AttemptFailed(
        callback_id=CallbackId("cb.p.in.now"),
        place_id=PlaceId("p.in.now"),
        attempt=1,
        agent_id=ANNA,
        agent_leg_id=LegId("agent.in.now.1"),
        outcome=Outcome.BUSY,
        next_attempt_at=stories.at(140),
        give_up_at=None,
    )
    await harness.tell(failed, at_s=80)
    assert await own_call(harness) is None


async def test_what_rings_elsewhere_or_was_declined_is_not_the_own_call(harness: HistoryHarness) -> None:
    """Vera's call is not Anna's, although both are of Sales; nor is one that Anna has declined."""
    await rings_at_anna(harness)
    rights = RightsSaved(agent_id=VERA, version=2, role=Role.USER)
    declined = OfferDeclined(
        offer_id=stories.offer(ANNA, 1, "in.now").offer_id,
        place_id=stories.offer(ANNA, 1, "in.now").place_id,
        agent_id=ANNA,
    )
    await harness.tell(rights, declined, stories.offer(VERA, 2, "in.now"), at_s=72)
    assert await own_call(harness) is None
    seen = await own_call(harness, VERA)
    assert seen is not None
    assert seen["stage"] == "ringing"


@pytest.mark.rule("P2", "P3", "P4", "P6")
@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.ADMINISTRATOR, ["in.anna", "in.service", "in.sales"]),
        (Role.DEPARTMENT_HEAD, ["in.anna", "in.sales"]),
        (Role.USER, ["in.anna", "in.sales"]),
        (Role.RESTRICTED_USER, ["in.anna"]),
    ],
)
async def test_earlier_contacts_of_the_customer_are_those_that_one_may_see_anyway(
    harness_on_both: HistoryHarness, role: Role, wanted: list[str]
) -> None:
    """Service's is no affair of a user of Sales, although it is the same customer's."""
    await rings_at_anna(harness_on_both, role)
    await harness_on_both.tell(stories.a_call("in.later"), stories.hung_up("in.later"), at_s=100)
    seen = await own_call(harness_on_both)
    assert seen is not None
    assert [each["contact_id"] for each in seen["earlier"]] == wanted


@pytest.mark.rule("P8")
async def test_whoever_may_not_see_numbers_sees_them_masked_and_the_same_earlier_contacts(
    harness: HistoryHarness,
) -> None:
    """The call and its earlier contacts show four digits at most."""
    await rings_at_anna(harness)
    organization = next(each for each in stories.the_cards() if isinstance(each, OrganizationSaved))
    hidden = structs.replace(organization, version=2, numbers_hidden_from=(Role.USER,))
    await harness.tell(hidden, at_s=80)
    seen = await own_call(harness)
    assert seen is not None
    assert [seen["number"], *(each["number"] for each in seen["earlier"])] == 3 * ["…0001"]


@pytest.mark.rule("P9")
async def test_a_program_has_no_call(harness: HistoryHarness) -> None:
    """Whatever it may read."""
    await an_office(harness)
    key = TokenSaved(token_id="crm", version=1, name="CRM", actions=(Action.HISTORY_READ,))
    await harness.tell(key, at_s=60)
    async with harness.browser(None) as asked:
        asked.headers["Authorization"] = f"Bearer {program_token('crm')}"
        answer = await asked.get("/me/call")
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")
    assert await own_call(harness, BORIS) is None
