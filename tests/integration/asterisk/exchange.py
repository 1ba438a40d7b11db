"""A PBX as it is exported, with nobody listening to its calls; its phones; and the public network around it.

Phones and network are each an Asterisk of its own with a dialplan written by hand: none of what is tested is
theirs. Their dialplans note in global variables what came.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx

from contracts.ids import PbxId
from ringback.pbx_files.plan import PbxPlan, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from ringback.stack.asterisk.instance import free_address, texts
from services.gateway.asterisk.address import read_address

SEEN_S_MAX = 30
PBX = PbxId("moskva")
LINE = "+74950001000"
PASSWORDS = {"201": "of;201=[x]", "202": "of-202", "203": "of-203"}

_ENDPOINT = (
    "type = endpoint\ndisallow = all\nallow = alaw\ndirect_media = no\nmedia_address = {address}\n"
    "bind_rtp_to_media_address = yes\n"
)


def phones_pjsip(address: str, pbx: str, passwords: Mapping[str, str], *, keys: str = "rfc4733") -> str:
    """Phones that register: `PJSIP/202@as-201` is phone 201 dialling 202; `keys` is how theirs are sent."""
    text = transport(address) + f"[pbx]\n{_ENDPOINT.format(address=address)}context = phones\n"
    text += f"[pbx]\ntype = identify\nendpoint = pbx\nmatch = {pbx}\n"
    for extension, password in passwords.items():
        name = f"as-{extension}"
        text += (
            f"[{name}]\n{_ENDPOINT.format(address=address)}context = phones\naors = {name}\n"
            f"outbound_auth = {name}\nfrom_user = {extension}\ndtmf_mode = {keys}\n"
            f"[{name}]\ntype = aor\ncontact = sip:{pbx}\n"
            f"[{name}]\ntype = auth\nauth_type = digest\nusername = {extension}\n"
            f"password = {password.replace(';', chr(92) + ';')}\n"
            f"[{name}]\ntype = registration\noutbound_auth = {name}\nserver_uri = sip:{pbx}\n"
            f"client_uri = sip:{extension}@{pbx}\ncontact_user = {extension}\nretry_interval = 1\n"
            "auth_rejection_permanent = no\nforbidden_retry_interval = 1\nmax_retries = 10000\n"
        )
    return text


PHONES = """[general]
[pressing]
exten => _X.,1,SendDTMF(4#,250)
 same => n,Wait(60)
[phones]
exten => _X.,1,Set(GLOBAL(RANG_${EXTEN})=${CALLERID(num)})
 same => n,Set(GLOBAL(NAME_${EXTEN})=${CALLERID(name)})
 same => n,Ringing()
 same => n,Wait(1)
 same => n,Answer()
 same => n,Wait(60)
[talking]
exten => _X.,1,Set(GLOBAL(TALKED_${EXTEN})=1)
 same => n,Wait(60)
"""


def network_pjsip(address: str, pbx: str) -> str:
    """The public network: `PJSIP/<number>@pbx` calls the company from outside."""
    return (
        f"{transport(address)}[pbx]\n{_ENDPOINT.format(address=address)}context = network\naors = pbx\n"
        f"[pbx]\ntype = aor\ncontact = sip:{pbx}\n[pbx]\ntype = identify\nendpoint = pbx\nmatch = {pbx}\n"
    )


NETWORK = """[general]
[network]
exten => _[+0-9].,1,Set(GLOBAL(RANG_${FILTER(0-9,${EXTEN})})=${CALLERID(num)})
 same => n,Answer()
 same => n,Wait(60)
[talking]
exten => _X.,1,Set(GLOBAL(TALKED_${EXTEN})=1)
 same => n,Wait(60)
"""


class Exchange:
    """The PBX, its phones 201 to 203, and the public network."""

    def __init__(self, folder: Path, root: Root) -> None:
        self.pbx_address = free_address()
        self.network = Instance(
            folder / "network",
            name="network",
            pjsip=lambda address: network_pjsip(address, self.pbx_address),
            extensions=NETWORK,
            root=root,
            dies_with_parent=True,
        )
        self.phones = Instance(
            folder / "phones",
            name="phones",
            pjsip=lambda address: phones_pjsip(address, self.pbx_address, PASSWORDS),
            extensions=PHONES,
            root=root,
            dies_with_parent=True,
        )
        self.pbx = Instance.of_plan(
            folder / "pbx", self.plan(), root=root, address=self.pbx_address, dies_with_parent=True
        )

    def plan(self, **chosen: object) -> PbxPlan:
        """The PBX with these things chosen."""
        phones = tuple(
            PlannedPhone(extension=extension, password=word, display_name=f"Phone {extension}")
            for extension, word in PASSWORDS.items()
        )
        given = {
            "pbx_id": PBX,
            "phones": phones,
            "trunks": (PlannedTrunk(host=self.network.address),),
            "department_extensions": ("300",),
            "outside_number": LINE,
            "emergency_numbers": ("01", "112"),
            **chosen,
        }
        return PbxPlan(**given)  # type: ignore[arg-type]

    def is_as(self, **chosen: object) -> None:
        """Let the PBX read another plan, with nobody talking and nothing noted."""
        for each in (self.pbx, self.phones, self.network):
            each.cli("channel", "request", "hangup", "all")
        until(lambda: "0 active channels" in self.pbx.cli("core", "show", "channels"), "the end of all calls")
        for each in (self.phones, self.network):
            for name in noted(each):
                each.cli("dialplan", "set", "global", name, "gone")
        self.pbx.reconfigure(**texts(self.plan(**chosen)))

    def dials(self, extension: str, number: str) -> None:
        """Phone `extension` dials; when somebody answers, it notes that under its extension."""
        originate(self.phones, f"PJSIP/as-{extension}/sip:{number}@{self.pbx_address}", extension)

    def calls_in(self, number: str = LINE, mark: str = "1000") -> None:
        """Somebody outside calls the company; when somebody answers, that is noted under the mark."""
        originate(self.network, f"PJSIP/{number}@pbx", mark)

    def start(self) -> None:
        self.pbx.start()
        self.network.start()
        self.phones.start()
        until(
            lambda: self.phones.cli("pjsip", "show", "registrations").count("Registered") == len(PASSWORDS),
            "the registrations of all phones",
        )

    def stop(self) -> None:
        for each in (self.phones, self.network, self.pbx):
            each.stop()


def originate(instance: Instance, endpoint: str, mark: str, context: str = "talking") -> None:
    """Let an instance call, and do what its context says with whoever answers."""
    asked = {"endpoint": endpoint, "context": context, "extension": mark, "priority": "1", "timeout": "60"}
    address = read_address(PBX, instance.ari_address()).url
    httpx.post(f"{address}/channels", params=asked).raise_for_status()


def noted(instance: Instance) -> dict[str, str]:
    """What the dialplan written by hand has noted."""
    shown = instance.cli("dialplan", "show", "globals")
    found = re.findall(r"^\s*((?:RANG|NAME|TALKED)_\w+)=(.*)$", shown, re.MULTILINE)
    return {name: value for name, value in found if value != "gone"}


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that takes as long as the machine is busy."""
    deadline = time.monotonic() + SEEN_S_MAX
    while not is_so():
        assert time.monotonic() < deadline, f"after {SEEN_S_MAX} s there is not yet {what}"
        time.sleep(0.1)


def until_noted(instance: Instance, *names: str) -> dict[str, str]:
    """What is noted, once these are."""
    until(lambda: set(names) <= set(noted(instance)), f"{', '.join(names)}")
    return noted(instance)


@contextlib.contextmanager
def running(folder: Path, root: Root) -> Iterator[Exchange]:
    """An exchange that has started, ended with the block."""
    exchange = Exchange(folder, root)
    try:
        exchange.start()
        yield exchange
    finally:
        exchange.stop()
