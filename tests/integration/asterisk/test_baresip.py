"""A phone of another make than Asterisk's: it registers as exported, is dialled by the gateway, and talks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from contracts import telephony
from contracts.ids import BridgeId, LegId, MediaKey, PlayId
from ringback.pbx_files.pjsip import RTP_TIMEOUT_S
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from runtime.memory import MemoryBlobs
from services.gateway import port
from tests.integration.asterisk import ears
from tests.integration.asterisk.baresip import UNTIL_S_MAX, Baresip, Login, unpacked
from tests.integration.asterisk.exchange import until
from tests.integration.asterisk.office import CLOUD, Gateway
from tests.integration.directory.companies import Company, sqlite
from tests.integration.directory.exporting import Exporting, beside

pytestmark = [pytest.mark.xdist_group("asterisk"), pytest.mark.timeout(240)]

ANNA: Final = "+79161234567"
IVAN_HZ, PETR_HZ, PLAYED_HZ = 440, 700, 610
HEARD_MS: Final = 1_000
"""Of another phone's tone: enough to know it by."""
KEYS: Final = "5507*#"
SHORT_S: Final = 3
"""Instead of the exported time without sound, for which no test waits."""


class Operator:
    """A PBX whose operator includes the exported files, and the cards of two employees."""

    def __init__(self, pbx: Instance, files: Exporting, employees: list[dict[str, Any]]) -> None:
        self.pbx = pbx
        self.files = files
        self.ivan, self.petr = employees

    def login(self, employee: dict[str, Any], keys: str = "rtpevent") -> Login:
        """What the employee's letter says."""
        extension: str = employee["card"]["extension"]
        return Login(self.pbx.address, extension, employee["phone_password"], keys)


async def _export(folder: Path, files: Exporting) -> list[dict[str, Any]]:
    company = await Company(sqlite(folder)).open()
    employees = [await company.employee(each) for each in ("Иванов Иван", "Петров Пётр")]
    await files.once()
    await company.close()
    return employees


@pytest.fixture(scope="module")
def baresip(asterisk_root: Root) -> Path:
    """Where baresip was unpacked."""
    return unpacked(asterisk_root)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Operator]:
    """The PBX is running."""
    folder = tmp_path_factory.mktemp("baresip")
    with pytest.MonkeyPatch.context() as patch:
        files = beside(folder, patch)
        employees = asyncio.run(_export(folder, files))
    pbx = Instance(
        folder / "asterisk",
        name="moskva",
        pjsip=lambda address: f"{transport(address)}#include {files.folder}/ringback-pjsip.conf\n",
        extensions=f"[general]\n#include {files.folder}/ringback-extensions.conf\n",
        root=asterisk_root,
        dies_with_parent=True,
    )
    pbx.start()
    yield Operator(pbx, files, employees)
    pbx.stop()


@pytest.fixture
async def gateway(operator: Operator) -> AsyncIterator[Gateway]:
    """Connected, with one prompt."""
    blobs = MemoryBlobs()
    await blobs.put("prompt.wav", ears.wav(PLAYED_HZ, ms=1_500))
    made = Gateway(operator.pbx.ari_address(), blobs)
    made.begin()
    await made.until(port.PbxThere)
    yield made
    await made.die()


@asynccontextmanager
async def a_phone(folder: Path, baresip: Path, root: Root, login: Login, hz: int) -> AsyncIterator[Baresip]:
    """A running phone, which says a tone while it talks."""
    phone = Baresip(folder / f"phone-{login.extension}", baresip, root, login, hz)
    try:
        yield await phone.start()
    finally:
        await phone.stop()


class Desk:
    """A phone that is registered, and its calls."""

    def __init__(self, operator: Operator, gateway: Gateway, phone: Baresip) -> None:
        self.phone = phone
        self.leg_id = LegId(f"leg-of-{phone.login.extension}")
        self._gateway = gateway
        self._operator = operator

    async def registers(self) -> None:
        """Wait until the PBX knows where it is."""

        def is_known() -> bool:
            return f"@{self.phone.address}:" in self._operator.pbx.cli("pjsip", "show", "contacts")

        await asyncio.to_thread(until, is_known, "registration")

    async def is_called(self, **fields: Any) -> dict[str, Any]:
        """Ring it, and let it be picked up; what it showed."""
        self._gateway.dial(f"sip:{self.phone.login.extension}", self.leg_id, **fields)
        shown = await self.phone.until("CALL_INCOMING")
        await self._gateway.until(port.Progressed, leg_id=self.leg_id)
        await self.phone.does("accept")
        await self._gateway.until(port.PickedUp, leg_id=self.leg_id)
        return shown


Desks = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def desks(
    tmp_path: Path, baresip: Path, asterisk_root: Root, operator: Operator, gateway: Gateway
) -> AsyncIterator[Desks]:
    """Makes registered phones, which end with the test."""
    async with AsyncExitStack() as stack:

        async def desk(employee: dict[str, Any], hz: int, keys: str = "rtpevent") -> Desk:
            login = operator.login(employee, keys)
            phone = await stack.enter_async_context(a_phone(tmp_path, baresip, asterisk_root, login, hz))
            made = Desk(operator, gateway, phone)
            await made.registers()
            return made

        yield desk


