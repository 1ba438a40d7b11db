"""The connection to a real Asterisk breaks, hangs, lies, and is taken over; calls go on meanwhile (G3)."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from contracts import telephony
from contracts.gateway import DeviceState
from contracts.ids import Address, BridgeId, Instant, LegId
from ringback.stack.asterisk import Instance, Root
from runtime import private_files
from services.gateway import port
from services.gateway.asterisk.bridges import KIND
from services.gateway.asterisk.client import path
from services.gateway.asterisk.ids import marked
from services.gateway.port import Result
from tests.integration.asterisk.office import CLOUD, Gateway, Instances, Office, a_plan, ari_client
from tests.integration.asterisk.proxy import a_proxy

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-office"), pytest.mark.rule("G3")]
ANNA = "+79161234567"
ASK_AGAIN_S = 1.0
CLOCK_MS = 2_000
"""Clocks are compared over one question and its answer, on a machine that does ten other things."""


def seen(there: port.PbxThere) -> dict[LegId, port.LegSeen]:
    return {leg.leg_id: leg for leg in there.legs}


async def test_a_phone_that_is_answered_while_the_gateway_is_away_is_still_there(office: Office) -> None:
    """The agent picked up and waits: nobody is rung twice."""
    gateway = await office.gateway()
    leg_id, ringing = office.a_leg(), office.a_leg()
    gateway.dial("sip:201", leg_id)
    gateway.dial(f"tel:{ANNA}", ringing, ring_ms_max=47_000)
    phone, _ = await office.rings("201")
    await office.rings(ANNA)
    await gateway.until(port.Progressed, leg_id=leg_id)
    await gateway.until(port.Progressed, leg_id=ringing)
    await gateway.die()
    await office.answer(phone)
    again = await office.gateway()
    legs = seen(again.heard(port.PbxThere)[0])
    assert legs[leg_id].is_answered
    assert (legs[ringing].is_answered, legs[ringing].is_ringing) == (False, True)
    assert legs[ringing].ring_ms_max == 47_000
    again.hang_up(leg_id)
    await again.until(port.Ended, leg_id=leg_id)
    assert (await office.ended(phone)).cause == 16


async def test_a_call_that_comes_while_no_gateway_is_there_rings_on_and_is_told_then(office: Office) -> None:
    """The dialplan offers it again each second; one that is in our hands already is told as it is."""
    gateway = await office.gateway()
    await office.calls(num=ANNA)
    first = await gateway.until(port.Arrived)
    await gateway.die()
    later = await office.calls(num="+79160000009")
    again = await office.gateway()
    there = again.heard(port.PbxThere)[0].legs
    assert first.leg_id in {leg.leg_id for leg in there}
    # Asterisk may have noticed late that nobody listens, and then it is among what there is.
    known = [leg.leg_id for leg in there if leg.caller == "+79160000009"]
    leg_id = known[0] if known else (await again.until(port.Arrived, caller="+79160000009")).leg_id
    again.ask(telephony.AnswerLeg(pbx_id=CLOUD, leg_id=leg_id))
    await again.until(port.PickedUp, leg_id=leg_id)
    await office.end(later)
    await again.until(port.Ended, leg_id=leg_id)


async def test_only_what_we_answered_is_answered_for_us(office: Office) -> None:
    """An operator's dialplan may answer first, for an announcement: such a call is still a new one."""
    cloud = office.instances.pbxs[CLOUD]
    stasis = "Stasis(ringback,arrived,${EXTEN},${CALLERID(pres)})"
    announced = f"[from-trunk]\nexten => _[+0-9].,1,Answer()\n same => n,{stasis}\n"
    usual = (cloud.folder / "etc/extensions.conf").read_text()
    cloud.reconfigure(extensions=announced)
    try:
        gateway = await office.gateway()
        await office.calls(num=ANNA)
        leg_id = (await gateway.until(port.Arrived)).leg_id
        await gateway.die()
        again = await office.gateway()
        assert not seen(again.heard(port.PbxThere)[0])[leg_id].is_answered
        again.ask(telephony.AnswerLeg(pbx_id=CLOUD, leg_id=leg_id))
        await again.until(port.PickedUp, leg_id=leg_id)
        await again.die()
        last = await office.gateway()
        assert seen(last.heard(port.PbxThere)[0])[leg_id].is_answered
    finally:
        cloud.reconfigure(extensions=usual)


async def test_a_bridge_is_found_again_and_its_end_is_told(office: Office) -> None:
    """Two people talk on while the gateway starts again."""
    gateway = await office.gateway()
    agent, _ = await office.answered(gateway, "sip:201", "201")
    customer, mobile = await office.answered(gateway, f"tel:{ANNA}", ANNA)
    bridge = BridgeId(f"b-{agent}")
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge, legs=(agent, customer)))
    await gateway.until(port.LegsBridged, bridge_id=bridge)
    await gateway.die()
    again = await office.gateway()
    there = again.heard(port.PbxThere)[0]
    assert there.bridges == (bridge,)
    assert port.DeviceSeen(address=Address("sip:201"), state=DeviceState.IN_USE) in there.devices
    await office.end(mobile)
    await again.until(port.LegsUnbridged, bridge_id=bridge)
    await again.until(port.Ended, leg_id=customer)


