"""When a dialled phone rings, and how long nothing at all may be heard from it."""

from typing import Any

import pytest

from contracts.gateway import LegAnswered, LegEnded, LegRinging, Outcome
from contracts.ids import LegId
from contracts.telephony import CancelLeg
from tests.unit.gateway.harness import CUSTOMER, PBX, RINGS, GatewayHarness, dial

DEAD: dict[str, Any] = {"behaviours": [{"condition": "dead"}]}
MOBILE = f"tel:{CUSTOMER}"


def mobile(**behaviour: Any) -> GatewayHarness:
    """A gateway whose public network has the customer's mobile phone."""
    return GatewayHarness(public={CUSTOMER: {"behaviours": [behaviour]}})


@pytest.mark.parametrize("address", ["sip:201", "pbx:second/201"])
def test_an_offices_phone_without_a_sign_of_life_is_given_up_after_five_seconds(address: str) -> None:
    """A dead phone is silent for 32 s; nobody waits that long. It is unreachable, which is not a miss."""
    office = GatewayHarness(
        pbxs={PBX: {"phones": {"sip:201": DEAD}}, "second": {"phones": {"sip:201": DEAD}}}
    )
    office.tell(dial(address))
    office.run(4_900)
    assert not office.facts(LegEnded)
    office.run(600)
    assert [each.outcome for each in office.facts(LegEnded)] == [Outcome.UNREACHABLE]


def test_a_public_phone_without_a_sign_of_life_is_given_up_after_twenty_seconds() -> None:
    """Its network may still be looking for it."""
    office = mobile(condition="dead")
    office.tell(dial(MOBILE, ring_ms=30_000))
    office.run(19_500)
    assert not office.facts(LegEnded)
    office.run(1_000)
    assert [each.outcome for each in office.facts(LegEnded)] == [Outcome.UNREACHABLE]


@pytest.mark.parametrize("ring_after_s", [3, 10, 18])
def test_a_mobile_that_rings_late_is_answered(ring_after_s: int) -> None:
    """The ring limit of eight seconds counts from the first ringing, however late that is."""
    office = mobile(ring_after_s=ring_after_s, answer_after_s=7)
    office.tell(dial(MOBILE, ring_ms=8_000))
    office.run(30_000)
    assert office.facts(LegAnswered)


def test_a_mobile_that_rings_late_is_given_up_at_our_own_limit() -> None:
    """It rang in vain: no answer, and its ring time is the ordered one."""
    office = mobile(ring_after_s=10)
    office.tell(dial(MOBILE, ring_ms=8_000))
    office.run(19_000)
    [end] = office.facts(LegEnded)
    assert end.outcome is Outcome.NO_ANSWER
    assert 7_900 <= end.ring_ms <= 8_300


def test_a_network_that_says_183_only_rings_the_phone_behind_it() -> None:
    """Some networks never say 180: the ring time starts with their sign of life."""
    office = mobile(ring_after_s=4, is_progress_only=True)
    office.tell(dial(MOBILE, ring_ms=8_000))
    office.run(4_500)
    assert len(office.facts(LegRinging)) == 1
    office.run(8_500)
    assert [each.outcome for each in office.facts(LegEnded)] == [Outcome.NO_ANSWER]


def test_183_from_an_offices_phone_is_a_sign_of_life_and_no_ringing() -> None:
    """A gateway on the way says 183 before anybody knows whether a phone rings."""
    office = GatewayHarness({"sip:201": {"behaviours": [{"is_progress_only": True}]}})
    office.tell(dial("sip:201"))
    office.run(6_000)
    assert not office.facts(LegRinging)
    assert not office.facts(LegEnded)


def test_an_announcement_of_the_network_followed_by_480_is_no_answer_of_a_person() -> None:
    """«The subscriber is out of reach» is heard before the answer, which never comes."""
    office = mobile(ring_after_s=3, is_progress_only=True, gives_up_after_s=9)
    office.tell(dial(MOBILE, ring_ms=30_000))
    office.run(14_000)
    assert not office.facts(LegAnswered)
    assert [each.outcome for each in office.facts(LegEnded)] == [Outcome.UNAVAILABLE]


@pytest.mark.rule("G3")
def test_a_mobile_that_a_predecessor_dialled_has_its_twenty_seconds_again() -> None:
    """A gateway that starts anew does not know how long the network has been looking."""
    office = mobile(ring_after_s=15, answer_after_s=2)
    office.tell(dial(MOBILE, ring_ms=20_000))
    office.run(2_000)
    office.crash()
    office.run(20_000)
    assert office.facts(LegAnswered)


@pytest.mark.rule("E4")
@pytest.mark.parametrize(("is_answered_elsewhere", "missed"), [(True, 0), (False, 1)])
def test_a_phone_hears_whether_another_one_was_picked_up(*, is_answered_elsewhere: bool, missed: int) -> None:
    """It then shows no missed call: a colleague has the customer."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(1_000)
    office.tell(CancelLeg(pbx_id=PBX, leg_id=LegId("leg-1"), is_answered_elsewhere=is_answered_elsewhere))
    office.run(1_000)
    assert office.network.counts["missed sip:201"] == missed
