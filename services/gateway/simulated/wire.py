"""The simulated PBX over a wire: one JSON object a line, on loopback.

A gateway greets with the PBX it wants; from then on it sends requests and gets happenings, the first of which
is `pbx_there`. Who greets later takes the PBX over, and the former connection is told so and closed. A demo
sends a control instead of a greeting, which is answered by one line.
"""

from typing import Any, Final, get_args

import msgspec

from contracts.ids import PbxId
from services.gateway.port import AnyCommand, AnyHappening, FetchSound, ReleaseRecording, Request
from services.gateway.simulated.script import Behaviour, Call

LINE_BYTES_MAX: Final = 1 << 20
"""A minute-long list of legs is far below; a longer line is no line of ours."""


class Asking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of a gateway."""

    number: int
    command: AnyCommand | None = None
    fetch: FetchSound | None = None
    release: ReleaseRecording | None = None

    @property
    def request(self) -> Request | None:
        """Whichever is given."""
        return self.command or self.fetch or self.release


class Control(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a demo or a test tells the town.

    `begin`: the script's zero is now. `call`: somebody calls `pbx_id` now. `behave`: how the phone `address`,
    as dialled from `pbx_id`, behaves from now on. `vanish_s`: the PBX is away so long, and loses `drops` of
    its legs. `reachable`: the phone `address` registers or is gone. It is answered by the counts.
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


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line to a gateway."""

    happening: AnyHappening | None = None
    is_replaced: bool = False


class Unreadable(Exception):
    """A line that is none of ours: what follows it can't be trusted either."""


class UnknownHappening(Exception):
    """A PBX tells something that this gateway has no word for: it is passed over."""


class _Name(msgspec.Struct):
    happening: str


class _Named(msgspec.Struct):
    happening: _Name


NAME_LENGTH_MAX: Final = 80
_HAPPENINGS: Final = frozenset(each.__struct_config__.tag for each in get_args(AnyHappening))
_NAMED: Final = msgspec.json.Decoder(_Named)
_ENCODER: Final = msgspec.json.Encoder()
_ASKING: Final = msgspec.json.Decoder(Asking)
_GREETING: Final = msgspec.json.Decoder(Greeting)
_TOLD: Final = msgspec.json.Decoder(Told)


def line(message: Any) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message) + b"\n"


def asking(number: int, request: Request) -> Asking:
    """A request as it travels."""
    if isinstance(request, FetchSound):
        return Asking(number=number, fetch=request)
    if isinstance(request, ReleaseRecording):
        return Asking(number=number, release=request)
    return Asking(number=number, command=request)  # type: ignore[arg-type]  # a closed set of commands


def read_asking(data: bytes) -> Asking:
    """A request. Raises msgspec.MsgspecError."""
    return _ASKING.decode(data)


def read_greeting(data: bytes) -> Greeting:
    """A greeting. Raises msgspec.MsgspecError."""
    return _GREETING.decode(data)


def read_told(data: bytes) -> Told:
    """What a PBX told. Raises Unreadable, or UnknownHappening for what only a newer gateway reads."""
    try:
        return _TOLD.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = _happening_of(data)
        if name is not None and name not in _HAPPENINGS:
            raise UnknownHappening(name[:NAME_LENGTH_MAX]) from error
        raise Unreadable(str(error)) from error


def _happening_of(data: bytes) -> str | None:
    """The name of the happening in a line, whatever else the line is."""
    try:
        return _NAMED.decode(data).happening.happening
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
