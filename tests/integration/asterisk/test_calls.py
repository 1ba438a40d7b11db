"""Calls on a real Asterisk: what callers hear and phones show, and how calls end."""

import pytest

from contracts import telephony
from contracts.gateway import DeviceState
from contracts.ids import BridgeId, LegId
from services.gateway import port
from services.gateway.port import Result
from tests.integration.asterisk.office import CLOUD, LINE, SECOND, Office, ari_client

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-office")]
ANNA = "+79161234567"


@pytest.mark.rule("G5")
async def test_a_withheld_number_with_an_identity_stays_withheld(office: Office) -> None:
    """The trunk trusts us with the number, the caller does not."""
    gateway = await office.gateway()
    await office.calls(num=ANNA, pres="prohib")
    assert (await gateway.until(port.Arrived)).caller is None


async def test_a_call_from_outside_has_its_number_and_the_dialled_line(office: Office) -> None:
    """The caller hears that it rings before anybody answers."""
    gateway = await office.gateway()
    caller = await office.calls(num=ANNA)
    arrived = await gateway.until(port.Arrived)
    assert (arrived.caller, arrived.line, arrived.is_internal) == (ANNA, LINE, False)
    while not [e for e in office.events if e.dialstatus == "RINGING" and e.peer and e.peer.id == caller.id]:
        await gateway.until(port.Arrived)
        await office.world.request("GET", "asterisk/ping")
    gateway.ask(telephony.AnswerLeg(pbx_id=CLOUD, leg_id=arrived.leg_id))
    await gateway.until(port.PickedUp, leg_id=arrived.leg_id)
    await office.end(caller)
    assert (await gateway.until(port.Ended, leg_id=arrived.leg_id)).by_party


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (telephony.RejectReason.BUSY, 486),
        (telephony.RejectReason.DECLINED, 603),
        (telephony.RejectReason.UNAVAILABLE, 480),
    ],
)
async def test_a_rejected_caller_hears_why(office: Office, reason: telephony.RejectReason, code: int) -> None:
    """Busy, declined and unavailable sound different."""
    gateway = await office.gateway()
    caller = await office.calls(num=ANNA)
    arrived = await gateway.until(port.Arrived)
    gateway.ask(telephony.RejectLeg(pbx_id=CLOUD, leg_id=arrived.leg_id, reason=reason))
    assert (await office.ended(caller)).tech_cause == code


async def test_the_agent_sees_the_department_and_the_number(office: Office) -> None:
    """The phone shows both before it is picked up; what the call is about is in a header."""
    gateway = await office.gateway()
    gateway.dial(
        "sip:201",
        office.a_leg(),
        caller_id=ANNA,
        display_name="Отдел продаж",
        headers={"purpose": "callback"},
    )
    channel, args = await office.rings("201")
    assert (channel.caller.name, channel.caller.number) == ("Отдел продаж", ANNA)
    assert args[1] == "callback"


@pytest.mark.rule("G5")
async def test_over_the_public_network_only_the_number_is_shown(office: Office) -> None:
    """Neither the department nor headers leave the company."""
    gateway = await office.gateway()
    gateway.dial(f"tel:{ANNA}", office.a_leg(), display_name="Отдел продаж", headers={"purpose": "callback"})
    channel, args = await office.rings(ANNA)
    assert (channel.caller.name, channel.caller.number) == ("", LINE)
    assert args[1:] in ((), ("",))


async def test_declined_at_another_pbx_is_declined(office: Office) -> None:
    """The dialplan on the way makes 403 of 603."""
    gateway = await office.gateway()
    leg_id = office.a_leg()
    gateway.dial("pbx:second/205", leg_id)
    channel, _ = await office.rings("205")
    await office.end(channel, "normal")
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, ended.by_party) == (603, True)


async def test_a_phone_that_was_cancelled_since_another_answered_notes_no_missed_call(office: Office) -> None:
    """Its CANCEL says so (RFC 3326), which Asterisk reads as cause 26."""
    gateway = await office.gateway()
    leg_id = office.a_leg()
    gateway.dial("sip:201", leg_id)
    channel, _ = await office.rings("201")
    await gateway.until(port.Progressed, leg_id=leg_id)
    gateway.ask(telephony.CancelLeg(pbx_id=CLOUD, leg_id=leg_id, is_answered_elsewhere=True))
    assert (await office.ended(channel)).cause == 26
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, ended.by_party) == (487, False)


