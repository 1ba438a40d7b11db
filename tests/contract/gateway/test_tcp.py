"""Only over TCP: another gateway takes over, and the PBX starts late."""

import asyncio

from ringback.stack.process import free_port
from services.gateway import port
from services.gateway.simulated.tcp import TcpPbx
from tests.contract.gateway.benches import PBX, TcpBench, a_bench, a_network


async def test_the_later_gateway_takes_the_pbx_over() -> None:
    """Two gateways never command one PBX: the earlier one learns of the takeover and does not fight."""
    async with a_bench("tcp") as bench:
        assert isinstance(bench, TcpBench)
        await bench.until(port.PbxThere)
        later = TcpPbx(PBX, f"tcp://127.0.0.1:{bench.port}", lambda: None)
        running = asyncio.create_task(later.run())
        await bench.until(port.PbxGone)
        assert bench.adapter.is_replaced
        assert later.is_connected
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_pbx_that_is_not_there_yet_is_said_to_be_gone_and_found_later() -> None:
    """A gateway may start before its PBX."""
    bench = TcpBench(a_network())
    bench.port = free_port()
    bench.adapter = bench.pbx = TcpPbx(PBX, f"tcp://127.0.0.1:{bench.port}", bench._woken.set)
    running = asyncio.create_task(bench.adapter.run())
    await bench.until(port.PbxGone, ms_max=40_000)
    await bench.server.start(bench.port)
    await bench.until(port.PbxThere, ms_max=40_000)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bench.server.stop()
