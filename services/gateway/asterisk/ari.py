"""What ARI says, as far as anything here reads it: events, and the objects in them and in replies."""

from datetime import datetime

import msgspec


class AriObject(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an event or of a reply; fields that nobody reads are left out."""


class Party(AriObject, frozen=True, kw_only=True):
    """A name and a number, as the network gave them."""

    name: str = ""
    number: str = ""


class DialplanPlace(AriObject, frozen=True, kw_only=True):
    """Where a channel is in the dialplan; `app_data` names the ARI application that it is in."""

    context: str = ""
    exten: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(AriObject, frozen=True, kw_only=True):
    """One call between Asterisk and a phone."""

    id: str
    name: str = ""
    state: str = ""
    caller: Party = Party()
    connected: Party = Party()
    dialplan: DialplanPlace = DialplanPlace()
    creationtime: str = ""
    channelvars: dict[str, str] = {}

    @property
    def is_up(self) -> bool:
        """Whether it was answered."""
        return self.state == "Up"


class AriBridge(AriObject, frozen=True, kw_only=True):
    """Channels that hear each other."""

    id: str
    bridge_type: str = ""
    creator: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()


class Playback(AriObject, frozen=True, kw_only=True):
    """A play of one or more media; `target_uri` is `channel:ID` or `bridge:ID`."""

    id: str
    media_uri: str = ""
    target_uri: str = ""
    state: str = ""


class LiveRecording(AriObject, frozen=True, kw_only=True):
    """A recording; durations are whole seconds. `cause` says why it failed, and nothing else."""

    name: str
    format: str = ""
    target_uri: str = ""
    state: str = ""
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str = ""


class AriDevice(AriObject, frozen=True, kw_only=True):
    """The state of one device, such as `PJSIP/201`."""

    name: str
    state: str


class Endpoint(AriObject, frozen=True, kw_only=True):
    """A phone or a trunk that Asterisk knows; `state` is online, offline or unknown."""

    technology: str
    resource: str
    state: str = ""
    channel_ids: tuple[str, ...] = ()


class AriEvent(AriObject, frozen=True, kw_only=True):
    """One event of any type; what the type does not have is empty."""

    type: str
    timestamp: str = ""
    application: str = ""
    channel: Channel | None = None
    peer: Channel | None = None
    caller: Channel | None = None
    bridge: AriBridge | None = None
    playback: Playback | None = None
    recording: LiveRecording | None = None
    device_state: AriDevice | None = None
    endpoint: Endpoint | None = None
    args: tuple[str, ...] = ()
    digit: str = ""
    duration_ms: int = 0
    dialstatus: str = ""
    cause: int | None = None
    cause_txt: str = ""
    tech_cause: int | None = None
    soft: bool = False


def instant_ms(timestamp: str) -> int | None:
    """An instant like `2026-11-29T12:00:00.250+0000` in ms since 1970, None if unreadable."""
    try:
        return round(datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)
    except ValueError:
        return None
