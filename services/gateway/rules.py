"""Pure rules of the gateway: how a leg ended, what is never dialled, what a public phone shows."""

import unicodedata
from typing import Final

from contracts.addresses import is_public
from contracts.dialling import is_emergency
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Address
from contracts.telephony import RejectReason
from services.gateway.state import OurReason

NO_SIGN_OF_LIFE_MS: Final = 5_000
"""A dead phone is silent for 32 s (SIP's timer B, RFC 3261 17.1.1.2); nobody waits that long."""
CHECK_EXTENSION_MS: Final = 3_000
"""A PBX without an answer after 3 s can't be asked now (O3)."""
ENDING_HELD_MS: Final = 2_000
"""How long `leg_ended` waits for open recordings (telephony.md)."""
ASK_AGAIN_MS: Final = 1_000
"""A reply usually comes within 50 ms; after a second it is lost."""
ASKS_MAX: Final = 15
"""A PBX that is connected and does not reply for 15 s has not done what was asked."""


REJECTED: Final = {
    RejectReason.BUSY: OurReason.REJECTED_BUSY,
    RejectReason.DECLINED: OurReason.REJECTED_DECLINED,
    RejectReason.UNAVAILABLE: OurReason.REJECTED_UNAVAILABLE,
}

PBX_AWAY_MS: Final = 60_000
"""A PBX vanishes for a minute (telephony.md); one that is away longer does not finish its recordings."""
REQUEST_TIMEOUT: Final = 408

_OF_OURS: Final = {
    OurReason.CANCELLED: Outcome.CANCELLED,
    OurReason.HUNG_UP: Outcome.CANCELLED,
    OurReason.RING_LIMIT: Outcome.NO_ANSWER,
    OurReason.NO_SIGN_OF_LIFE: Outcome.UNREACHABLE,
    OurReason.REJECTED_BUSY: Outcome.BUSY,
    OurReason.REJECTED_DECLINED: Outcome.DECLINED,
    OurReason.REJECTED_UNAVAILABLE: Outcome.UNAVAILABLE,
}

_OF_CODES: Final = {
    # RFC 3261 section 21, and RFC 8197 for what carriers block (607, 608).
    403: Outcome.BAD_NUMBER,
    404: Outcome.BAD_NUMBER,
    410: Outcome.BAD_NUMBER,
    484: Outcome.BAD_NUMBER,
    604: Outcome.BAD_NUMBER,
    607: Outcome.BAD_NUMBER,
    608: Outcome.BAD_NUMBER,
    486: Outcome.BUSY,
    600: Outcome.BUSY,
    603: Outcome.DECLINED,
    480: Outcome.UNAVAILABLE,
    487: Outcome.CANCELLED,
    415: Outcome.NO_CODEC,
    488: Outcome.NO_CODEC,
    606: Outcome.NO_CODEC,
}


def outcome(
    *, is_arrived: bool, was_answered: bool, was_ringing: bool, ours: OurReason | None, code: int
) -> Outcome:
    """How a leg ended.

    Our own reason for ending it before it was answered wins over the code of the PBX, since a cancelled phone
    answers 487, and one that was not answered in time may answer anything.
    """
    if ours is OurReason.LOST:
        return Outcome.FAILED
    if was_answered:
        return Outcome.COMPLETED
    if ours is not None:
        return _OF_OURS[ours]
    if is_arrived:
        return Outcome.ABANDONED
    if code == REQUEST_TIMEOUT:
        # The person did not answer if it rang; else the phone did not.
        return Outcome.NO_ANSWER if was_ringing else Outcome.UNREACHABLE
    return _OF_CODES.get(code, Outcome.FAILED)


def ended_by(*, ours: OurReason | None, by_party: bool) -> EndedBy:
    """Who ended a leg."""
    if ours is OurReason.LOST:
        return EndedBy.NETWORK
    if ours is not None:
        return EndedBy.US
    return EndedBy.PARTY if by_party else EndedBy.NETWORK


def dialled_digits(address: Address) -> str:
    """The digits that a PBX would dial for an address, in ASCII whatever script they are written in."""
    target = address.partition(":")[2] or address
    target = target.rpartition("/")[2].partition("@")[0].partition(";")[0]
    digits = (unicodedata.digit(character, None) for character in target)
    return "".join(str(digit) for digit in digits if digit is not None)


def is_forbidden(address: Address, region: str) -> bool:
    """Whether an address would reach an emergency service: never dialled, whatever the command says (G4)."""
    return is_emergency(dialled_digits(address), region)


def shown_caller(address: Address, caller_id: str, numbers: tuple[str, ...]) -> str:
    """The caller id of a dialled leg: over the public network always one of the PBX's own numbers (G5)."""
    if not is_public(address) or not numbers or caller_id in numbers:
        return caller_id
    return numbers[0]


def shown_headers(address: Address, headers: dict[str, str]) -> dict[str, str]:
    """The headers for a phone's screen: none over the public network (G5)."""
    return {} if is_public(address) else headers
