"""An adapter whose Asterisk is behind a proxy that lies: a phone is dialled once, and its call is told of.

The phone is no Asterisk and counts its own calls. Requests are repeated every second, as a gateway does it.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import pytest

from contracts import telephony
from contracts.ids import Address, BridgeId, LegId, PbxId
from devtools.chaos import ari_proxy
from devtools.chaos.ari_proxy import AriProxy, Lie
from devtools.chaos.lone_phone import LonePhone
from ringback.pbx_files.plan import PbxPlan, PlannedPhone
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.process import free_port
from runtime.memory import MemoryBlobs
from services.gateway.asterisk.adapter import AsteriskPbx
from services.gateway.port import AnyPbxEvent, Ended, PbxGone, PbxThere, PickedUp, Replied, Request
from services.gateway.rules import ASK_AGAIN_MS

pytestmark = pytest.mark.timeout(240)

PBX = PbxId("cloud")
PHONE = "298"
SOON_S = 10.0
UNDER_LIES_S = 60.0
MOMENT_S = 0.5
AWAY_S = 8.0
"""Long enough for a pause that doubles at each try to become seconds."""
BACK_S_MAX = 4.0


@dataclass
class Office:
    """An Asterisk with one phone, and the proxy before its ARI."""

    instance: Instance
    phone: LonePhone
    proxy: AriProxy

    @property
    def address(self) -> str:
        """Where the adapter finds it: behind the proxy."""
        place = urlsplit(self.instance.ari_address())
        login = place.netloc.rpartition("@")[0]
        return urlunsplit(place._replace(netloc=f"{login}@127.0.0.1:{self.proxy.port}"))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Office]:
    """One Asterisk for all lies: each test has legs of its own."""
    password = secrets.token_hex(8)
    plan = PbxPlan(pbx_id=PBX, phones=(PlannedPhone(extension=PHONE, password=password),))
    instance = Instance.of_plan(
        tmp_path_factory.mktemp("lies"), plan, root=asterisk_root, dies_with_parent=True
    )
    instance.start()
    phone = LonePhone(PHONE, password, free_address(), instance.address)
    place = urlsplit(instance.ari_address())
    proxy = AriProxy("cloud", free_port(), (place.hostname or "", place.port or 0), seed=1)
    phone.begin()
    proxy.begin()
    assert phone.is_registered.wait(SOON_S)
    yield Office(instance, phone, proxy)
    proxy.stop()
    phone.stop()
    instance.stop()


@dataclass
class Gateway:
    """Asks again and again until a reply comes, and keeps everything that it is told."""

    pbx: AsteriskPbx
    told: list[AnyPbxEvent] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def until(self, is_so: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something was told."""
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"{what} was not told: {self.told[-20:]}"
            await asyncio.sleep(0.02)
            self.told += self.pbx.take()

    def has(self, kind: type[AnyPbxEvent], leg_id: LegId | None = None) -> bool:
        return any(
            isinstance(each, kind) and leg_id in (None, getattr(each, "leg_id", None)) for each in self.told
        )

    @property
    def is_there(self) -> bool:
        states = [each for each in self.told if isinstance(each, PbxThere | PbxGone)]
        return bool(states) and isinstance(states[-1], PbxThere)

    async def ask(self, request: Request) -> None:
        """Ask until there is a reply; after another connection under another number, as a gateway does."""
        for _ in range(int(UNDER_LIES_S)):
            number = next(self.numbers)
            theres = sum(isinstance(each, PbxThere) for each in self.told)
            while theres == sum(isinstance(each, PbxThere) for each in self.told):
                self.pbx.ask(number, request)
                end = time.monotonic() + ASK_AGAIN_MS / 1000
                while time.monotonic() < end:
                    await asyncio.sleep(0.02)
                    self.told += self.pbx.take()
                    if any(isinstance(each, Replied) and each.request == number for each in self.told):
                        return
        raise AssertionError(f"no reply to {request}")


