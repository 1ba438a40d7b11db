"""Messages to records and back: CloudEvents 1.0 in Kafka's binary mode.

Attributes travel in headers, JSON in the value, so that a reader can skip a record by its headers
alone. An unknown type is skipped and counted; a known type whose value can't be read is malformed, a
dead letter. The two are different errors.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import ModuleType
from typing import Any, Final

import msgspec

from contracts import (
    callback,
    directory,
    gateway,
    history,
    log,
    queue,
    routing,
    scenario,
    telephony,
    tts,
    voicemail,
)
from contracts.ids import OrganizationId
from contracts.message import Command, Fact, Message, type_name

MODULES: Final[tuple[ModuleType, ...]] = (
    callback,
    directory,
    gateway,
    history,
    log,
    queue,
    routing,
    scenario,
    telephony,
    tts,
    voicemail,
)
VALUE_BYTES_MAX: Final = 256 * 1024
"""A quarter of Kafka's default record limit: a step's batch holds several."""

INTEGER_MAX: Final = 10**15
"""As an instant the year 33658, as a size a petabyte; a thousand times as much still fits the 64 bits of the
store, so that no sum or product of what was read can break a write."""


class UnknownType(Exception):
    """No message of this name is known here: a newer writer, or not ours."""


class Malformed(Exception):
    """A message of a known type that can't be read, or headers that aren't ours; says what is wrong."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message's attributes, all in headers.

    `source` is the service, with what it is numbered by (`gateway/<pbx_id>`); `seq` counts per source,
    organization and stream from 1, 0 for what isn't counted; `cause` is the id of what made it happen;
    `time` is the sender's log time (ms) and informs only, since the record's own timestamp decides.
    `cause_offset` is where a decider's cause stands on the log of facts (-1: none), and `streams`, on the
    last fact of a step, the numbers that commands have reached since a fact last told
    (`telephony/volga=7;delivery=2`): both let a new owner continue from the log alone.
    """

    id: str
    type: str
    source: str
    organization_id: OrganizationId
    seq: int = 0
    incarnation: int = 0
    cause: str = ""
    time: int = 0
    cause_offset: int = -1
    streams: str = ""


def _leaves(base: type[Message]) -> Iterable[type[Message]]:
    for child in base.__subclasses__():
        yield from _leaves(child)
        if isinstance(child.__struct_config__.tag, str) and "." in child.__struct_config__.tag:
            yield child


TYPES: Final[dict[str, type[Message]]] = {
    type_name(found): found for base in (Fact, Command) for found in sorted(_leaves(base), key=type_name)
}
"""Every message type by its name."""

_DECODERS: Final = {name: msgspec.json.Decoder(found) for name, found in TYPES.items()}
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def encode(message: Message) -> bytes:
    """The record's value: the same bytes for the same message, on every machine."""
    return _ENCODER.encode(message)


def decode(type_: str, value: bytes | None) -> Message:
    """Read a value of a named type. Raises UnknownType or Malformed."""
    decoder = _DECODERS.get(type_)
    if decoder is None:
        raise UnknownType(type_)
    if value is None or len(value) > VALUE_BYTES_MAX:
        raise Malformed(f"{type_}: the value is missing or larger than {VALUE_BYTES_MAX} bytes")
    try:
        message = decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{type_}: {error}") from error
    if _has_beyond(msgspec.structs.astuple(message)):
        raise Malformed(f"{type_}: an integer is beyond {INTEGER_MAX}")
    return message


def _has_beyond(values: Sequence[Any]) -> bool:
    """Whether a number in a message, however deep, is none that anybody meant."""
    for value in values:
        kind = type(value)
        if kind is str or value is None:
            continue
        if kind is int:
            if not -INTEGER_MAX <= value <= INTEGER_MAX:
                return True
        elif kind is tuple:
            if _has_beyond(value):
                return True
        elif isinstance(value, msgspec.Struct) and _has_beyond(msgspec.structs.astuple(value)):
            return True
    return False


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)  # all that one record causes carries the record's time
def _rfc3339(at_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")


@lru_cache(maxsize=256)  # as above
def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    """The record's headers for an envelope."""
    found = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_time", _rfc3339(envelope.time).encode()),
        ("ce_organization", envelope.organization_id.encode()),
        ("ce_seq", str(envelope.seq).encode()),
        ("ce_incarnation", str(envelope.incarnation).encode()),
        ("ce_cause", envelope.cause.encode()),
        ("content-type", b"application/json"),
    ]
    if envelope.cause_offset >= 0:
        found.append(("ce_causeoffset", str(envelope.cause_offset).encode()))
    if envelope.streams:
        found.append(("ce_streams", envelope.streams.encode()))
    return found


def number(text: bytes) -> int:
    """A number in a header. Raises ValueError, also for one that no counter reaches."""
    found = int(text)
    if not -1 <= found <= INTEGER_MAX:
        raise ValueError(f"the number {found} is none of ours")
    return found


def envelope(found: Iterable[tuple[str, bytes]]) -> Envelope:
    """The envelope in a record's headers. Raises Malformed when an attribute is missing or unreadable."""
    values = dict(found)
    try:
        return Envelope(
            id=values["ce_id"].decode(),
            type=values["ce_type"].decode(),
            source=values["ce_source"].decode(),
            organization_id=OrganizationId(values["ce_organization"].decode()),
            seq=number(values.get("ce_seq", b"0")),
            incarnation=number(values.get("ce_incarnation", b"0")),
            cause=values.get("ce_cause", b"").decode(),
            time=_milliseconds(values["ce_time"].decode()),
            cause_offset=number(values.get("ce_causeoffset", b"-1")),
            streams=values.get("ce_streams", b"").decode(),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        # A header may have no value at all, or a time without a zone.
        raise Malformed(f"the record's headers are not a message's: {error!r}") from error
