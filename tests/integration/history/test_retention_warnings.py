"""Owners are warned of voice messages that go unheard, a week before they go (V6)."""

import pytest
from msgspec import structs

from contracts.directory import OrganizationSaved
from contracts.history import WarningWanted
from contracts.ids import VoiceMessageId
from contracts.voicemail import MessageMissing, MissingReason
from runtime.edge import NotSaid
from services.history.activities.sweeper import Sweeper
from tests.integration.history.harness import SOUTH, HistoryHarness, department_call, voicemail
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, SALES, SERVICE

DAY_S = 24 * 3600
MESSAGES = {"vm.in.sales", "vm.in.service", "vm.in.inside", "vm.in.anna"}


def warned(office: HistoryHarness) -> list[WarningWanted]:
    """All that was ever said, in the order of the log."""
    return [fact for fact in office.said() if isinstance(fact, WarningWanted)]


def told_of(office: HistoryHarness) -> list[str]:
    """The voice messages of it."""
    return [str(each.voice_message_id) for fact in warned(office) for each in fact.messages]


@pytest.mark.rule("V6")
async def test_who_has_an_unheard_voice_message_is_warned_once_a_week_before(office: HistoryHarness) -> None:
    """One fact per answering machine, with all that a letter shows; the next sweeps add nothing."""
    office.clock.advance(21 * DAY_S)
    assert await office.warnings.sweep() == 0
    office.clock.advance(2 * DAY_S)
    assert await office.warnings.sweep() == 5
    assert set(told_of(office)) == MESSAGES | {"vm.in.south"}
    # Organizations take turns: the other one's sales may come first.
    of_sales = next(
        fact
        for fact in warned(office)
        if fact.department_id == SALES and fact.messages[0].voice_message_id != "vm.in.south"
    )
    assert [each.voice_message_id for each in of_sales.messages] == ["vm.in.sales", "vm.in.inside"]
    first = of_sales.messages[0]
    assert (first.caller, first.duration_ms) == (CUSTOMER, 4_000)
    assert first.removed_at - first.taken_at == 30 * DAY_S * 1000
    assert {(fact.department_id, fact.agent_id) for fact in warned(office)} == {
        (SALES, None),
        (SERVICE, None),
        (None, ANNA),
    }
    office.clock.advance(DAY_S)
    assert await office.warnings.sweep() == 0


@pytest.mark.rule("V6", "V5")
async def test_what_was_heard_called_back_or_deleted_is_not_warned_of(office: HistoryHarness) -> None:
    """The customer was taken care of; a claim alone does not mean that somebody listened."""
    async with office.browser(BORIS) as boris:
        await boris.post("/voice-messages/vm.in.sales/heard")
        await boris.post("/voice-messages/vm.in.service/called-back")
        await boris.delete("/voice-messages/vm.in.inside")
        await boris.post("/voice-messages/vm.in.anna/claim")
    office.clock.advance(23 * DAY_S)
    await office.warnings.sweep()
    assert told_of(office) == ["vm.in.anna", "vm.in.south"]


@pytest.mark.rule("V6")
async def test_nobody_is_warned_of_what_was_erased_or_is_gone(office: HistoryHarness) -> None:
    """There is nothing left to hear."""
    async with office.browser(BORIS) as boris:
        await boris.post("/erase", json={"number": CUSTOMER})
    office.clock.advance(31 * DAY_S)
    await office.warnings.sweep()
    assert told_of(office) == []


@pytest.mark.rule("V6")
async def test_an_organization_that_keeps_a_week_at_most_is_not_warned(office: HistoryHarness) -> None:
    """The letter about the voice message itself came within that week."""
    card = next(fact for fact in stories.the_cards() if isinstance(fact, OrganizationSaved))
    await office.tell(structs.replace(card, version=2, retention_days=7), at_s=70)
    await office.tell(structs.replace(card, organization_id=SOUTH, version=2), organization_id=SOUTH, at_s=70)
    office.clock.advance(6 * DAY_S)
    assert await office.warnings.sweep() == 0


@pytest.mark.rule("V6")
async def test_what_was_not_said_is_said_in_the_next_round(office: HistoryHarness) -> None:
    """A broker that is away costs an hour and no warning."""
    office.clock.advance(23 * DAY_S)
    office.is_log_away = True
    with pytest.raises(NotSaid):
        await office.warnings.sweep()
    sweeper = Sweeper(
        sweeps=(office.warnings.sweep, office.audio_retention.sweep), clock=office.clock, every_s=3600.0
    )
    await sweeper.sweep()
    office.is_log_away = False
    await sweeper.sweep()
    assert len(told_of(office)) == 5


@pytest.mark.rule("V6")
async def test_who_has_not_read_the_log_to_its_end_warns_nobody(office: HistoryHarness) -> None:
    """While tables are rebuilt, a heard message may look unheard."""
    office.clock.advance(23 * DAY_S)
    office.is_projecting = False
    assert await office.warnings.sweep() == 0


@pytest.mark.rule("V6")
async def test_the_rest_of_many_follows_in_the_next_round(
    office: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left out because others came first."""
    monkeypatch.setattr("services.history.rules.retention_warnings.LISTED_MAX", 2)
    for number in range(3):
        await office.tell(*department_call(f"in.more{number}", SALES), at_s=60 + number)
    office.clock.advance(23 * DAY_S)
    assert await office.warnings.sweep() == 5
    assert await office.warnings.sweep() == 2
    assert await office.warnings.sweep() == 1
    assert await office.warnings.sweep() == 0
    assert len(told_of(office)) == len(set(told_of(office))) == 8


async def test_a_recording_in_which_nobody_spoke_is_no_voice_message_to_warn_of(
    office: HistoryHarness,
) -> None:
    """It goes with the retention, and nobody misses it."""
    asked, *_ = voicemail("in.sales", "vm.short")
    missing = MessageMissing(voice_message_id=VoiceMessageId("vm.short"), reason=MissingReason.TOO_SHORT)
    await office.tell(asked, missing, at_s=60)
    office.clock.advance(23 * DAY_S)
    await office.warnings.sweep()
    assert "vm.short" not in told_of(office)
