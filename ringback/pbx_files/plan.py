"""What one PBX has. A plan that exists is safe to render: no value can end its line or begin another.

Extensions, names of sections and patterns have few letters, and everything else is refused. Passwords keep
any printable letter, since providers choose those of trunks. People's names are never refused, because one
employee's name must not keep a whole PBX from its files: `pjsip` writes what Asterisk can read of them.
"""

import re
from collections import Counter
from typing import Final

from msgspec import Struct

from contracts.ids import PbxId

EXTENSION: Final = re.compile(r"[0-9]{1,8}")
NUMBER: Final = re.compile(r"\+?[0-9]{1,15}")
EMERGENCY: Final = re.compile(r"[0-9]{2,6}")
NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}")
"""Of trunks, PBXs and applications: a section in brackets, and a word in the dialplan."""
OWN_PREFIX: Final = "ringback-"
"""Sections and contexts of the rendered files; nothing else may be called so."""
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST: Final = re.compile(rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
"""A name, an IPv4 address or an IPv6 address in brackets, with or without a port."""
NETWORK: Final = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
PATTERN: Final = re.compile(r"[+0-9XZN][0-9XZN]*\.?")
"""Numbers in Asterisk's words: X any digit, Z 1 to 9, N 2 to 9, a dot at the end one digit or more."""
SECRET: Final = re.compile(r"[!-~]{1,128}")
"""Printable ASCII without blanks: Asterisk would drop blanks at the ends."""
USERNAME: Final = re.compile(r"[A-Za-z0-9._+@-]{1,128}")
WAIT_S_MAX: Final = 3_600


class PlanRefused(ValueError):
    """A value that may not stand in a configuration file; the message names it, and never a secret."""


class PlannedPhone(Struct, frozen=True, kw_only=True):
    """A phone that registers as its extension."""

    extension: str
    password: str
    display_name: str = ""
    """What other phones show; any text."""

    def __post_init__(self) -> None:
        _fits("extension", self.extension, EXTENSION)
        _fits_secret(f"password of extension {self.extension}", self.password)


class PlannedTrunk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to the public network, known by its address."""

    host: str
    """Calls go there, and come from there; a port may follow."""
    name: str = "trunk"
    username: str = ""
    """Empty: the provider knows us by our address."""
    password: str = ""
    is_registered: bool = False
    """Whether the provider sends calls only to whoever registers."""
    networks: tuple[str, ...] = ()
    """Further addresses that calls come from, such as 198.51.100.0/24."""

    def __post_init__(self) -> None:
        _fits("trunk", self.name, NAME)
        _fits(f"host of trunk {self.name}", self.host, HOST)
        for network in self.networks:
            _fits(f"network of trunk {self.name}", network, NETWORK)
        if self.username:
            _fits(f"username of trunk {self.name}", self.username, USERNAME)
            _fits_secret(f"password of trunk {self.name}", self.password)
        elif self.password or self.is_registered:
            raise PlanRefused(f"trunk {self.name} has no username, but a password or a registration")


class PlannedPeer(Struct, frozen=True, kw_only=True):
    """Another PBX of the organization, known by its address."""

    pbx_id: PbxId
    host: str
    extensions: tuple[str, ...] = ()
    """What phones here reach there by the extension alone; one that this PBX has, too, is its own."""

    def __post_init__(self) -> None:
        _fits("PBX", self.pbx_id, NAME)
        _fits(f"host of PBX {self.pbx_id}", self.host, HOST)
        for extension in self.extensions:
            _fits(f"extension of PBX {self.pbx_id}", extension, EXTENSION)


class OutsideRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Public numbers that phones may dial, and how the trunk wants them."""

    pattern: str
    strip: int = 0
    """How many of the dialled digits the trunk does not get."""
    prepend: str = ""
    """What it gets before the others."""

    def __post_init__(self) -> None:
        _fits("pattern of numbers outside", self.pattern, PATTERN)
        if self.prepend:
            _fits("what stands before a number", self.prepend, NUMBER)
        if not 0 <= self.strip < len(self.pattern):
            raise PlanRefused(f"{self.pattern} has no {self.strip} digits to strip and a number after them")


class Fallback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a call goes while no gateway listens. With nothing chosen it rings on."""

    extensions: tuple[str, ...] = ()
    """Phones of this PBX that ring together."""
    number: str = ""
    """Dialled by the first trunk if no extension is chosen."""
    after_s: int = 15
    """How long it rings before, and between two tries: a gateway's restart takes 11 to 14 seconds."""
    ring_s: int = 30
    """How long the chosen phones ring; in between the call is offered to the application again."""
    rings_on_s: int = 180
    """After how many offers, a second apart, an unanswered call is ended: a carrier's proxies give up after
    three minutes, too (SIP's timer C)."""

    def __post_init__(self) -> None:
        for extension in self.extensions:
            _fits("extension to fall back to", extension, EXTENSION)
        if self.number:
            _fits("number to fall back to", self.number, NUMBER)
        if self.number and self.extensions:
            raise PlanRefused("a call falls back to extensions or to a number, not to both")
        for name, value in (
            ("after_s", self.after_s),
            ("ring_s", self.ring_s),
            ("rings_on_s", self.rings_on_s),
        ):
            if not 1 <= value <= WAIT_S_MAX:
                raise PlanRefused(f"{name} of the fallback is {value}, and not 1 to {WAIT_S_MAX}")


class PbxPlan(Struct, frozen=True, kw_only=True):
    """Everything that is rendered for one PBX."""

    pbx_id: PbxId
    app: str = "ringback"
    """The ARI application that calls are given to."""
    phones: tuple[PlannedPhone, ...] = ()
    other_extensions: tuple[str, ...] = ()
    """Phones that the operator's own pjsip.conf registers, each as its extension, as on an office PBX."""
    trunks: tuple[PlannedTrunk, ...] = ()
    """The first one is dialled; emergency numbers try all of them in turn."""
    peers: tuple[PlannedPeer, ...] = ()
    department_extensions: tuple[str, ...] = ()
    outside: tuple[OutsideRule, ...] = ()
    """What phones may dial outside: nothing, unless the operator allows it."""
    outside_number: str = ""
    """The number that is shown outside; empty: the trunk decides."""
    emergency_numbers: tuple[str, ...] = ()
    fallback: Fallback = Fallback()
    qualify_s: int = 30
    """How often each phone is asked whether it is there; 0: never."""
    media_address: str = ""
    """The one address that sound goes through; empty: Asterisk chooses, as on a machine with one network."""

    def __post_init__(self) -> None:
        _fits("PBX", self.pbx_id, NAME)
        _fits("application", self.app, NAME)
        for number in self.emergency_numbers:
            _fits("emergency number", number, EMERGENCY)
        for extension in (*self.department_extensions, *self.other_extensions):
            _fits("extension", extension, EXTENSION)
        if self.outside_number:
            _fits("number shown outside", self.outside_number, NUMBER)
        if self.media_address:
            _fits("address of sound", self.media_address, NETWORK)
        if not 0 <= self.qualify_s <= WAIT_S_MAX:
            raise PlanRefused(f"qualify_s is {self.qualify_s}, and not 0 to {WAIT_S_MAX}")
        _once(
            "extension",
            *self.own_extensions,
            *self.department_extensions,
            *self.emergency_numbers,
        )
        _once("name", *(each.name for each in self.trunks), *(each.pbx_id for each in self.peers))
        _once("pattern", *(each.pattern for each in self.outside))
        self._can_dial()

    @property
    def own_extensions(self) -> tuple[str, ...]:
        """Of every phone of this PBX."""
        return (*(each.extension for each in self.phones), *self.other_extensions)

    def _can_dial(self) -> None:
        """Refuse what is to be dialled by something that is not there."""
        missing = set(self.fallback.extensions) - set(self.own_extensions)
        if missing:
            raise PlanRefused(f"no phone has extension {min(missing)}, which calls fall back to")
        if not self.trunks and (self.outside or self.fallback.number):
            raise PlanRefused("numbers outside are allowed or fallen back to, but there is no trunk")


def _fits(what: str, value: str, pattern: re.Pattern[str]) -> None:
    """Refuse a value that is not of its pattern, or whose name is one of ours."""
    if pattern.fullmatch(value) is None or value.startswith(OWN_PREFIX):
        raise PlanRefused(f"{what} can't be {value!r}")


def _fits_secret(what: str, value: str) -> None:
    if SECRET.fullmatch(value) is None:
        raise PlanRefused(f"{what} is empty, too long, or has blanks or letters that are not ASCII")


def _once(what: str, *values: str) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise PlanRefused(f"{what} {twice[0]} is there twice")
