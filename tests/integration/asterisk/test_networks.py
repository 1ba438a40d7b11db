"""Networks that answer with any code, or with none; callers whose names and numbers are written to harm."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from contracts import telephony
from contracts.gateway import Outcome
from contracts.ids import PbxId
from devtools.chaos.lone_phone import LonePhone
from ringback.pbx_files.plan import OutsideRule, PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.asterisk.instance import texts
from services.gateway import port, rules
from services.gateway.port import Result
from tests.integration.asterisk.exchange import originate, until
from tests.integration.asterisk.network import Network, Says, a_network
from tests.integration.asterisk.office import CLOUD, LINE, Gateway, Office

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-networks")]
ANNA = "+79161234567"
ELSEWHERE = "+79990000000"
PASSWORD = "of-201"
NUMBERS = itertools.count(1)
FORWARDED = "202"
A_PHONE = """\
[{extension}]
type = endpoint
context = from-phones
disallow = all
allow = alaw
aors = {extension}
[{extension}]
type = aor
contact = sip:{extension}@{host}
"""
"""One of the operator's own, which does not register."""


def a_number() -> str:
    """A mobile number that no test has dialled."""
    return f"+7916{next(NUMBERS):07}"


@dataclass(frozen=True)
class Place:
    """An Asterisk whose trunk, and another PBX, are at addresses where nobody listens yet."""

    pbx: Instance
    trunk: str
    peer: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Place]:
    trunk, peer = free_address(), free_address()
    plan = PbxPlan(
        pbx_id=CLOUD,
        phones=(PlannedPhone(extension="201", password=PASSWORD),),
        trunks=(PlannedTrunk(host=trunk, username="us", password="ours"),),
        department_extensions=("300",),
        outside=(OutsideRule(pattern="8NXXXXXXXXX", strip=1, prepend="+7"),),
        other_extensions=(FORWARDED,),
        peers=(PlannedPeer(pbx_id=PbxId("second"), host=peer),),
    )
    made = texts(plan)
    exported = made["pjsip"]
    made["pjsip"] = lambda address: exported(address) + A_PHONE.format(extension=FORWARDED, host=trunk)
    folder = tmp_path_factory.mktemp("networks")
    pbx = Instance(folder, name=CLOUD, root=asterisk_root, dies_with_parent=True, **made)
    pbx.start()
    yield Place(pbx, trunk, peer)
    pbx.stop()


@pytest.fixture
async def network(place: Place) -> AsyncIterator[Network]:
    async with a_network(place.trunk, place.pbx.address) as made:
        yield made


@pytest.fixture
async def gateway(place: Place) -> AsyncIterator[Gateway]:
    made = Gateway(place.pbx.ari_address())
    made.begin()
    await made.until(port.PbxThere)
    yield made
    await made.die()


def outcome(ended: port.Ended, *, was_ringing: bool) -> Outcome:
    """In the gateway's words."""
    return rules.outcome(
        is_arrived=False, was_answered=False, was_ringing=was_ringing, ours=None, code=ended.code
    )


@pytest.fixture(scope="module")
def phone(place: Place) -> Iterator[LonePhone]:
    made = LonePhone("201", PASSWORD, free_address(), place.pbx.address)
    made.begin()
    assert made.is_registered.wait(10)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("code", "expected", "by_party"),
    [
        (403, Outcome.BAD_NUMBER, False),
        (404, Outcome.BAD_NUMBER, False),
        (410, Outcome.BAD_NUMBER, False),
        (484, Outcome.BAD_NUMBER, False),
        (486, Outcome.BUSY, True),
        (600, Outcome.BUSY, True),
        (603, Outcome.DECLINED, True),
        (480, Outcome.UNAVAILABLE, False),
        (408, Outcome.NO_ANSWER, False),
        (488, Outcome.NO_CODEC, False),
        (500, Outcome.FAILED, False),
        (503, Outcome.FAILED, False),
        (607, Outcome.BAD_NUMBER, False),
    ],
)
async def test_a_code_of_the_network_is_told_as_what_it_means(
    network: Network, gateway: Gateway, code: int, expected: Outcome, by_party: bool
) -> None:
    number, leg_id = a_number(), Office.a_leg()
    network.script[number] = (Says(100), Says(180), Says(code, 0.05))
    gateway.dial(f"tel:{number}", leg_id)
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (outcome(ended, was_ringing=True), ended.by_party) == (expected, by_party)
    assert network.dialled[number] == len(gateway.heard(port.Ended)) == 1


