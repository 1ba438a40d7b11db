"""The contract of every adapter to a PBX: how phones ring, what they show and note, and who is not there."""

import pytest

from contracts import telephony
from services.gateway import port
from services.gateway.port import Lack
from tests.contract.gateway.benches import CUSTOMER, L1, L2, LINE, PBX, Bench, answered, dial


@pytest.mark.rule("E4")
@pytest.mark.parametrize(
    ("is_answered_elsewhere", "missed"), [(True, 0), (False, 1)], ids=["answered_elsewhere", "in_vain"]
)
async def test_a_phone_that_rang_in_vain_notes_a_missed_call_unless_another_was_picked_up(
    bench: Bench, *, is_answered_elsewhere: bool, missed: int
) -> None:
    """Nobody calls a customer back with whom a colleague is talking."""
    bench.ask(dial("sip:205"))
    await bench.until(port.Progressed, leg_id=L1)
    bench.ask(telephony.CancelLeg(pbx_id=PBX, leg_id=L1, is_answered_elsewhere=is_answered_elsewhere))
    await bench.until(port.Ended, leg_id=L1)
    # The phone learns of it when the PBX does, or a moment later.
    await bench.run(500)
    assert bench.missed("sip:205") == missed


@pytest.mark.rule("Q1")
async def test_of_two_phones_that_are_picked_up_at_once_the_second_is_ended_and_notes_nothing(
    bench: Bench,
) -> None:
    """Ring all: its agent was quick, but not the quickest."""
    await answered(bench, "sip:201", L1)
    await answered(bench, "tel:" + CUSTOMER, L2)
    bench.ask(telephony.CancelLeg(pbx_id=PBX, leg_id=L2, is_answered_elsewhere=True))
    await bench.until(port.Ended, leg_id=L2)
    assert bench.missed("tel:" + CUSTOMER) == 0
    assert not bench.heard(port.Ended, leg_id=L1)


@pytest.mark.rule("G5")
async def test_an_agents_phone_shows_the_department_and_the_number(bench: Bench) -> None:
    """In any script: who calls, and for whom."""
    await _rings(bench, dial("sip:205", caller_id=CUSTOMER, display_name="Отдел продаж"))
    assert bench.shown("sip:205") == (CUSTOMER, "Отдел продаж")


@pytest.mark.rule("G5")
async def test_a_phone_shows_the_number_alone_where_no_name_is_given(bench: Bench) -> None:
    """Nothing invents a name."""
    await _rings(bench, dial("sip:205", caller_id=CUSTOMER))
    number, name = bench.shown("sip:205")
    assert number == CUSTOMER
    assert name in ("", CUSTOMER)


async def _rings(bench: Bench, command: telephony.DialLeg) -> None:
    bench.ask(command)
    await bench.until(port.Progressed, leg_id=command.leg_id)


async def test_a_network_that_says_183_gives_a_sign_of_life_that_is_no_ringing(bench: Bench) -> None:
    """The gateway knows whose 183 counts as ringing; an adapter tells what it heard."""
    await answered(bench, "tel:+79160000005")
    assert [each.is_ringing for each in bench.heard(port.Progressed, leg_id=L1)] == [False]


async def test_an_announcement_of_the_network_is_no_answer(bench: Bench) -> None:
    """«The subscriber is out of reach» is heard before any answer; then the call has failed."""
    bench.ask(dial("tel:+79160000006"))
    assert (await bench.until(port.Ended, leg_id=L1)).code == 480
    assert not bench.heard(port.PickedUp)


@pytest.mark.rule("G3")
async def test_a_phone_that_went_without_a_word_is_told_of_or_its_leg_ends(bench: Bench) -> None:
    """Nobody talks to nobody for four hours; an adapter that can't tell of silence says so."""
    await answered(bench, "sip:212")
    if Lack.SILENT in bench.pbx.lacks:
        await bench.until(port.Ended, ms_max=90_000, leg_id=L1)
    else:
        await bench.until(port.Silent, ms_max=90_000, leg_id=L1)


@pytest.mark.rule("G3")
async def test_a_call_that_arrives_while_no_gateway_is_there_is_told_as_new_when_one_is(
    bench: Bench,
) -> None:
    """It rings meanwhile. Whether it is among what the PBX has, or arrives after that, it can be answered."""
    await bench.leave()
    bench.call_in()
    await bench.run(1_500)
    bench.told.clear()
    await bench.come_back()
    there = await bench.until(port.PbxThere, ms_max=20_000)
    if there.legs:
        [new] = there.legs
        assert (new.is_arrived, new.is_answered) == (True, False)
        leg_id, caller, line = new.leg_id, new.caller, new.line
    else:
        arrived = await bench.until(port.Arrived)
        leg_id, caller, line = arrived.leg_id, arrived.caller, arrived.line
    assert (caller, line) == (CUSTOMER, LINE)
    bench.ask(telephony.AnswerLeg(pbx_id=PBX, leg_id=leg_id))
    await bench.until(port.PickedUp, leg_id=leg_id)
