"""The wire protocol of the simulated PBX: one JSON object per line, on loopback.

A gateway greets with the PBX that it wants; then it sends requests and gets events, the first of which is
`pbx_there`. A later greeting takes the PBX over: the former connection is told so and closed. A demo greets
with a control, which is answered by one line.
"""

from typing import Any, Final, get_args

import msgspec

from contracts.ids import PbxId
from services.gateway.port import AnyCommand, AnyPbxEvent, FetchSound, ReleaseRecording, Request
from services.gateway.simulated.script import Behaviour, Call

LINE_BYTES_MAX: Final = 1 << 20
"""The longest list of legs is far below; a longer line is not valid."""


class RequestLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of a gateway."""

    number: int
    command: AnyCommand | None = None
    fetch: FetchSound | None = None
    release: ReleaseRecording | None = None

    @property
    def request(self) -> Request | None:
        """The one that is given."""
        return self.command or self.fetch or self.release


class Control(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a demo or a test asks of the network; the answer is its counts.

    `begin`: the script starts now. `call`: somebody calls `pbx_id` now. `behave`: how the phone `address`, as
    dialled from `pbx_id`, behaves from now on. `vanish_s`: the PBX is away so long, and loses the share
    `drops` of its legs. `reachable`: the phone `address` registers, or loses its registration.
    """

    begin: bool = False
    pbx_id: PbxId | None = None
    call: Call | None = None
    address: str | None = None
    behave: tuple[Behaviour, ...] = ()
    reachable: bool | None = None
    vanish_s: float | None = None
    drops: float = 0.0


class Greeting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line of a connection: a gateway's PBX, or a control."""

    pbx: PbxId | None = None
    control: Control | None = None


class EventLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line to a gateway."""

    event: AnyPbxEvent | None = msgspec.field(default=None, name="happening")
    is_replaced: bool = False


class Unreadable(Exception):
    """Not a valid line: the lines after it can't be trusted either."""


class UnknownEvent(Exception):
    """An event of a type that this gateway does not know: it is skipped."""


class _Name(msgspec.Struct):
    happening: str


class _NamedLine(msgspec.Struct):
    happening: _Name


NAME_LENGTH_MAX: Final = 80
_EVENT_NAMES: Final = frozenset(each.__struct_config__.tag for each in get_args(AnyPbxEvent))
_NAMED_LINE: Final = msgspec.json.Decoder(_NamedLine)
_ENCODER: Final = msgspec.json.Encoder()
_REQUEST_LINE: Final = msgspec.json.Decoder(RequestLine)
_GREETING: Final = msgspec.json.Decoder(Greeting)
_EVENT_LINE: Final = msgspec.json.Decoder(EventLine)


def line(message: Any) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message) + b"\n"


def request_line(number: int, request: Request) -> RequestLine:
    """A request as a line."""
    if isinstance(request, FetchSound):
        return RequestLine(number=number, fetch=request)
    if isinstance(request, ReleaseRecording):
        return RequestLine(number=number, release=request)
    return RequestLine(number=number, command=request)  # type: ignore[arg-type]  # a closed set of commands


def read_request(data: bytes) -> RequestLine:
    """A request. Raises msgspec.MsgspecError."""
    return _REQUEST_LINE.decode(data)


def read_greeting(data: bytes) -> Greeting:
    """A greeting. Raises msgspec.MsgspecError."""
    return _GREETING.decode(data)


def read_event(data: bytes) -> EventLine:
    """An event. Raises Unreadable, or UnknownEvent for an event of a newer PBX."""
    try:
        return _EVENT_LINE.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = _event_name(data)
        if name is not None and name not in _EVENT_NAMES:
            raise UnknownEvent(name[:NAME_LENGTH_MAX]) from error
        raise Unreadable(str(error)) from error


def _event_name(data: bytes) -> str | None:
    """The name of the event in a line that may be unreadable otherwise."""
    try:
        return _NAMED_LINE.decode(data).happening.happening
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