@pytest.mark.parametrize("inside", [0, 1], ids=["nobody_inside", "one_inside"])
async def test_a_bridge_that_a_dying_gateway_left_half_made_is_made_anew(office: Office, inside: int) -> None:
    """The next gateway is asked for it again: two people wait for it, in silence."""
    gateway = await office.gateway()
    agent, _ = await office.answered(gateway, "sip:201", "201")
    customer, mobile = await office.answered(gateway, f"tel:{ANNA}", ANNA)
    await gateway.die()
    bridge = BridgeId(f"b-{agent}")
    before = ari_client(office.instances.pbxs[CLOUD], "before")
    await before.connect()
    asked = {"type": KIND, "name": "ringback"}
    assert (await before.request("POST", path("bridges", marked(bridge)), query=asked)).is_ok
    if inside:
        ours = {"channel": marked(agent)}
        assert (await before.request("POST", path("bridges", marked(bridge), "addChannel"), query=ours)).is_ok
    await before.close()
    again = await office.gateway()
    assert again.heard(port.PbxThere)[0].bridges == ()
    number = again.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge, legs=(agent, customer)))
    await again.until(port.LegsBridged, bridge_id=bridge)
    assert await again.result(number) is Result.DONE
    await office.end(mobile)
    await again.until(port.LegsUnbridged, bridge_id=bridge)


async def test_a_strangers_call_is_not_touched(office: Office) -> None:
    """Another application may use the same Asterisk, even with ids like ours."""
    client = ari_client(office.instances.pbxs[CLOUD], "theirs")
    await client.connect()
    for name in ("rb.theirs", "theirs"):
        made = await client.request(
            "POST",
            "channels/create",
            query={"endpoint": "PJSIP/201", "app": "theirs", "appArgs": "dialled", "channelId": name},
        )
        assert made.is_ok
    assert (
        await client.request("POST", path("bridges", "rb.of-theirs"), query={"type": "mixing", "name": "x"})
    ).is_ok
    gateway = await office.gateway()
    assert gateway.heard(port.PbxThere)[0].legs == ()
    number = gateway.hang_up(LegId("theirs"))
    assert await gateway.result(number) is Result.GONE
    gateway.adapter.connect_again()
    gateway.told.clear()
    await gateway.until(port.PbxThere)
    for uri in ("channels/rb.theirs", "channels/theirs", "bridges/rb.of-theirs"):
        assert (await client.request("GET", uri)).is_ok
    await client.request("DELETE", "bridges/rb.of-theirs")
    await client.close()


async def test_a_second_gateway_replaces_the_first_and_legs_go_on(office: Office) -> None:
    """The first one stops by itself: it does not fight for the PBX."""
    first = await office.gateway()
    leg_id, phone = await office.answered(first, "sip:201", "201")
    second = await office.gateway()
    await first.until(port.PbxGone)
    assert first.adapter.is_replaced
    assert not first.adapter.is_connected
    assert set(seen(second.heard(port.PbxThere)[0])) == {leg_id}
    await office.end(phone)
    await second.until(port.Ended, leg_id=leg_id)


async def test_a_cut_connection_is_told_at_once_and_found_again(office: Office) -> None:
    """What happened meanwhile is in what the PBX has then."""
    async with a_proxy(office.instances.pbxs[CLOUD].ari_address()) as proxy:
        gateway = await office.gateway(address=proxy.address)
        stays, _ = await office.answered(gateway, "sip:201", "201")
        goes, mobile = await office.answered(gateway, f"tel:{ANNA}", ANNA)
        gateway.told.clear()
        assert gateway.adapter._state.client is not None
        gateway.adapter._state.client.drop()
        await gateway.until(port.PbxGone)
        await office.end(mobile)
        there = await gateway.until(port.PbxThere)
        if goes in seen(there):
            # It was still there when the connection stood again.
            await gateway.until(port.Ended, leg_id=goes)
        assert stays in seen(there)


async def test_a_proxy_that_delays_and_loses_replies_doubles_nothing(office: Office) -> None:
    """The gateway repeats a request that is not answered; every phone rings once."""
    async with a_proxy(office.instances.pbxs[CLOUD].ari_address()) as proxy:
        gateway = await office.gateway(address=proxy.address)
        proxy.delay_s, proxy.drop_every = 0.2, 2

        async def insist(number: int, request: port.Request) -> Result:
            while not gateway.heard(port.Replied, request=number):
                gateway.ask(request, number)
                await asyncio.sleep(ASK_AGAIN_S)
            return gateway.heard(port.Replied, request=number)[0].result

        for number in range(1, 4):
            leg_id = office.a_leg()
            dial = telephony.DialLeg(
                pbx_id=CLOUD, leg_id=leg_id, address=Address("sip:201"), caller_id="", ring_ms_max=60_000
            )
            assert await insist(10 * number, dial) in (Result.DONE, Result.ALREADY)
            phone, _ = await office.rings("201")
            await office.answer(phone)
            await gateway.until(port.PickedUp, leg_id=leg_id)
            hang_up = telephony.HangUp(pbx_id=CLOUD, leg_id=leg_id)
            assert await insist(10 * number + 1, hang_up) in (Result.DONE, Result.GONE)
            await gateway.until(port.Ended, leg_id=leg_id)
            assert not office.ringing
        assert proxy.dropped > 3
        assert len(gateway.heard(port.PickedUp)) == len(gateway.heard(port.Ended)) == 3


