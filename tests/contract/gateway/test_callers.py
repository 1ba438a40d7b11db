"""The caller's number, from every adapter: as the network wrote it, or None for any «withheld»."""

import pytest

from contracts.telephony import AnswerLeg, RejectLeg, RejectReason
from services.gateway import port
from services.gateway.port import Result
from tests.contract.gateway.benches import PBX, Bench


@pytest.mark.rule("G5")
@pytest.mark.parametrize(
    "said",
    [
        "anonymous",
        "Restricted",
        "unknown",
        "unavailable",
        "private",
        "",
        "sip:anonymous@anonymous.invalid",
        "скрытый номер",
        "unterdrückt",
        "非通知",
    ],
)
async def test_p11_a_withheld_number_arrives_as_none_whatever_the_network_wrote(
    bench: Bench, said: str
) -> None:
    """Strangers must not become one customer with one history, and «anonymous» is never called back."""
    bench.call_in(caller=said)
    assert (await bench.until(port.Arrived)).caller is None


async def test_p11_a_withheld_call_is_withheld_among_what_a_pbx_returns_with(bench: Bench) -> None:
    """A call that came while the gateway was away is reported by `LegSeen`."""
    bench.call_in(caller="Anonymous")
    await bench.until(port.Arrived)
    bench.vanish(for_ms=3_000)
    bench.call_in(caller="unknown")
    there = await bench.until(port.PbxThere, ms_max=20_000)
    while not there.legs:
        bench.told.remove(there)
        there = await bench.until(port.PbxThere, ms_max=20_000)
    seen = [leg.caller for leg in there.legs]
    if len(seen) == 1:
        # The second one rings without the gateway, and is told as new.
        bench.told[:] = bench.told[bench.told.index(there) :]
        seen.append((await bench.until(port.Arrived)).caller)
    assert seen == [None, None]


async def test_p7_a_shown_number_arrives_as_the_network_wrote_it(bench: Bench) -> None:
    """An adapter guesses nothing: the gateway knows the organization's country and reads the number."""
    bench.call_in(caller="84951234567")
    assert (await bench.until(port.Arrived)).caller == "84951234567"


@pytest.mark.rule("G1", "O1")
async def test_a_caller_who_is_rejected_as_busy_is_gone_and_never_answered(bench: Bench) -> None:
    """What a gateway does with a call too many: the PBX ends it, and says that it has."""
    bench.call_in()
    leg_id = (await bench.until(port.Arrived)).leg_id
    rejected = bench.ask(RejectLeg(pbx_id=PBX, leg_id=leg_id, reason=RejectReason.BUSY))
    assert (await bench.until(port.Replied, request=rejected)).result is Result.DONE
    await bench.until(port.Ended, leg_id=leg_id)
    late = bench.ask(AnswerLeg(pbx_id=PBX, leg_id=leg_id))
    assert (await bench.until(port.Replied, request=late)).result is Result.GONE
    assert not [each for each in bench.told if isinstance(each, port.PickedUp)]
