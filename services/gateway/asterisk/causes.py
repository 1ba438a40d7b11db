"""How a dialled leg ended, as SIP's code: Asterisk tells SIP's own, else the cause of Q.850."""

from typing import Final

from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.legs import Leg

CANCELLED: Final = 487
BUSY: Final = 486
DECLINED: Final = 603
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
UNAVAILABLE: Final = 480
NO_SERVICE: Final = 503

CALL_REJECTED: Final = 21
NORMAL: Final = 16

_OF_Q850: Final = {
    # RFC 3398 section 7.2.4.1, and what Asterisk itself makes of SIP's codes.
    1: NOT_FOUND,
    NORMAL: CANCELLED,
    17: BUSY,
    18: 408,
    19: UNAVAILABLE,
    20: UNAVAILABLE,
    CALL_REJECTED: DECLINED,
    26: CANCELLED,
    28: 484,
    32: CANCELLED,
    34: NO_SERVICE,
    38: NO_SERVICE,
    58: 488,
    88: 488,
}
_OF_DIALSTATUS: Final = {
    # NOANSWER says nothing: Asterisk has it for our own ends and for its own time limit as well.
    "BUSY": BUSY,
    "CONGESTION": NO_SERVICE,
    "CHANUNAVAIL": UNAVAILABLE,
}
_BY_A_PERSON: Final = frozenset({BUSY, 600, DECLINED})


def code(leg: Leg, destroyed: AriEvent) -> int:
    """SIP's code of a leg's end, 0 where the end has none: it arrived, or it had been answered."""
    if leg.is_arrived or leg.is_up:
        return 0
    if leg.is_ended_by_us:
        return CANCELLED
    found = destroyed.tech_cause or 0
    if found == FORBIDDEN and destroyed.cause == CALL_REJECTED and not leg.is_public:
        # A dialplan on the way between two PBXs turns «declined» into this.
        return DECLINED
    return found or _OF_Q850.get(destroyed.cause or 0, 0) or _OF_DIALSTATUS.get(leg.dialstatus, 0)


def is_by_party(leg: Leg, sip_code: int) -> bool:
    """Whether the person ended a leg: hung up, or was busy, or declined."""
    if leg.is_ended_by_us:
        return False
    return leg.is_ended_by_party if leg.is_arrived or leg.is_up else sip_code in _BY_A_PERSON
