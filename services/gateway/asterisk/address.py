"""The address of an Asterisk in RINGBACK_PBXS, and how it dials.

    ari+http://user:password@host:8088/ari?app=ringback&trunk=trunk&context=from-phones&media=/shared/folder

`ari+https` is the same over TLS. `app` is the ARI application that the dialplan gives calls to, `trunk` the
endpoint of the public network, `context` where the phones' dialplan begins (an extension that is no phone is
looked up there), `media` a folder that Asterisk and the gateway share, or the address under which Asterisk
reaches the gateway (`http://gateway:8081`). `phone`, `outside` and `peer` replace how an address is dialled,
such as `outside=PJSIP/{digits}@operator` for a trunk that wants numbers without their plus. `ca` is a file
with the certificates that `ari+https` is verified with, in place of the system's.
"""

import re
import ssl
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

import msgspec

from contracts.ids import Address, PbxId
from runtime import urls

SCHEMES: Final = ("ari+http", "ari+https")
ID_LENGTH_MAX: Final = 149
"""Asterisk cuts a longer id without a word, and then the channel can't be ended any more (measured)."""
FORM: Final = (
    "ari+http://user:password@host:8088/ari?app=ringback&trunk=trunk&context=from-phones&media=/folder"
)

_SAFE: Final = re.compile(r"[+0-9A-Za-z._\-]{1,80}")
"""What may stand in a dial string: no `/` or `@`, which separate its parts, no `&`, which dials several."""
_FIELDS: Final = frozenset({"app", "trunk", "context", "media", "ca", "phone", "outside", "peer"})
_TEMPLATES: Final = {
    "phone": ("PJSIP/{extension}", ("extension",)),
    "outside": ("PJSIP/{number}@{trunk}", ("number",)),
    "peer": ("PJSIP/{extension}@{pbx}", ("extension", "pbx")),
}


class AsteriskAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where an Asterisk is, and how it dials. The address has a password in it: never log it."""

    url: str
    """ARI's own: `http://user:password@host:8088/ari`."""
    app: str = "ringback"
    context: str = "from-phones"
    media: str = ""
    """A folder (`/…`), an address (`http…`), or empty: nothing can be played."""
    ca: str = ""
    """A file of certificates; empty: the system's."""
    phone: str = _TEMPLATES["phone"][0]
    outside: str = "PJSIP/{number}@trunk"
    peer: str = _TEMPLATES["peer"][0]

    def dialled(self, address: Address) -> str | None:
        """What Asterisk dials for an address (`PJSIP/201`), or None if it can't."""
        kind, _, target = address.partition(":")
        if kind == "pbx":
            pbx, _, target = target.partition("/")
            if not (_SAFE.fullmatch(pbx) and _SAFE.fullmatch(target)):
                return None
            return self.peer.format(pbx=pbx, extension=target)
        if not _SAFE.fullmatch(target):
            return None
        if kind == "tel":
            return self.outside.format(number=target, digits=target.removeprefix("+"))
        return self.phone.format(extension=target) if kind == "sip" else None

    def tls(self) -> ssl.SSLContext | None:
        """How ARI's certificate is verified; None without TLS. Raises ValueError if `ca` can't be read."""
        if urlsplit(self.url).scheme != "https":
            return None
        try:
            return ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            raise ValueError(f"ca={self.ca} is no file of certificates: {error.strerror or error}") from error

    def endpoint(self, address: Address) -> tuple[str, str] | None:
        """The technology and the endpoint that an address is dialled by (`PJSIP`, `trunk`), or None."""
        dialled = self.dialled(address)
        if dialled is None:
            return None
        technology, _, target = dialled.partition("/")
        return technology, target.rpartition("@")[2]

    def device(self, extension: str) -> str:
        """The device of a phone, as Asterisk names it: `PJSIP/201`."""
        return self.phone.format(extension=extension)

    def phone_of(self, device: str) -> Address | None:
        """The address of a phone by its device, or None if no phone of this PBX has that name."""
        before, _, after = self.phone.partition("{extension}")
        is_phone = device.startswith(before) and device.endswith(after)
        extension = device[len(before) : len(device) - len(after)] if is_phone else ""
        return Address(f"sip:{extension}") if extension.isascii() and extension.isdecimal() else None


def read_address(pbx_id: PbxId, address: str) -> AsteriskAddress:
    """Read an address of RINGBACK_PBXS. Raises ValueError, whose text never has the password in it."""
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or not _is_login(parts):
        raise ValueError(f"the address of the PBX {pbx_id} is not like {FORM}")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    fields = dict(pairs)
    unknown = sorted(set(fields) - _FIELDS)
    if unknown or len(fields) != len(pairs):
        raise ValueError(
            f"the address of the PBX {pbx_id} has unknown or repeated parts ({', '.join(unknown)}): {FORM}"
        )
    for name in ("app", "context", "trunk"):
        if name in fields and not _SAFE.fullmatch(fields[name]):
            raise ValueError(f"{name} of the PBX {pbx_id} can't be {fields[name]!r}")
    trunk = fields.pop("trunk", "trunk")
    templates = {
        name: _template(pbx_id, name, fields.pop(name, usual).replace("{trunk}", trunk), places)
        for name, (usual, places) in _TEMPLATES.items()
    }
    media = fields.get("media", "")
    if media and not PurePosixPath(media).is_absolute():
        try:
            urls.parsed(media)
        except urls.Unusable as error:
            raise ValueError(
                f"media of the PBX {pbx_id} is neither a folder (/…) nor an address: {error}"
            ) from error
    scheme = parts.scheme.removeprefix("ari+")
    url = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") or "/ari", "", ""))
    return AsteriskAddress(url=url, **fields, **templates)


def _is_login(parts: SplitResult) -> bool:
    """Whether there are a host, a user and a password, and a port that is one, if any."""
    try:
        return bool(parts.hostname and parts.username and parts.password) and parts.port != 0
    except ValueError:
        return False


def _template(pbx_id: PbxId, name: str, template: str, places: tuple[str, ...]) -> str:
    """A template that has exactly its places in it."""
    found = re.findall(r"\{(.*?)\}", template)
    if found == ["digits"] and name == "outside":
        found = ["number"]
    if sorted(found) != sorted(places) or "/" not in template:
        wanted = _TEMPLATES[name][0]
        raise ValueError(f"{name} of the PBX {pbx_id} is like {wanted}, not {template!r}")
    return template
