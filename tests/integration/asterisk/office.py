"""Two PBXs and the world outside, each a real Asterisk; a test itself answers and hangs up the phones.

The third Asterisk has every phone and is the public network. Its calls come to an ARI application that a test
drives, so nothing here waits for a time.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from contracts import telephony
from contracts.ids import Address, LegId, PbxId
from ringback.pbx_files.plan import PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from ringback.stack.asterisk.instance import free_address
from runtime.memory import MemoryBlobs
from runtime.ports import Blobs
from services.gateway import port
from services.gateway.asterisk.adapter import AsteriskPbx
from services.gateway.asterisk.ari import AriEvent, Channel, Endpoint
from services.gateway.asterisk.client import AriClient, connected, path
from services.gateway.asterisk.media import MediaFolder
from services.gateway.port import AnyPbxEvent, Request

CLOUD, SECOND, WORLD = PbxId("cloud"), PbxId("second"), "world"
LINE = "+74951230001"
PHONES = {CLOUD: ("201", "202"), SECOND: ("205",)}
DEPARTMENT = "300"
UNTIL_S_MAX: Final = 60.0
"""For a machine that does ten other things; nothing is judged by it."""

H = TypeVar("H")


def a_plan(pbx_id: PbxId, peers: dict[PbxId, str], world: str) -> PbxPlan:
    """One PBX as its operator has it."""
    return PbxPlan(
        pbx_id=pbx_id,
        phones=tuple(PlannedPhone(extension=each, password=f"of-{each}") for each in PHONES[pbx_id]),
        trunks=(PlannedTrunk(host=world),),
        peers=tuple(PlannedPeer(pbx_id=peer, host=host) for peer, host in peers.items()),
        department_extensions=(DEPARTMENT,) if pbx_id == CLOUD else (),
        qualify_s=0,
    )


def world_sip(address: str, phones_address: str, pbxs: dict[PbxId, str]) -> str:
    """The PBXs as the public network knows them, and phones, which register from another address."""
    bind = f"type = transport\nprotocol = udp\nbind = {phones_address}:5060\n"
    text = f"{transport(address)}[phones]\n{bind}"
    for pbx_id, host in pbxs.items():
        text += WORLD_ENDPOINT.format(pbx_id=pbx_id, host=host, address=address, context=WORLD)
        for each in PHONES[pbx_id]:
            text += REGISTRATION.format(name=f"{pbx_id}-{each}", extension=each, host=host)
    return text


WORLD_ENDPOINT = """\
[{pbx_id}]
type = endpoint
context = {context}
disallow = all
allow = alaw
direct_media = no
media_address = {address}
bind_rtp_to_media_address = yes
trust_id_inbound = yes
trust_id_outbound = yes
send_rpid = yes
transport = udp
aors = {pbx_id}
[{pbx_id}]
type = aor
contact = sip:{host}
[{pbx_id}]
type = identify
endpoint = {pbx_id}
match = {host}
"""
REGISTRATION = """\
[{name}]
type = registration
transport = phones
outbound_auth = {name}
server_uri = sip:{host}
client_uri = sip:{extension}@{host}
contact_user = {extension}
retry_interval = 1
forbidden_retry_interval = 1
fatal_retry_interval = 1
max_retries = 1000000
auth_rejection_permanent = no
max_random_initial_delay = 0
[{name}]
type = auth
auth_type = digest
username = {extension}
password = of-{extension}
"""
WORLD_DIALPLAN = (
    f"[{WORLD}]\nexten => _[+0-9].,1,Stasis({WORLD},${{EXTEN}},${{PJSIP_HEADER(read,X-Ringback-Purpose)}})\n"
    " same => n,Hangup()\n"
)


class Instances:
    """The three, started once for all tests of a worker."""

    def __init__(self, folder: Path, root: Root) -> None:
        phones_address = free_address()
        self.world = Instance(
            folder / WORLD,
            name=WORLD,
            pjsip=lambda address: world_sip(address, phones_address, self.hosts),
            extensions=WORLD_DIALPLAN,
            root=root,
            dies_with_parent=True,
        )
        self.pbxs = {
            each: Instance.of_plan(
                folder / each, a_plan(each, {}, self.world.address), root=root, dies_with_parent=True
            )
            for each in PHONES
        }
        for pbx_id, instance in self.pbxs.items():
            peers = {each: host for each, host in self.hosts.items() if each != pbx_id}
            self.pbxs[pbx_id] = Instance.of_plan(
                instance.folder,
                a_plan(pbx_id, peers, self.world.address),
                root=root,
                dies_with_parent=True,
            )

    @property
    def hosts(self) -> dict[PbxId, str]:
        """Where each PBX is."""
        return {pbx_id: instance.address for pbx_id, instance in self.pbxs.items()}

    def start(self) -> None:
        """Start all of them."""
        for each in (*self.pbxs.values(), self.world):
            each.start()

    def stop(self) -> None:
        """End all of them."""
        for each in (self.world, *self.pbxs.values()):
            each.thaw()
            each.stop()


def ari_client(
    instance: Instance, app: str, on_event: Callable[[AriEvent], None] = lambda _: None
) -> AriClient:
    """A client of any application of an instance."""
    address = instance.ari_address().removeprefix("ari+").partition("?")[0]
    return AriClient(address, app, on_event)


class Gateway:
    """An adapter as a gateway uses it, and everything that it told."""

    _numbers = itertools.count(1)

    def __init__(self, address: str, blobs: Blobs | None = None, served: MediaFolder | None = None) -> None:
        self.told: list[AnyPbxEvent] = []
        self.woken = asyncio.Event()
        self.adapter = AsteriskPbx(CLOUD, address, self.woken.set, blobs or MemoryBlobs(), served=served)
        self._running: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Let it connect."""
        self._running = asyncio.create_task(self.adapter.run())

    async def die(self) -> None:
        """End it without a word, as a killed process does."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def ask(self, request: Request, number: int | None = None) -> int:
        number = next(self._numbers) if number is None else number
        self.adapter.ask(number, request)
        return number

    def dial(self, address: str, leg_id: LegId, **fields: Any) -> int:
        return self.ask(
            telephony.DialLeg(
                pbx_id=CLOUD,
                leg_id=leg_id,
                address=Address(address),
                **{"caller_id": LINE, "ring_ms_max": 60_000, **fields},
            )
        )

    def hang_up(self, leg_id: LegId) -> int:
        return self.ask(telephony.HangUp(pbx_id=CLOUD, leg_id=leg_id))

    def heard(self, kind: type[H], **fields: Any) -> list[H]:
        self.told += self.adapter.take()
        return [
            each
            for each in self.told
            if isinstance(each, kind) and all(getattr(each, name) == value for name, value in fields.items())
        ]

    async def until(self, kind: type[H], **fields: Any) -> H:
        """Wait until this was told."""
        end = time.monotonic() + UNTIL_S_MAX
        while not (found := self.heard(kind, **fields)):
            assert time.monotonic() < end, f"not told: {kind.__name__} {fields}; told: {self.told}"
            self.woken.clear()
            try:
                async with asyncio.timeout(0.05):
                    await self.woken.wait()
            except TimeoutError:
                pass
        return found[0]

    async def result(self, number: int) -> port.Result:
        """The reply to a request."""
        return (await self.until(port.Replied, request=number)).result


class Office:
    """The phones and callers of one test, and the gateways that it starts."""

    _legs = itertools.count(1)

    def __init__(self, instances: Instances) -> None:
        self.instances = instances
        self.world = self.world_client()
        self.ringing: dict[str, tuple[Channel, tuple[str, ...]]] = {}
        self.events: list[AriEvent] = []
        self.blobs = MemoryBlobs()
        self._gateways: list[Gateway] = []

    def world_client(self) -> AriClient:
        """A client of the phones and the public network; not yet connected."""
        return ari_client(self.instances.world, WORLD, self._hear)

    def _hear(self, event: AriEvent) -> None:
        self.events.append(event)
        if event.type == "StasisStart" and event.channel is not None and event.args[0] != "calling":
            self.ringing[event.args[0]] = (event.channel, event.args)

    async def gateway(
        self, *, pbx_id: PbxId = CLOUD, address: str = "", served: MediaFolder | None = None
    ) -> Gateway:
        """A gateway that is connected; `served` is the folder of its route for media."""
        made = Gateway(address or self.instances.pbxs[pbx_id].ari_address(), self.blobs, served)
        self._gateways.append(made)
        made.begin()
        await made.until(port.PbxThere)
        return made

    @staticmethod
    async def pause() -> None:
        """Let others work, between two looks."""
        await asyncio.sleep(0.05)

    @classmethod
    def a_leg(cls) -> LegId:
        """An id that no test has used."""
        return LegId(f"leg-{next(cls._legs)}-{time.time_ns()}")

    # Phones

    async def rings(self, number: str) -> tuple[Channel, tuple[str, ...]]:
        """Wait for a call to a phone, and let it ring."""
        end = time.monotonic() + UNTIL_S_MAX
        while number not in self.ringing:
            assert time.monotonic() < end, f"{number} was not called"
            await asyncio.sleep(0.01)
        found = self.ringing.pop(number)
        watched = {"eventSource": f"channel:{found[0].id}"}
        await self.world.request("POST", path("applications", WORLD, "subscription"), query=watched)
        await self.world.request("POST", path("channels", found[0].id, "ring"))
        return found

    async def answer(self, channel: Channel) -> None:
        assert (await self.world.request("POST", path("channels", channel.id, "answer"))).is_ok

    async def end(self, channel: Channel, reason: str = "normal") -> None:
        await self.world.request("DELETE", path("channels", channel.id), query={"reason": reason})

    async def press(self, channel: Channel, keys: str) -> None:
        await self.world.request("POST", path("channels", channel.id, "dtmf"), query={"dtmf": keys})

    async def ended(self, channel: Channel) -> AriEvent:
        """How a phone's call ended, as the phone sees it."""
        end = time.monotonic() + UNTIL_S_MAX
        while True:
            for event in self.events:
                if event.type == "ChannelDestroyed" and event.channel and event.channel.id == channel.id:
                    return event
            assert time.monotonic() < end, "the phone's call goes on"
            await asyncio.sleep(0.01)

    async def calls(self, line: str = LINE, **variables: str) -> Channel:
        """Somebody outside calls."""
        name = f"caller-{next(self._legs)}-{time.time_ns()}"
        made = await self.world.request(
            "POST",
            "channels/create",
            query={
                "endpoint": f"PJSIP/{line}@{CLOUD}",
                "app": WORLD,
                "appArgs": "calling",
                "channelId": name,
            },
            body={"variables": {f"CONNECTEDLINE({key})": value for key, value in variables.items()}},
        )
        channel = made.read(Channel)
        while not [e for e in self.events if e.type == "StasisStart" and e.channel and e.channel.id == name]:
            await asyncio.sleep(0.01)
        assert (await self.world.request("POST", path("channels", name, "dial"))).is_ok
        return channel

    async def answered(self, gateway: Gateway, address: str, number: str) -> tuple[LegId, Channel]:
        """A phone that was dialled and picked up."""
        leg_id = self.a_leg()
        gateway.dial(address, leg_id)
        channel, _ = await self.rings(number)
        await self.answer(channel)
        await gateway.until(port.PickedUp, leg_id=leg_id)
        return leg_id, channel

    async def close(self) -> None:
        for each in self._gateways:
            await each.die()
        for instance in (self.instances.world, *self.instances.pbxs.values()):
            client = ari_client(instance, "cleaning")
            await client.connect()
            for channel in (await client.request("GET", "channels")).read(tuple[Channel, ...]):
                await client.request("DELETE", path("channels", channel.id))
            await client.close()
        await self.world.close()


@asynccontextmanager
async def an_office(instances: Instances) -> AsyncIterator[Office]:
    """An office whose phones are registered."""
    office = Office(instances)
    office.world = await connected(office.world_client)
    for pbx_id, instance in instances.pbxs.items():
        client = ari_client(instance, "looking")
        await client.connect()
        end = time.monotonic() + UNTIL_S_MAX
        while True:
            found = (await client.request("GET", "endpoints/PJSIP")).read(tuple[Endpoint, ...])
            if {e.resource for e in found if e.state == "online"} >= set(PHONES[pbx_id]):
                break
            assert time.monotonic() < end, f"the phones of {pbx_id} do not register: {found}"
            await asyncio.sleep(0.05)
        await client.close()
    try:
        yield office
    finally:
        await office.close()
