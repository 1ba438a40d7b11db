"""The town's Asterisk: all phones, which register with the PBXs under test, and the public network.

It has two addresses, since a PBX knows its trunk by the address that calls come from: one is the public
network, the other the phones.
"""

from pathlib import Path
from typing import Final, Unpack

from msgspec import Struct

from contracts.ids import PbxId
from ringback.stack.asterisk import Instance, Options, free_address
from ringback.stack.asterisk.configuration import SIP_PORT

APP: Final = "town"
DIALLED: Final = "dialled"
REGISTER_AGAIN_S: Final = 2
"""The pause between two tries, after which a phone is there again when its PBX has come back."""
REGISTERED_S: Final = 3_600
"""Longer than any test: the minute before a registration ends would be as if the phone had hung up."""

RTCP_S: Final = 60
"""The longest that Asterisk allows. RTCP is a sign of life to a PBX, and Asterisk would send it for a phone
that has lost its sound, too: with this a PBX that ends such a call after 30 s has 30 s to do so."""

# A number or a phone's name has two characters or more; `h`, `i` and `t` are the dialplan's own.
DIALPLAN: Final = f"""\
[town]
exten => _[+0-9A-Za-z].,1,Stasis({APP},{DIALLED},${{EXTEN}})
 same => n,Hangup()
"""
_ENDPOINT: Final = """\
type = endpoint
context = town
disallow = all
allow = alaw
direct_media = no
dtmf_mode = rfc4733
bind_rtp_to_media_address = yes
"""


class PbxAccess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A PBX that the town calls and that calls it: its SIP address, and the passwords of its phones."""

    address: str
    passwords: dict[str, str] = {}


class Around(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The PBXs around a town, and the address that they know as their trunk's."""

    pbxs: dict[PbxId, PbxAccess]
    address: str = ""
    """Empty: any free one."""
    elsewhere: dict[str, PbxId] = {}
    """Public numbers that are no phones of the town: calls to them go on to a PBX."""


def phone_name(pbx_id: str, extension: str) -> str:
    """What a phone is called in the town."""
    return f"{pbx_id}-{extension}"


class Exchange:
    """The town's Asterisk; `trunk_address` is what a PBX has for its trunk's host."""

    def __init__(self, folder: Path, around: Around, **options: Unpack[Options]) -> None:
        self.pbxs = around.pbxs
        self.phones_address = free_address()
        self.folder = folder
        if around.address:
            options["address"] = around.address
        options["rtcp_s"] = RTCP_S
        extensions = DIALPLAN + "".join(
            f"exten => {number},1,Dial(PJSIP/{number}@{trunk_name(pbx_id)})\n"
            " same => n,Hangup(${HANGUPCAUSE})\n"
            for number, pbx_id in around.elsewhere.items()
        )
        self.instance = Instance(folder, name=APP, pjsip=self._pjsip, extensions=extensions, **options)

    @property
    def trunk_address(self) -> str:
        """Where the public network is."""
        return self.instance.address

    def _pjsip(self, address: str) -> str:
        text = "[global]\ntype = global\nuser_agent = town\n[system]\ntype = system\n"
        text += _transport("trunk", address) + _transport("phones", self.phones_address)
        text += f"[line](!)\n{_ENDPOINT}media_address = {address}\n"
        text += f"[phone](!)\n{_ENDPOINT}transport = phones\nmedia_address = {self.phones_address}\n"
        for pbx_id, pbx in self.pbxs.items():
            text += _trunk(pbx_id, pbx)
            text += "".join(_phone(pbx_id, pbx, extension) for extension in pbx.passwords)
        return text

    def extension(self, name: str) -> tuple[PbxId, str] | None:
        """Whose phone has a name in the town, and its extension."""
        for pbx_id, pbx in self.pbxs.items():
            for extension in pbx.passwords:
                if phone_name(pbx_id, extension) == name:
                    return pbx_id, extension
        return None


def _transport(name: str, address: str) -> str:
    return f"[{name}]\ntype = transport\nprotocol = udp\nbind = {address}:{SIP_PORT}\n"


def trunk_name(pbx_id: str) -> str:
    """The endpoint that calls a PBX from outside."""
    return f"trunk-{pbx_id}"


def _trunk(pbx_id: str, pbx: PbxAccess) -> str:
    """A PBX as the public network has it; calls for phones come from there, too."""
    name = trunk_name(pbx_id)
    return (
        f"[{name}](line)\ntransport = trunk\naors = {name}\n"
        f"[{name}]\ntype = aor\ncontact = sip:{pbx.address}\n"
        f"[{name}]\ntype = identify\nendpoint = {name}\nmatch = {pbx.address}\n"
    )


def _phone(pbx_id: str, pbx: PbxAccess, extension: str) -> str:
    name = phone_name(pbx_id, extension)
    return (
        f"[{name}](phone)\naors = {name}\noutbound_auth = {name}\nfrom_user = {extension}\n"
        f"from_domain = {pbx.address}\n"
        f"[{name}]\ntype = auth\nauth_type = userpass\nusername = {extension}\n"
        f"password = {pbx.passwords[extension]}\n"
        f"[{name}]\ntype = aor\ncontact = sip:{pbx.address}\n"
        f"[{name}]\ntype = registration\ntransport = phones\noutbound_auth = {name}\n"
        f"server_uri = sip:{pbx.address}\nclient_uri = sip:{extension}@{pbx.address}\ncontact_user = {name}\n"
        f"expiration = {REGISTERED_S}\nretry_interval = {REGISTER_AGAIN_S}\n"
        f"forbidden_retry_interval = {REGISTER_AGAIN_S}\nfatal_retry_interval = {REGISTER_AGAIN_S}\n"
        "max_retries = 1000000\nauth_rejection_permanent = no\nmax_random_initial_delay = 0\n"
    )
