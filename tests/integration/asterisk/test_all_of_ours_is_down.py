"""When no gateway listens, an exported PBX goes on: its phones call, and calls from outside are not lost.

Every test is a real call over SIP between three Asterisks.
"""

import asyncio
from collections.abc import Iterator

import pytest

from contracts.ids import PbxId
from ringback.pbx_files.plan import Fallback, OutsideRule, PlannedPeer
from ringback.stack.asterisk import Root
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.client import AriClient
from tests.integration.asterisk.exchange import (
    LINE,
    PASSWORDS,
    Exchange,
    noted,
    originate,
    phones_pjsip,
    running,
    until,
    until_noted,
)

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("exchange")]

AT_HOME = OutsideRule(pattern="8NXXXXXXXXX", strip=1, prepend="+7")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("exchange"), asterisk_root) as found:
        yield found


def channels(exchange: Exchange) -> str:
    return exchange.pbx.cli("core", "show", "channels", "concise")


def test_a_phone_calls_a_colleague_who_sees_who_it_is(exchange: Exchange) -> None:
    exchange.is_as()
    exchange.dials("201", "202")
    until_noted(exchange.phones, "TALKED_201")
    assert noted(exchange.phones)["RANG_202"] == "201"
    assert noted(exchange.phones)["NAME_202"] == "Phone 201"


@pytest.mark.rule("G5")
def test_a_phone_calls_outside_as_the_operator_allows_and_shows_the_companys_number(
    exchange: Exchange,
) -> None:
    exchange.is_as(outside=(AT_HOME,))
    exchange.dials("201", "89161234567")
    until_noted(exchange.phones, "TALKED_201")
    assert noted(exchange.network) == {"RANG_79161234567": LINE}


def test_what_the_operator_does_not_allow_is_not_dialled(exchange: Exchange) -> None:
    """A phone whose password was guessed must not call the other end of the world."""
    exchange.is_as(outside=(AT_HOME,))
    for number in ("8101234567890", "+881612345678", "891612345678", "0900123456"):
        exchange.dials("201", number)
    exchange.dials("202", "89161234567")
    until_noted(exchange.phones, "TALKED_202")
    assert set(noted(exchange.network)) == {"RANG_79161234567"}
    assert "TALKED_201" not in noted(exchange.phones)


def test_what_a_phone_dials_is_a_number_and_never_a_word_of_the_dialplan(exchange: Exchange) -> None:
    """`&` would ring a second phone, `@` choose another line, a comma give Dial its options."""
    exchange.is_as(outside=(OutsideRule(pattern="810."),))
    exchange.dials("201", "81012345%26PJSIP%2F202%2C60%2Cg")
    until_noted(exchange.phones, "TALKED_201")
    assert set(noted(exchange.network)) == {"RANG_8101234520260"}
    assert "RANG_202" not in noted(exchange.phones)


@pytest.mark.parametrize("number", ["112", "01"])
def test_a_phone_reaches_help_though_nothing_outside_is_allowed(exchange: Exchange, number: str) -> None:
    exchange.is_as()
    exchange.dials("203", number)
    until_noted(exchange.phones, "TALKED_203")
    assert noted(exchange.network) == {f"RANG_{number}": LINE}


def test_nobody_outside_dials_out_through_us(exchange: Exchange) -> None:
    exchange.is_as(outside=(AT_HOME,))
    exchange.calls_in("89161234567")
    until(lambda: "ringback-offer" in channels(exchange), "the call")
    exchange.dials("202", "201")
    until_noted(exchange.phones, "TALKED_202")
    assert noted(exchange.network) == {}


def test_another_pbx_reaches_our_phones_and_nobody_through_us(exchange: Exchange) -> None:
    """Known by its address: here the other PBX is where the phones are."""
    other = PlannedPeer(pbx_id=PbxId("volga"), host=exchange.phones.address, extensions=("305",))
    exchange.is_as(outside=(AT_HOME,), peers=(other,))
    for number in ("89161234567", "112", "305"):
        exchange.dials("201", number)
    exchange.dials("203", "202")
    until_noted(exchange.phones, "TALKED_203")
    assert noted(exchange.network) == {}
    assert {"RANG_305", "TALKED_201"}.isdisjoint(noted(exchange.phones))


