"""What a story does with phones, and what it asks: calls, behaviours, the log."""

import contextlib
import functools
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts.directory import Language
from contracts.ids import AgentId, PbxId
from contracts.prompts import prompt_key
from devtools import hearing
from devtools.demo import past
from devtools.phone_networks import RealPhones
from ringback.phones import speak
from services.gateway.simulated.script import Behaviour, Call, Step, Until
from services.gateway.simulated.wire import Control
from services.history.rules.history_row import Row
from tests.e2e.cluster import Cluster
from tests.e2e.phones.office import AGENT_SAYS, EXTENSIONS, MOSKVA, OF_VOLGA, VOLGA, Mayak

TALKS = (Step(until=Until.BRIDGED), Step(say=AGENT_SAYS), Step(wait_s=2), Step(hang_up=True))
"""An agent who greets, listens, and ends the talk."""
KEY: Final = "1"


def ordering(*, by_info: bool = False) -> tuple[Step, ...]:
    """A customer orders a callback over the invitation and hangs up."""
    return (
        Step(during="invitation"),
        Step(wait_s=0.5),
        Step(press=KEY, by_info=by_info),
        Step(wait_s=3),
        Step(hang_up=True),
    )


ORDERS: Final = ordering()
KNOWN_MIN: Final = 0.8
"""The share of a sentence that its hearer must have heard; a hang-up may cut its end."""
UNKNOWN_MAX: Final = 0.2
"""The share of a sentence that was not said: a piece here and there is like another."""

PCAP_HEADER_BYTES, PCAP_RECORD_BYTES = 24, 16
PACKET_HEADERS_BYTES: Final = 14 + 20 + 8
"""Of Ethernet, IPv4 and UDP."""


@dataclass(slots=True)
class Exchange:
    """The running company with its phones."""

    cluster: Cluster
    company: Mayak
    phones: RealPhones

    @contextlib.contextmanager
    def wire(self, pbx_id: PbxId) -> Iterator[list[str]]:
        """What SIP a PBX sends and receives meanwhile; the list is filled at the end."""
        pbx, file = self.phones.instances[pbx_id], self.cluster.run / f"wire-{pbx_id}.pcap"
        messages: list[str] = []
        pbx.cli("pjsip", "set", "logger", "pcap", str(file))
        pbx.cli("pjsip", "set", "logger", "on")
        yield messages
        # The file is whole once it is closed.
        pbx.cli("pjsip", "set", "logger", "off")
        messages += sip_messages(file.read_bytes())

    def call(self, line: int, *then: Step, caller: str | None = None) -> None:
        """Let the customer of a line call it, or somebody else."""
        caller = caller or self.company.customer(line)
        call = Call(line=self.company.dialled(line), caller=caller, then=then)
        self.cluster.note(f"a customer calls line {line}")
        self.cluster.phones.control(Control(pbx_id=MOSKVA, call=call))

    def agent(self, name: str, *behaviours: Behaviour) -> None:
        """An agent comes, and behaves like this when the desk phone rings."""
        self.cluster.note(f"{name} comes")
        self.cluster.phones.control(
            Control(pbx_id=_home(name), address=desk(name), behave=behaviours, reachable=True)
        )

    def leaves(self, *names: str) -> None:
        """Agents' desk phones are registered no longer: the story is over."""
        for name in names:
            self.cluster.note(f"{name} leaves")
            self.cluster.phones.control(Control(pbx_id=_home(name), address=desk(name), reachable=False))

    def ordered(self, line: int) -> None:
        """Wait until the customer of a line has ordered a callback and hung up."""
        company = self.company
        customer = company.customer(line)
        self.until(f"the order of line {line}", lambda: company.has(c.CallbackOrdered, number=customer))
        place = company.one(q.PlaceTaken, caller=customer)
        self.until(f"the hang-up of line {line}", lambda: company.has(g.LegEnded, leg_id=place.leg_id))

    def connected(self, line: int) -> q.PlaceConnected:
        """Wait until the customer of a line talks to an agent."""
        company = self.company
        customer = company.customer(line)
        self.until(f"the call of line {line}", lambda: company.has(q.PlaceTaken, caller=customer))
        leg_id = company.one(q.PlaceTaken, caller=customer).leg_id
        self.until(f"an agent for line {line}", lambda: company.has(q.PlaceConnected, leg_id=leg_id))
        return company.one(q.PlaceConnected, leg_id=leg_id)

    def history(self, customer: str) -> list[Row]:
        """What history shows of a customer, once the contact has ended."""
        rows = past.asked(
            self.cluster.stack.service("history").address,
            self.cluster.stack.token_keys,
            organization_id=self.company.organization_id,
            agent_id=AgentId("anna"),
            wanted=[customer],
        )
        return [row for row in rows if row.number == customer]

    def public(self, number: str, *behaviours: Behaviour) -> None:
        """How somebody behaves whose phone the town rings."""
        self.cluster.phones.control(Control(pbx_id=MOSKVA, address=f"tel:{number}", behave=behaviours))

    def heard(self, phone: str, call: int = -1) -> bytes:
        """What a phone heard in one of its calls, the last one by default, as samples."""
        files = self.cluster.phones.heard().get(phone, [])
        return hearing.pcm_of(files[call].read_bytes()) if files else b""

    def hears(self, phone: str, sound: bytes) -> None:
        """Wait until a phone has heard words; what was heard is written with a delay."""
        self.until(
            f"known words at {phone}", lambda: hearing.share_heard(sound, self.heard(phone)) >= KNOWN_MIN
        )

    def prompt(self, name: str) -> bytes:
        """A standard prompt, as samples."""
        return hearing.pcm_of_wav(self.stored(prompt_key(Language.RUSSIAN, name)))

    def stored(self, key: str) -> bytes:
        """An object of the bucket."""
        s3 = self.cluster.stack.parts.s3
        return s3.client().get_object(Bucket=s3.bucket, Key=key)["Body"].read()

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until the log shows it."""
        self.cluster.until(what, self.company, is_so)


def sip_messages(pcap: bytes) -> list[str]:
    """The messages in a capture of Asterisk, each from its first line on."""
    at, found = PCAP_HEADER_BYTES, []
    while at < len(pcap):
        size = int.from_bytes(pcap[at + 8 : at + 12], "little")
        packet = pcap[at + PCAP_RECORD_BYTES : at + PCAP_RECORD_BYTES + size]
        found.append(packet[PACKET_HEADERS_BYTES:].decode(errors="replace"))
        at += PCAP_RECORD_BYTES + size
    return found


@functools.cache
def voice(text: str) -> bytes:
    """What somebody says, as samples."""
    return hearing.pcm_of(speak(text, Language.RUSSIAN))


def decoded(sound: bytes, form: str) -> bytes:
    """A stored sound as samples."""
    argv = ["ffmpeg", "-v", "error", "-xerror", "-f", form, "-i", "pipe:0"]
    argv += ["-f", "s16le", "-ar", "8000", "-ac", "1", "pipe:1"]
    return subprocess.run(argv, input=sound, capture_output=True, check=True, timeout=60).stdout


def desk(name: str) -> str:
    """An agent's desk phone, as its PBX dials it."""
    return f"sip:{EXTENSIONS[name]}"


def _home(name: str) -> PbxId:
    return VOLGA if name in OF_VOLGA else MOSKVA