async def test_a_network_that_only_says_183_and_then_480_did_not_answer(
    network: Network, gateway: Gateway
) -> None:
    """Its announcement costs nothing and is nobody's answer."""
    number, leg_id = a_number(), Office.a_leg()
    network.script[number] = (Says(100), Says(183, has_sound=True), Says(480, 0.3))
    gateway.dial(f"tel:{number}", leg_id)
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert [each.is_ringing for each in gateway.heard(port.Progressed, leg_id=leg_id)] == [False]
    assert not gateway.heard(port.PickedUp)
    assert (outcome(ended, was_ringing=True), ended.by_party) == (Outcome.UNAVAILABLE, False)


async def test_a_network_that_never_answers_is_cancelled_and_the_leg_ends(
    network: Network, gateway: Gateway
) -> None:
    """Not even SIP's own timers are waited for: 32 s."""
    number, leg_id = a_number(), Office.a_leg()
    gateway.dial(f"tel:{number}", leg_id)
    while not network.dialled[number]:
        await Office.pause()
    gateway.ask(telephony.CancelLeg(pbx_id=CLOUD, leg_id=leg_id))
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, ended.by_party) == (487, False)


async def test_a_network_that_asks_for_a_password_again_and_again_is_given_up(
    network: Network, gateway: Gateway
) -> None:
    """401 to every try: no number of tries makes the password right, and Asterisk stops after a few."""
    number, leg_id = a_number(), Office.a_leg()
    network.script[number] = (Says(401),)
    gateway.dial(f"tel:{number}", leg_id)
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, outcome(ended, was_ringing=False)) == (401, Outcome.FAILED)


async def test_a_phone_that_is_picked_up_while_we_cancel_is_hung_up_and_nothing_is_left(
    place: Place, network: Network, gateway: Gateway
) -> None:
    """Its 200 crosses our CANCEL: whoever picked up hears a click, and never a call that nobody knows of."""
    number, leg_id = a_number(), Office.a_leg()
    network.script[number] = (Says(180),)
    network.late_answers.add(number)
    gateway.dial(f"tel:{number}", leg_id)
    await gateway.until(port.Progressed, leg_id=leg_id)
    gateway.ask(telephony.CancelLeg(pbx_id=CLOUD, leg_id=leg_id))
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, ended.by_party) == (487, False)
    call = network.call_of(number)
    while "BYE" not in call.methods:
        await Office.pause()
    assert call.methods == ["CANCEL", "ACK", "BYE"]
    assert len(gateway.heard(port.Ended, leg_id=leg_id)) == 1
    assert "0 active channels" in place.pbx.cli("core", "show", "channels")


@pytest.mark.rule("G4")
async def test_whoever_says_that_a_number_has_moved_does_not_choose_whom_the_company_calls(
    place: Place, network: Network, gateway: Gateway
) -> None:
    """302 to our own call and to a phone's: what it names is not dialled, nor told as a call of ours."""
    number, leg_id = a_number(), Office.a_leg()
    moved = Says(302, headers=(("Contact", f"<sip:{ELSEWHERE}@{network.address}>"),))
    network.script[number] = (moved,)
    network.script[ELSEWHERE] = (Says(180),)
    gateway.dial(f"tel:{number}", leg_id)
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (ended.code, outcome(ended, was_ringing=False)) == (302, Outcome.UNAVAILABLE)
    originate(place.pbx, f"Local/8{number[2:]}@from-phones", "300", "from-phones")
    while network.dialled[number] < 2:
        await Office.pause()
    await asyncio.to_thread(
        until,
        lambda: "0 active channels" in place.pbx.cli("core", "show", "channels"),
        "the end of all calls",
    )
    assert ELSEWHERE not in network.dialled
    assert not gateway.heard(port.Arrived)


async def test_a_phone_with_call_forwarding_is_out_of_reach_and_not_declined_by_anybody(
    place: Place, network: Network, gateway: Gateway
) -> None:
    """Neither here nor for another PBX, which would take this one for away, or an agent for unwilling."""
    moved = Says(302, headers=(("Contact", f"<sip:89990000000@{network.address}>"),))
    network.script[FORWARDED] = (moved,)
    leg_id = Office.a_leg()
    gateway.dial(f"sip:{FORWARDED}", leg_id)
    ended = await gateway.until(port.Ended, leg_id=leg_id)
    assert (outcome(ended, was_ringing=False), ended.by_party) == (Outcome.UNAVAILABLE, False)
    async with a_network(place.peer, place.pbx.address) as peer:
        call = peer.dial(FORWARDED, f"<sip:{ANNA}@x>")
        while not call.codes or call.codes[-1] < 200:
            await Office.pause()
    assert call.codes[-1] == 480
    assert ELSEWHERE not in network.dialled


