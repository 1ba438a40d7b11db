"""The demo judges itself by the log: each promise must be able to fail."""

import pytest

from contracts import callback as c
from contracts import queue as q
from contracts import routing as r
from contracts import voicemail as v
from contracts.gateway import LegAnswered, LegEnded, PlayFinished
from contracts.ids import Instant, LegId, PlayId
from contracts.log import PartitionClaimed
from contracts.message import Message
from devtools.demo.promise import Promise
from devtools.demo.promises import are_all_kept, counts, promises
from tests.unit.tools import demo_log, direct_call
from tests.unit.tools.demo_log import MORNING, story_of, without


def broken(*facts: tuple[float, Message]) -> list[Promise]:
    return [promise for promise in promises(story_of(*facts)) if not promise.is_kept]


def test_a_morning_on_which_everything_happened_keeps_every_promise() -> None:
    """Exit code 0 of `make demo` means exactly that."""
    assert broken(*MORNING) == []
    assert are_all_kept(story_of(*MORNING))


def test_an_empty_log_keeps_no_promise() -> None:
    """A promise needs facts."""
    assert len(broken()) == len(promises(story_of()))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (q.AnnouncementMade, "told their positions"),
        (c.CallbackOrdered, "the place stays"),
        (c.CustomerDialled, "first the agent"),
        (LegAnswered, "first the agent"),
        (LegEnded, "then they talk"),
        (q.PlaceConnected, "stays on the line"),
        (c.ApologyMade, "apology"),
        (v.MessageTaken, "voice message"),
        (v.LetterAccepted, "letter"),
        (v.MessageStored, "letter"),
        (q.PlaceAbandoned, "hangs up in the queue"),
        (q.PlaceClosed, "exactly once"),
        (q.PlaceClosed, "nobody loses the place"),
        (q.OfferMade, "two offers"),
        (PlayFinished, "was heard"),
        (PlayFinished, "after a spoken notice"),
        (r.CallForwarded, "after a spoken notice"),
        (r.PersonMissed, "is passed over"),
        (r.CallConnected, "another PBX"),
    ],
)
def test_each_promise_is_broken_when_its_fact_is_missing(kind: type[Message], text: str) -> None:
    """A check that can't fail proves nothing."""
    assert any(text in promise.text for promise in broken(*without(kind)))


def test_a_customer_who_is_dialled_before_the_agent_is_there_breaks_the_promise() -> None:
    """C3: first the agent, then the customer."""
    early = [(25.5, fact) for _, fact in MORNING if isinstance(fact, c.CustomerDialled)]
    facts = [each for each in MORNING if not isinstance(each[1], c.CustomerDialled)]
    place = next(i for i, (_, fact) in enumerate(facts) if isinstance(fact, LegAnswered))
    assert any("first the agent" in each.text for each in broken(*facts[:place], *early, *facts[place:]))


def test_a_gateway_may_answer_before_the_fact_of_the_dialling_is_on_the_log() -> None:
    """Callback sends its command and says its fact at once, and a gateway takes a millisecond."""
    facts = list(MORNING)
    said = next(i for i, (_, fact) in enumerate(facts) if isinstance(fact, c.CustomerDialled))
    at, fact = facts[said]
    assert isinstance(fact, c.CustomerDialled)
    facts[said : said + 1] = [(at, demo_log.requested(fact.leg_id)), (at, fact)]
    assert broken(*facts) == []


def test_a_spoken_position_that_rises_breaks_the_promise() -> None:
    """Q4: no customer's position gets worse."""
    assert any("never rise" in each.text for each in broken(*MORNING, (70, demo_log.told("k1", 2))))


def test_two_offers_at_once_break_the_promise() -> None:
    """Q2: no agent ever holds two offers."""
    facts = (*MORNING[:20], (24.5, demo_log.offered("k2", demo_log.GUSEV, "o9")), *MORNING[20:])
    assert any("two offers" in each.text for each in broken(*facts))


def test_an_absent_employee_whose_phone_rings_breaks_the_promise() -> None:
    """D4: absence applies without ringing."""
    facts = (*MORNING, (70, direct_call.rung(direct_call.POLOZOV)))
    assert any("is passed over" in each.text for each in broken(*facts))


def test_a_colleague_who_is_rung_before_the_notice_was_heard_breaks_the_promise() -> None:
    """D3: the caller hears of the forward before it happens."""
    late = [(12.0, fact) for _, fact in MORNING if isinstance(fact, PlayFinished)]
    facts = (*without(PlayFinished), *late)
    assert any("after a spoken notice" in each.text for each in broken(*facts))


def test_without_a_second_process_of_the_queue_nothing_was_killed() -> None:
    """The kill is seen on the log, not remembered by the script."""
    claims = [i for i, (_, fact) in enumerate(MORNING) if isinstance(fact, PartitionClaimed)]
    facts = [each for i, each in enumerate(MORNING) if i != claims[1]]
    assert any("nobody loses the place" in each.text for each in broken(*facts))


def test_a_play_that_failed_was_not_heard_unless_the_customer_hung_up() -> None:
    """A prompt missing in the bucket must be noticed."""
    failed = PlayFinished(pbx_id=demo_log.CLOUD, leg_id=LegId("k1"), play_id=PlayId("x"), ok=False)
    early = [(9.0, failed), *((at_s, fact) for at_s, fact in MORNING if at_s > 9)]
    late = [(11.9, failed), *((at_s, fact) for at_s, fact in MORNING if at_s > 11.9)]
    assert any("was heard" in each.text for each in broken(*(e for e in MORNING if e[0] <= 9), *early))
    assert not any("was heard" in each.text for each in broken(*(e for e in MORNING if e[0] <= 11.9), *late))


def test_facts_that_were_said_twice_are_counted_once() -> None:
    """A writer without an acknowledgement repeats its facts."""
    timeline = story_of(*MORNING, repeated=True)
    assert are_all_kept(timeline)
    assert timeline.repeats == len(MORNING)


def test_places_are_shown_in_their_order_with_who_holds_them() -> None:
    """The screen has the queue's order, by joining time."""
    upto = [each for each in MORNING if each[0] <= 12]
    timeline = story_of(*upto)
    assert [place.place_id for place in timeline.waiting()] == ["p.k1", "p.k2", "p.k3", "p.k4"]
    assert [place.is_callback for place in timeline.waiting()] == [True, False, True, False]
    assert timeline.begun_at == Instant(0)


def test_numbers_are_masked_in_every_line() -> None:
    """A demo is shown on a projector."""
    timeline = story_of(*MORNING)
    lines = [timeline.words.told(each.fact) or "" for each in timeline.heard]
    assert any("…0101" in line for line in lines)
    assert not any(number in line for line in lines for number in demo_log.NUMBERS.values())


def test_the_summary_counts_what_is_on_the_log() -> None:
    """None of these numbers is written by the script."""
    counted = dict(counts(story_of(*MORNING)))
    assert counted["places taken"] == "4, ended: 4"
    assert counted["callbacks ordered"] == "2: 1 connected, 1 expired"
    assert counted["letters due"] == "1, accepted: 1"
    assert counted["queue processes"] == "2"
