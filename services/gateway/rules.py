"""Pure rules of the gateway: how a leg ended, what is never dialled, what a public phone shows."""

import re
import unicodedata
from typing import Final

import msgspec

from contracts import number_ranges
from contracts.addresses import is_public
from contracts.dialling import (
    DiallingPolicy,
    Refusal,
    e164,
    is_emergency,
    parsed,
    refusal_of_address,
)
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Address
from contracts.telephony import RejectReason, silent_ms_max
from services.gateway.state import OurReason

EXTENSION_DIGITS_MAX: Final = 8
"""As on the cards (E2)."""
UNCONFIRMED_MS: Final = 5_000
"""A leg whose end we asked for and the PBX does not report is over for us after this."""
CHECK_EXTENSION_MS: Final = 3_000
"""A PBX without an answer after 3 s can't be asked now (O3)."""
KEYS_BURST: Final = 40
KEYS_PER_S: Final = 5
"""Two phone numbers from a telephone's memory at once, then faster than anybody types: each key is a fact."""
DEVICE_CHANGES_BURST: Final = 20
DEVICE_CHANGE_MS: Final = 2_000
"""A phone that rings with many others changes twice a call; one that loses its network, all the time."""
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

PBX_AWAY_MS: Final = 300_000
"""How long a recording waits for a PBX that is away, as for S3 (EC-62): its machine starts again within
minutes, and then still has it."""
FETCH_AGAIN_MS: Final = 5_000
"""How often the sound that a PBX owes is asked for: a request may get lost, a download be cut."""
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
    # Moved: whom it names is not called instead.
    300: Outcome.UNAVAILABLE,
    301: Outcome.UNAVAILABLE,
    302: Outcome.UNAVAILABLE,
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


def unrung_ms_max(address: Address, ring_ms_max: int) -> int:
    """The ring limit as long as nothing has rung: a late network does not use up the phone's ring time."""
    return max(ring_ms_max, silent_ms_max(address))


def rings(address: Address, *, is_ringing: bool) -> bool:
    """Whether a sign of life counts as ringing: some networks say 183 in place of 180 (RFC 3261 21.1)."""
    return is_ringing or is_public(address)


def dialled_digits(address: Address) -> str:
    """The digits that a PBX would dial for an address, in ASCII whatever script they are written in."""
    target = address.partition(":")[2] or address
    target = target.rpartition("/")[2].partition("@")[0].partition(";")[0]
    digits = (unicodedata.digit(character, None) for character in target)
    return "".join(str(digit) for digit in digits if digit is not None)


def is_forbidden(address: Address, region: str) -> bool:
    """Whether an address would reach an emergency service: never dialled, whatever the command says (G4)."""
    return is_emergency(dialled_digits(address), region)


def refusal(address: Address, policy: DiallingPolicy | None) -> Refusal | None:
    """Why an address is never dialled, whatever the command says, or None (C10, G4): the last of all guards.

    Before the organization's card is heard (`policy` None) only its region is unknown: what costs extra in
    every region is refused all the same. What is no public number must be an extension and nothing else: a
    PBX takes a longer one for a number outside.
    """
    if is_forbidden(address, "" if policy is None else policy.home_region):
        return Refusal.EMERGENCY
    if not is_public(address):
        return None if _is_extension(address) else Refusal.INVALID
    number = address.partition(":")[2]
    return refusal_of_address(number, policy or _of_any_region(number))


def _is_extension(address: Address) -> bool:
    """Whether a PBX would ring one of its own phones, or one of the PBX that it is linked with.

    A host, a parameter, a pause or a sign like + and * would make a PBX dial elsewhere, or go on dialling.
    """
    return _EXTENSION.fullmatch(address) is not None


_EXTENSION: Final = re.compile(rf"(?:sip:|pbx:[a-z][a-z0-9._\-]*/)[0-9]{{1,{EXTENSION_DIGITS_MAX}}}")
"""Extensions and the ids of PBXs as the cards have them (E2)."""


def _of_any_region(number: str) -> DiallingPolicy:
    found = DiallingPolicy(home_region="")
    known = parsed(number, found)
    region = "" if known is None else number_ranges.region(known)
    return msgspec.structs.replace(found, allowed_regions=(region,))


def read_number(written: str, policy: DiallingPolicy | None) -> str:
    """A number of a trunk in E.164, as people of the organization's region read it.

    What is no number of a country stays as it came; before the organization's card is heard (`policy` None)
    nothing is guessed.
    """
    found = None if policy is None else e164(written, policy)
    return written if found is None else found


def shown_caller(address: Address, caller_id: str, numbers: tuple[str, ...]) -> str:
    """The caller id of a dialled leg: over the public network one of the PBX's own numbers, or none (G5)."""
    if not is_public(address) or caller_id in numbers:
        return caller_id
    return numbers[0] if numbers else ""


def shown_headers(address: Address, headers: dict[str, str]) -> dict[str, str]:
    """The headers for a phone's screen: none over the public network (G5)."""
    return {} if is_public(address) else headers


def shown_name(address: Address, name: str) -> str:
    """The name that a phone shows beside the caller's number: none over the public network (G5)."""
    return "" if is_public(address) else name
