"""The caller's number, from every adapter: as the network wrote it, or None for any «withheld»."""

import pytest

from services.gateway import port
from tests.contract.gateway.benches import AnyBench


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
    bench: AnyBench, said: str
) -> None:
    """Strangers must not become one customer with one history, and «anonymous» is never called back."""
    leg_id = bench.call_in(caller=said)
    assert (await bench.until(port.Arrived, leg_id=leg_id)).caller is None


async def test_p11_a_withheld_call_is_withheld_among_what_a_pbx_returns_with(bench: AnyBench) -> None:
    """A call that came while the gateway was away is reported by `LegSeen`."""
    bench.call_in(caller="Anonymous")
    await bench.until(port.Arrived)
    bench.vanish(for_ms=3_000)
    bench.call_in(caller="unknown")
    there = await bench.until(port.PbxThere, ms_max=20_000)
    while not there.legs:
        bench.told.remove(there)
        there = await bench.until(port.PbxThere, ms_max=20_000)
    assert [leg.caller for leg in there.legs] == [None, None]


async def test_p7_a_shown_number_arrives_as_the_network_wrote_it(bench: AnyBench) -> None:
    """The gateway guesses nothing: its readers know the organization's country."""
    leg_id = bench.call_in(caller="84951234567")
    assert (await bench.until(port.Arrived, leg_id=leg_id)).caller == "84951234567"