@pytest.mark.parametrize("hours", [1, -1], ids=["behind", "ahead"])
async def test_calls_are_as_old_as_they_are_though_asterisks_clock_is_wrong(
    office: Office, hours: int
) -> None:
    """A gateway that starts takes over who waits since when: nobody since an hour ago, or a later one."""
    begun = Instant(time.time_ns() // 1_000_000)
    async with a_proxy(office.instances.pbxs[CLOUD].ari_address()) as proxy:
        proxy.clock_behind = timedelta(hours=hours)
        gateway = await office.gateway(address=proxy.address)
        await office.calls(num=ANNA)
        arrived = await gateway.until(port.Arrived)
        dialled = office.a_leg()
        gateway.dial("sip:201", dialled)
        await office.rings("201")
        await gateway.die()
        again = await office.gateway(address=proxy.address)
        legs = seen(again.heard(port.PbxThere)[0])
        now = Instant(time.time_ns() // 1_000_000)
        for leg_id in (arrived.leg_id, dialled):
            assert begun - CLOCK_MS <= legs[leg_id].since_at <= now + CLOCK_MS


async def test_an_asterisk_that_is_killed_is_gone_at_once_and_returns_without_its_calls(
    office: Office,
) -> None:
    """The gateway finds out by comparing; phones are registered still, and are dialled again."""
    gateway = await office.gateway()
    await office.answered(gateway, "sip:201", "201")
    gateway.told.clear()
    cloud = office.instances.pbxs[CLOUD]
    cloud.kill()
    await gateway.until(port.PbxGone)
    cloud.start()
    assert (await gateway.until(port.PbxThere)).legs == ()
    assert not gateway.heard(port.Ended)
    await office.answered(gateway, "sip:201", "201")


class TestAnAsterisk:
    """One of its own for each test, since it is killed or misses something."""

    @pytest.fixture
    def own(self, tmp_path: Path, asterisk_root: Root, asterisks: Instances) -> Iterator[Instance]:
        plan = a_plan(CLOUD, {}, asterisks.world.address)
        instance = Instance.of_plan(tmp_path, plan, root=asterisk_root, dies_with_parent=True)
        instance.start()
        yield instance
        instance.thaw()
        instance.stop()

    async def test_that_hangs_is_gone_though_its_connection_stands(
        self, office: Office, own: Instance
    ) -> None:
        """Nothing else than silence tells of a process that was stopped."""
        gateway = await office.gateway(address=own.ari_address())
        gateway.told.clear()
        own.freeze()
        await gateway.until(port.PbxGone)
        own.thaw()
        await gateway.until(port.PbxThere)

    async def test_without_a_module_is_refused_with_what_is_needed(self, own: Instance) -> None:
        """The operator reads which one; the PBX counts as away meanwhile, and serves when it is mended."""
        own.cli("module", "unload", "func_dialplan.so")
        gateway = Gateway(own.ari_address())
        with capture_logs() as logs:
            gateway.begin()
            await gateway.until(port.PbxGone)
        refused = next(each for each in logs if each["event"] == "gateway.pbx_unfit")
        assert "func_dialplan" in refused["found"]
        own.cli("module", "load", "func_dialplan.so")
        await gateway.until(port.PbxThere)
        await gateway.die()

    async def test_whose_user_may_only_read_is_refused_with_what_is_needed(self, own: Instance) -> None:
        """Everything could be seen and nothing done: the operator reads which line to change."""
        settings = own.folder / "etc/ari.conf"
        full = settings.read_text()
        private_files.write(settings, f"{full}read_only = yes\n")
        own.cli("module", "reload", "res_ari.so")
        gateway = Gateway(own.ari_address())
        with capture_logs() as logs:
            gateway.begin()
            await gateway.until(port.PbxGone)
        refused = next(each for each in logs if each["event"] == "gateway.pbx_unfit")
        assert "read_only = no" in refused["needed"]
        private_files.write(settings, full)
        own.cli("module", "reload", "res_ari.so")
        await gateway.until(port.PbxThere)
        await gateway.die()

    async def test_that_does_not_know_us_is_told_without_the_password(self, own: Instance) -> None:
        """Logs are read by more people than ari.conf."""
        address = own.ari_address().replace("ringback:", "ringback:wrong-secret-")
        gateway = Gateway(address)
        with capture_logs() as logs:
            gateway.begin()
            await gateway.until(port.PbxGone)
        assert "401" in next(each["found"] for each in logs if each["event"] == "gateway.pbx_unfit")
        assert "secret" not in str(logs)
        await gateway.die()
