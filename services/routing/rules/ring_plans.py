"""Which phones ring for a direct call, when, and what they show (E4, G5, O2, O9)."""

from typing import Final

from contracts.addresses import dialled_from, is_public
from contracts.directory import AgentSaved, Device, DeviceKind
from contracts.ids import Address, AgentId, Instant, LegId, PbxId, TryId
from contracts.queue import OfferLeg
from contracts.telephony import SILENT_MS, DialLeg, silent_ms_max
from services.routing.rules.direct_rules import rules_of
from services.routing.state import RoutingState, normal_number
from services.routing.state.records import Call, Person, Try, phone_key

KEY_MS: Final = 8_000
"""A mobile's own voicemail can't press a key; a person who looked at the screen can, within this (E4)."""
LATE_DIAL_MS: Final = 10_000
"""A dialling that reaches the gateway later than this is pointless."""
AWAY_MS: Final = 60_000
"""A PBX that could not be reached costs one failed dialling a minute, not one per call (O9)."""


def plan(state: RoutingState, try_id: TryId, person: Person, pbx_id: PbxId) -> tuple[OfferLeg, ...]:
    """The phones to ring that are reachable and may be dialled, each with its time; maybe none."""
    agent = person.saved
    if agent is None:
        return ()
    usable = [
        (at, device) for at, device in enumerate(agent.devices) if _is_usable(state, agent, device, pbx_id)
    ]
    # The delay counts from the first phone that rings: with the desk phone dead, the mobile rings at once.
    first_ms = min((device.delay_ms for _, device in usable), default=0)
    return tuple(
        OfferLeg(
            leg_id=LegId(f"{try_id}.{at}"),
            address=dialled_from(pbx_id, agent.pbx_id, device.address),
            dial_at=Instant(state.now_at + device.delay_ms - first_ms),
            needs_key=device.kind is DeviceKind.MOBILE,
        )
        for at, device in usable
    )


def _is_usable(state: RoutingState, agent: AgentSaved, device: Device, pbx_id: PbxId) -> bool:
    phone = state.phones.get(phone_key(agent.pbx_id, device.address))
    if phone is not None and phone.is_unreachable:
        return False
    pbx = state.pbx(agent.pbx_id)
    is_away = pbx.is_lost or state.now_at < pbx.away_until_at
    is_far = device.address.startswith("sip:") and agent.pbx_id != pbx_id
    return not (is_far and is_away) and state.may_dial(device.address)


def own_mobile(state: RoutingState, try_id: TryId, person: Person) -> tuple[OfferLeg, ...]:
    """The employee's own mobile, for the rule that forwards to it (P5); empty if it may not be dialled."""
    number = rules_of(person).mobile
    devices = person.saved.devices if person.saved is not None else ()
    mobiles = (device.address for device in devices if device.kind is DeviceKind.MOBILE)
    address = Address(f"tel:{normal_number(number, state.policy)}") if number else next(mobiles, None)
    if address is None or not is_public(address) or not state.may_dial(address):
        return ()
    return (OfferLeg(leg_id=LegId(f"{try_id}.0"), address=address, dial_at=state.now_at, needs_key=True),)


def set_up_ms(legs: tuple[OfferLeg, ...]) -> int:
    """How long it may take until the first of these phones rings."""
    return max(silent_ms_max(leg.address) for leg in legs)


def is_still_theirs(state: RoutingState, agent_id: AgentId, pbx_id: PbxId, leg: OfferLeg) -> bool:
    """Whether a phone of a try is still the employee's, and may be dialled (E8, C10)."""
    agent = state.person(agent_id).saved
    if agent is None or agent.is_removed or not state.may_dial(leg.address):
        return False
    return any(dialled_from(pbx_id, agent.pbx_id, device.address) == leg.address for device in agent.devices)


def dial(state: RoutingState, call: Call, a_try: Try, leg: OfferLeg) -> DialLeg:
    """The command that rings one phone: office phones show the caller, public ones a line of the PBX (G5)."""
    if is_public(leg.address):
        caller_id, headers = own_number(state, call), {}
    else:
        caller_id, headers = call.caller or "", {"purpose": "call"}
        if call.caller is not None:
            headers["caller"] = call.caller
    return DialLeg(
        pbx_id=call.pbx_id,
        leg_id=leg.leg_id,
        address=leg.address,
        caller_id=caller_id,
        ring_ms_max=a_try.ring_ms_max + SILENT_MS,
        headers=headers,
        not_after=Instant(max(state.now_at, leg.dial_at) + LATE_DIAL_MS),
    )


def own_number(state: RoutingState, call: Call) -> str:
    """The number that a leg over the public network shows: always one of the dialling PBX's."""
    saved = state.pbx(call.pbx_id).saved
    if saved is None:
        return "" if call.is_internal else call.line
    return call.line if call.line in saved.numbers else next(iter(saved.numbers), "")