async def test_it_shows_who_calls_hears_a_prompt_and_hangs_up(
    operator: Operator, gateway: Gateway, desks: Desks
) -> None:
    """It shows the department and the caller before it is picked up; it hears the prompt and nothing else."""
    ivan = await desks(operator.ivan, IVAN_HZ)
    shown = await ivan.is_called(caller_id=ANNA, display_name="Отдел продаж")
    assert shown["peerdisplayname"] == "Отдел продаж"
    assert shown["peeruri"] == f"sip:{ANNA}@{operator.pbx.address}"

    media = (MediaKey("prompt.wav"),)
    gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=ivan.leg_id, play_id=PlayId("prompt"), media=media))
    assert (await gateway.until(port.PlayEnded, leg_id=ivan.leg_id)).ok
    await ivan.phone.hears(PLAYED_HZ, HEARD_MS)
    await ivan.phone.does("hangup")
    assert (await gateway.until(port.Ended, leg_id=ivan.leg_id)).by_party

    heard = ivan.phone.heard()
    assert ears.tone_ms(heard, PLAYED_HZ) <= 1_600
    assert ears.loud_ms(heard) <= 1_700
    assert ears.tone_ms(heard, IVAN_HZ) == 0


@pytest.mark.parametrize("keys", ["rtpevent", "info"])
async def test_each_key_is_told_once(operator: Operator, gateway: Gateway, desks: Desks, keys: str) -> None:
    """By RFC 4733, and by INFO from a phone that is set up so; the same key twice is two keys."""
    ivan = await desks(operator.ivan, IVAN_HZ, keys)
    await ivan.is_called()
    for number, key in enumerate(KEYS, 1):
        await ivan.phone.presses(key)
        await _pressed(gateway, number)
    gateway.hang_up(ivan.leg_id)
    await ivan.phone.until("CALL_CLOSED")
    assert not (await gateway.until(port.Ended, leg_id=ivan.leg_id)).by_party
    assert "".join(each.digit for each in gateway.heard(port.Pressed, leg_id=ivan.leg_id)) == KEYS


async def _pressed(gateway: Gateway, number: int) -> None:
    async with asyncio.timeout(UNTIL_S_MAX):
        while len(gateway.heard(port.Pressed)) < number:
            await asyncio.sleep(0.02)


async def _bridged(gateway: Gateway, one: Desk, other: Desk) -> BridgeId:
    """Both are called and hear each other."""
    await asyncio.gather(one.is_called(), other.is_called())
    bridge_id = BridgeId("talk")
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge_id, legs=(one.leg_id, other.leg_id)))
    await gateway.until(port.LegsBridged, bridge_id=bridge_id)
    await asyncio.gather(one.phone.hears(PETR_HZ, HEARD_MS), other.phone.hears(IVAN_HZ, HEARD_MS))
    return bridge_id


async def test_two_of_them_hear_each_other_until_one_hangs_up(
    operator: Operator, gateway: Gateway, desks: Desks
) -> None:
    """Each hears the other and not itself; the one who is left is in a call still, and hears nothing more."""
    ivan, petr = await desks(operator.ivan, IVAN_HZ), await desks(operator.petr, PETR_HZ)
    bridge_id = await _bridged(gateway, ivan, petr)
    await ivan.phone.does("hangup")
    assert (await gateway.until(port.Ended, leg_id=ivan.leg_id)).by_party
    await gateway.until(port.LegsUnbridged, bridge_id=bridge_id)

    before = len(petr.phone.heard())
    media = (MediaKey("prompt.wav"),)
    gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=petr.leg_id, play_id=PlayId("left"), media=media))
    await petr.phone.hears(PLAYED_HZ, HEARD_MS)
    after = petr.phone.heard()[before:]
    assert ears.tone_ms(after, IVAN_HZ) <= 500, "what was on its way, and no more"
    assert ears.tone_ms(ivan.phone.heard(), IVAN_HZ) == 0
    assert ears.tone_ms(petr.phone.heard(), PETR_HZ) == 0
    gateway.hang_up(petr.leg_id)
    await petr.phone.until("CALL_CLOSED")


async def test_the_leg_of_a_phone_that_is_killed_ends_and_the_other_stays(
    operator: Operator, gateway: Gateway, desks: Desks
) -> None:
    """No BYE comes: the exported `rtp_timeout` alone tells of it, here a shorter one."""
    exported = f"rtp_timeout = {RTP_TIMEOUT_S}\n"
    assert exported in operator.files.pjsip
    shorter = operator.files.pjsip.replace(exported, f"rtp_timeout = {SHORT_S}\n")
    operator.pbx.reconfigure(pjsip=lambda address: transport(address) + shorter)
    ivan, petr = await desks(operator.ivan, IVAN_HZ), await desks(operator.petr, PETR_HZ)
    bridge_id = await _bridged(gateway, ivan, petr)

    ivan.phone.process.kill()
    ended = await gateway.until(port.Ended, leg_id=ivan.leg_id)
    assert (ended.by_party, ended.code) == (False, 0)
    await gateway.until(port.LegsUnbridged, bridge_id=bridge_id)
    assert not gateway.heard(port.Ended, leg_id=petr.leg_id)
    await petr.phone.does("hangup")
    assert (await gateway.until(port.Ended, leg_id=petr.leg_id)).by_party