@pytest.fixture
async def gateway(office: Office) -> AsyncIterator[Gateway]:
    """A gateway that is connected while the network is still honest."""
    pbx = AsteriskPbx(PBX, office.address, lambda: None, MemoryBlobs())
    running = asyncio.create_task(pbx.run())
    found = Gateway(pbx)
    await found.until(lambda: found.is_there, SOON_S, "the PBX")
    yield found
    office.proxy.tell(Lie.NONE)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def a_dial(leg_id: LegId) -> telephony.DialLeg:
    return telephony.DialLeg(
        pbx_id=PBX,
        leg_id=leg_id,
        address=Address(f"sip:{PHONE}"),
        caller_id="+74950000000",
        ring_ms_max=30_000,
    )


@pytest.mark.parametrize("lie", [Lie.NONE, Lie.DELAY, Lie.DROP, Lie.REORDER, Lie.DOUBLE], ids=str)
async def test_a_phone_is_dialled_once_whatever_the_network_says(
    office: Office, gateway: Gateway, lie: Lie
) -> None:
    """It rings once, is answered, and its call ends when it is hung up."""
    leg_id = LegId(f"leg-{lie}-{secrets.token_hex(3)}")
    before = office.phone.dialled()
    office.proxy.tell(lie)

    await gateway.ask(a_dial(leg_id))
    await gateway.until(lambda: gateway.has(PickedUp, leg_id), UNDER_LIES_S, "the answer")
    await gateway.ask(telephony.HangUp(pbx_id=PBX, leg_id=leg_id))
    await gateway.until(lambda: gateway.has(Ended, leg_id), UNDER_LIES_S, "the end")
    office.proxy.tell(Lie.NONE)

    assert office.phone.dialled() == before + 1
    told = [type(each).__name__ for each in gateway.told if getattr(each, "leg_id", None) == leg_id]
    assert told.count("PickedUp") == told.count("Ended") == 1


async def test_whoever_is_left_when_the_other_one_hangs_up_before_the_bridge_hears_music_again(
    office: Office, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the agent's call is still on its way when both are to be bridged."""
    monkeypatch.setattr(ari_proxy, "LATE_S", 2 * MOMENT_S)
    agent, caller = (LegId(f"{name}-{secrets.token_hex(3)}") for name in ("agent", "caller"))
    for leg_id in (agent, caller):
        await gateway.ask(a_dial(leg_id))
        await gateway.until(lambda leg_id=leg_id: gateway.has(PickedUp, leg_id), SOON_S, "the answer")  # type: ignore[misc]
    await gateway.ask(telephony.StartHoldMusic(pbx_id=PBX, leg_id=caller))
    office.proxy.tell(Lie.DELAY)
    await asyncio.sleep(MOMENT_S)
    office.phone.hang_up()
    await gateway.ask(telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId(f"b.{caller}"), legs=(caller, agent)))
    office.proxy.tell(Lie.NONE)
    await gateway.until(lambda: gateway.has(Ended, agent), SOON_S, "the agent's end")

    talk = office.phone.talk
    assert talk is not None
    await gateway.until(
        lambda: bool(talk.heard) and time.time() - talk.heard[-1][1] < MOMENT_S, UNDER_LIES_S, "music"
    )
    begun = time.time()
    await asyncio.sleep(2 * MOMENT_S)
    assert talk.heard[-1][1] > begun + MOMENT_S
    await gateway.ask(telephony.HangUp(pbx_id=PBX, leg_id=caller))
    await gateway.until(lambda: gateway.has(Ended, caller), SOON_S, "the end")


async def test_a_network_that_is_back_is_used_at_once(office: Office, gateway: Gateway) -> None:
    """A proxy that takes connections and drops them is no Asterisk that does not want us: try each second."""
    office.proxy.tell(Lie.CUT)
    await gateway.until(lambda: not gateway.is_there, SOON_S, "that it is away")
    await asyncio.sleep(AWAY_S)
    office.proxy.tell(Lie.NONE)
    await gateway.until(lambda: gateway.is_there, BACK_S_MAX, "the PBX")


async def test_a_gateway_finds_its_asterisk_though_two_of_five_replies_get_lost(
    office: Office, gateway: Gateway
) -> None:
    """Finding out what there is takes ten replies, each of which may be among them."""
    office.proxy.tell(Lie.CUT)
    await gateway.until(lambda: not gateway.is_there, SOON_S, "that it is away")
    office.proxy.tell(Lie.DROP)
    await gateway.until(lambda: gateway.is_there, SOON_S, "the PBX")