async def test_a_call_from_outside_rings_on_and_is_offered_to_a_gateway_that_is_back(
    exchange: Exchange,
) -> None:
    """It is told as new: with the dialled number, and whether the caller's is withheld."""
    exchange.is_as()
    exchange.calls_in()
    await asyncio.to_thread(until, lambda: "ringback-offer" in channels(exchange), "the call")
    await asyncio.sleep(2)
    assert "Ringing" in exchange.network.cli("core", "show", "channels", "concise")
    offered = await _offered(exchange)
    assert offered[:2] == ("arrived", LINE)
    assert offered[2].startswith("allowed")


async def test_a_call_to_a_department_waits_for_the_gateway_as_well(exchange: Exchange) -> None:
    exchange.is_as()
    exchange.dials("201", "300")
    await asyncio.to_thread(until, lambda: "ringback-offer" in channels(exchange), "the call")
    assert (await _offered(exchange))[:2] == ("internal", "300")


@pytest.mark.parametrize("sent_by", ["rfc4733", "info"])
async def test_keys_of_a_phone_are_heard_whichever_way_it_sends_them(
    exchange: Exchange, sent_by: str
) -> None:
    exchange.is_as()
    passwords = {"201": PASSWORDS["201"]}
    exchange.phones.reconfigure(
        pjsip=lambda address: phones_pjsip(address, exchange.pbx_address, passwords, keys=sent_by)
    )
    try:
        assert await _pressed(exchange) == "4#"
    finally:
        exchange.phones.reconfigure(
            pjsip=lambda address: phones_pjsip(address, exchange.pbx_address, PASSWORDS)
        )


async def _pressed(exchange: Exchange) -> str:
    """The keys that phone 201 presses once a gateway has answered its call to a department."""
    told: asyncio.Queue[AriEvent] = asyncio.Queue()
    address = read_address(PbxId("moskva"), exchange.pbx.ari_address())
    client = AriClient(address.url, address.app, told.put_nowait)
    await client.connect()
    pressed = ""
    try:
        called = f"PJSIP/as-201/sip:300@{exchange.pbx_address}"
        await asyncio.to_thread(originate, exchange.phones, called, "201", "pressing")
        async with asyncio.timeout(30):
            while len(pressed) < 2:
                event = await told.get()
                if event.type == "StasisStart" and event.channel is not None:
                    await client.request("POST", f"channels/{event.channel.id}/answer")
                pressed += event.digit if event.type == "ChannelDtmfReceived" else ""
    finally:
        await client.close()
    return pressed


async def _offered(exchange: Exchange) -> tuple[str, ...]:
    """What a gateway hears of the waiting call when it connects."""
    told: asyncio.Queue[AriEvent] = asyncio.Queue()
    address = read_address(PbxId("moskva"), exchange.pbx.ari_address())
    client = AriClient(address.url, address.app, told.put_nowait)
    await client.connect()
    try:
        async with asyncio.timeout(30):
            while (event := await told.get()).type != "StasisStart":
                pass
    finally:
        await client.close()
    return event.args


def test_a_call_from_outside_goes_to_the_phones_that_the_operator_chose(exchange: Exchange) -> None:
    """All of them ring, and one that is not registered keeps nobody waiting."""
    exchange.is_as(fallback=Fallback(extensions=("201", "202"), after_s=1))
    exchange.calls_in()
    until_noted(exchange.network, "TALKED_1000")
    assert {"RANG_201", "RANG_202"} <= set(noted(exchange.phones))


def test_a_call_from_outside_goes_to_the_number_that_the_operator_chose(exchange: Exchange) -> None:
    """Out by the trunk that it came in by, as to the mobile of whoever is on duty."""
    exchange.is_as(fallback=Fallback(number="+79161234567", after_s=1))
    exchange.calls_in()
    until_noted(exchange.network, "TALKED_1000")
    assert "RANG_79161234567" in noted(exchange.network)


def test_a_call_that_nobody_takes_is_ended_after_the_time_that_the_operator_chose(exchange: Exchange) -> None:
    exchange.is_as(fallback=Fallback(rings_on_s=2))
    exchange.calls_in()
    until(lambda: "ringback-offer" in channels(exchange), "the call")
    until(lambda: not channels(exchange).strip(), "its end")
    assert noted(exchange.network) == {}