HARMFUL = {
    "escaped quotes": '"a\\"b" <sip:+79161234567@x>',
    "two addresses": '"x\\" <sip:1@y>" <sip:+79161234567@x>',
    "parameters": '"a;b=c" <sip:+7916;x=1234567@x>',
    "escaped newlines": '"a%0d%0aX-Evil: 1" <sip:+7916%0D%0AX-Evil:1@x>',
    "SQL": "\"x'); DROP TABLE legs;--\" <sip:1'%20OR%201=1--@x>",
    "ten thousand letters": f'"{"n" * 10_000}" <sip:{"9" * 10_000}@x>',
    "a dial string": '"PJSIP/1&PJSIP/2" <sip:201&PJSIP%2F112%40trunk@x>',
    "a zero byte": '"a" <sip:7%00916@x>',
    "bytes that are no text": '"a" <sip:7%FF%FE916@x>',
    "commas": '"a,b" <sip:1,2,prohib@x>',
    "a direction of writing": '"a" <sip:7%E2%80%AE916@x>',
    "no number": "<sip:x>",
    "a telephone's address": "<tel:+79161234567;phone-context=x>",
}


@pytest.mark.rule("G5")
@pytest.mark.parametrize("sender", [pytest.param(each, id=name) for name, each in HARMFUL.items()])
async def test_whatever_a_caller_writes_is_one_short_line_and_harms_nobody(
    place: Place, network: Network, gateway: Gateway, phone: LonePhone, sender: str
) -> None:
    """The call is told, can't be called back by anything but a number, and shows on a phone as it is."""
    call = network.dial(LINE, sender)
    arrived = await gateway.until(port.Arrived)
    caller = arrived.caller or ""
    assert arrived.line == LINE
    assert len(caller) <= 128
    assert caller.isprintable()
    back, leg_id = f"sip:{caller}", Office.a_leg()
    if set(caller) & set("/@&, "):
        assert await gateway.result(gateway.dial(back, leg_id)) is Result.REFUSED
    before = phone.dialled()
    gateway.dial(
        "sip:201",
        leg_id,
        caller_id=caller,
        display_name=f"{sender}\r\nX-Evil: 1",
        headers={"purpose": f"{sender}\r\nX-Evil: 1", "x: 1\r\nX-Evil": "1"},
    )
    while phone.dialled() == before:
        await Office.pause()
    invite = phone.talks[-1].invite
    assert invite is not None
    assert not [name for name, _ in invite.headers if "evil" in name.lower()]
    assert [name for name, _ in invite.headers].count("From") == 1
    assert invite.get("From").rpartition("@")[2].startswith(place.pbx.address)
    gateway.hang_up(leg_id)
    await gateway.until(port.Ended, leg_id=leg_id)
    gateway.hang_up(arrived.leg_id)
    await gateway.until(port.Ended, leg_id=arrived.leg_id)
    assert gateway.adapter.is_connected
    assert call.codes[0] in (100, 180)


@pytest.mark.parametrize(
    ("dialled", "line"),
    [
        ("+7495,prohib", "+7495"),
        ("+7495%2Cx", "+7495"),
        ("+7495&201", "+7495201"),
        ("+7495%0Ax", "+7495"),
        ("112", "112"),
        ("201", "201"),
    ],
    ids=["comma", "escaped comma", "ampersand", "newline", "help", "extension"],
)
async def test_whatever_is_dialled_from_outside_is_a_line_of_ours_and_no_phone(
    network: Network, gateway: Gateway, dialled: str, line: str
) -> None:
    """Nobody outside reaches an extension, or the outside, past the rules."""
    network.dial(dialled, f"<sip:{ANNA}@x>")
    arrived = await gateway.until(port.Arrived)
    assert (arrived.line, arrived.caller, arrived.is_internal) == (line, ANNA, False)
    gateway.hang_up(arrived.leg_id)
    await gateway.until(port.Ended, leg_id=arrived.leg_id)
    assert not network.dialled