@pytest.mark.rule("C7")
async def test_a_customer_who_picks_up_while_the_agent_goes_is_kept(office: Office) -> None:
    """Cancelling must not cut off whoever has just answered."""
    gateway = await office.gateway()
    leg_id, _ = await office.answered(gateway, f"tel:{ANNA}", ANNA)
    number = gateway.ask(telephony.CancelLeg(pbx_id=CLOUD, leg_id=leg_id, keeps_answered=True))
    assert await gateway.result(number) is Result.ALREADY
    assert not gateway.heard(port.Ended)


async def test_keys_in_a_bridge_are_told_and_its_end_leaves_the_other_leg(office: Office) -> None:
    """An agent presses a key while talking."""
    gateway = await office.gateway()
    agent, phone = await office.answered(gateway, "sip:201", "201")
    customer, mobile = await office.answered(gateway, f"tel:{ANNA}", ANNA)
    bridge = BridgeId(f"b-{agent}")
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge, legs=(agent, customer)))
    await gateway.until(port.LegsBridged, bridge_id=bridge)
    await office.press(phone, "5")
    assert (await gateway.until(port.Pressed, leg_id=agent)).digit == "5"
    await office.end(mobile)
    await gateway.until(port.LegsUnbridged, bridge_id=bridge)
    await gateway.until(port.Ended, leg_id=customer)
    kinds = [type(e) for e in gateway.told if isinstance(e, port.LegsUnbridged | port.Ended)]
    assert kinds == [port.LegsUnbridged, port.Ended]


@pytest.mark.rule("Q2")
async def test_a_phone_rung_by_us_is_idle_and_rung_by_a_colleague_it_is_in_use(office: Office) -> None:
    """A phone that rings for a colleague must not be offered a call."""
    gateway = await office.gateway()
    ours = office.a_leg()
    gateway.dial("sip:201", ours)
    channel, _ = await office.rings("201")
    await gateway.until(port.Progressed, leg_id=ours)
    second = ari_client(office.instances.pbxs[SECOND], "colleague")
    await second.connect()
    await second.request("POST", "channels", query={"endpoint": f"PJSIP/202@{CLOUD}", "app": "colleague"})
    await office.rings("202")
    await gateway.until(port.DeviceSeen, address="sip:202", state=DeviceState.IN_USE)
    assert not gateway.heard(port.DeviceSeen, address="sip:201")
    await office.answer(channel)
    await gateway.until(port.DeviceSeen, address="sip:201", state=DeviceState.IN_USE)
    await office.end(channel)
    await gateway.until(port.DeviceSeen, address="sip:201", state=DeviceState.IDLE)
    await second.close()


async def test_a_leg_whose_id_would_be_cut_is_not_dialled(office: Office) -> None:
    """Its channel could not be hung up any more."""
    gateway = await office.gateway()
    number = gateway.dial("sip:201", LegId("x" * 150))
    assert await gateway.result(number) is Result.REFUSED
    assert not office.ringing


async def test_a_repeated_request_is_carried_out_once(office: Office) -> None:
    """Under its number the same reply is told again; under another one the leg is there already."""
    gateway = await office.gateway()
    leg_id = office.a_leg()
    number = gateway.dial("sip:201", leg_id)
    await office.rings("201")
    assert await gateway.result(number) is Result.DONE
    again = gateway.dial("sip:201", leg_id)
    assert await gateway.result(again) is Result.ALREADY
    gateway.hang_up(leg_id)
    await gateway.until(port.Ended, leg_id=leg_id)
    late = gateway.dial("sip:201", leg_id)
    assert await gateway.result(late) is Result.ALREADY
    assert not office.ringing


@pytest.mark.rule("O3")
@pytest.mark.parametrize(("extension", "exists"), [("201", True), ("300", True), ("999", False)])
async def test_an_extension_is_looked_up_and_nothing_is_left(
    office: Office, extension: str, exists: bool
) -> None:
    """Nobody's phone rings, and no channel stays."""
    gateway = await office.gateway()
    gateway.ask(telephony.CheckExtension(pbx_id=CLOUD, extension=extension))
    assert (await gateway.until(port.ExtensionFound, extension=extension)).exists is exists
    assert not office.ringing
    assert "0 active channels" in office.instances.pbxs[CLOUD].cli("core", "show", "channels")
