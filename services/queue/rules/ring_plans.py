"""Which phones of an agent ring for a place, when, and what they show (E4, G5, O2)."""

from typing import Final

from contracts import addresses
from contracts.directory import AgentSaved, DeviceKind
from contracts.ids import Instant, LegId, OfferId, PbxId
from contracts.queue import OfferLeg
from contracts.telephony import SILENT_MS, DialLeg, silent_ms_max
from services.queue.rules import agent_selection, limits
from services.queue.state import QueueState
from services.queue.state.records import Offer, Place

KEY_MS: Final = 8_000
"""How long a person has to look at the mobile and press a key; a mobile's own voicemail can't (E4)."""
FALLBACK_RING_MS: Final = 30_000
LATE_DIAL_MS: Final = 10_000
"""A dial command that reaches the gateway later than this is out of date."""
ANSWER_MS_MAX: Final = 30_000
"""A caller whose call nobody answered for this long has hung up, or hears a busy tone."""
GOODBYE_MS_MAX: Final = 850
"""Q7: free within 1 s. The goodbye lasts 0.7 s and is cut off after this; the PBX has the rest of the second
to hang up."""
CALL_MS_MAX: Final = 4 * 60 * 60 * 1000
"""No call lasts longer; an agent who seems to talk longer is freed, and the fact says why (G3)."""


def plan(
    state: QueueState, offer_id: OfferId, agent: AgentSaved, pbx_id: PbxId, legs_max: int | None = None
) -> tuple[OfferLeg, ...]:
    """The phones that ring for an offer made now, each with its time; only those that may be dialled.

    If the agent has more phones than `legs_max`, the ones that ring first are taken.
    """
    usable = list(limits.usable(state, agent))
    if not usable:
        return ()
    if legs_max is not None and len(usable) > legs_max:
        usable = sorted(usable, key=lambda each: (each[1].delay_ms, each[0]))[:legs_max]
    # The delay counts from the first phone that rings: with the desk phone dead, the mobile rings at once.
    first_ms = min(device.delay_ms for _, device in usable)
    return tuple(
        OfferLeg(
            leg_id=LegId(f"{offer_id}.{at}"),
            address=addresses.dialled_from(pbx_id, agent.pbx_id, device.address),
            dial_at=Instant(state.now_at + device.delay_ms - first_ms),
            needs_key=device.kind is DeviceKind.MOBILE,
        )
        for at, device in usable
    )


def unrung_ms(ring_ms_max: int, legs: tuple[OfferLeg, ...]) -> int:
    """How long an offer lasts if none of its phones rings: no less than a slow network may take."""
    return max((ring_ms_max + SILENT_MS, *(silent_ms_max(leg.address) for leg in legs)))


def dial(state: QueueState, place: Place, offer: Offer, leg: OfferLeg) -> DialLeg:
    """The command that rings one phone of an offer."""
    is_public = leg.address.startswith("tel:")
    headers, display_name = {}, ""
    department = state.departments[offer.department_id].saved
    longest_ms = agent_selection.ring_ms_longest(department.strategy, len(department.agents))
    if not is_public:
        headers = {"purpose": "callback" if place.callback_id else "call"}
        display_name = department.name
        if place.caller is not None:
            headers["caller"] = place.caller
    return DialLeg(
        pbx_id=offer.pbx_id,
        leg_id=leg.leg_id,
        address=leg.address,
        caller_id=own_number(state, place) if is_public else (place.caller or ""),
        ring_ms_max=(offer.ring_ms_max if offer.is_fallback else max(offer.ring_ms_max, longest_ms))
        + SILENT_MS,
        headers=headers,
        not_after=Instant(max(state.now_at, leg.dial_at) + LATE_DIAL_MS),
        display_name=display_name,
    )


def own_number(state: QueueState, place: Place) -> str:
    """The line that a leg over the public network shows as caller id: always one of the dialling PBX."""
    numbers = state.pbx(place.pbx_id).saved
    if numbers is None:
        return place.line
    return place.line if place.line in numbers.numbers else next(iter(numbers.numbers), "")
