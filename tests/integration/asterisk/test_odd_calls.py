"""Calls that a stranger's dialplan gives to our application in its own way, and channels with odd ids."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from structlog.testing import capture_logs

from contracts import telephony
from ringback.pbx_files.plan import PbxPlan
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.instance import texts
from services.gateway import port
from services.gateway.asterisk.address import read_address
from services.gateway.port import Result
from tests.integration.asterisk.exchange import until
from tests.integration.asterisk.office import CLOUD, Gateway, Office, ari_client

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-odd")]

DIALPLAN = """
[globals]
LONG = {long}
[odd]
exten => nothing,1,Stasis(ringback)
exten => unknown,1,Stasis(ringback,something,else)
exten => empty,1,Stasis(ringback,,,)
exten => dialled,1,Stasis(ringback,dialled)
exten => check,1,Stasis(ringback,check)
exten => short,1,Stasis(ringback,arrived)
exten => many,1,Stasis(ringback,arrived,+7495,allowed,a,b,c)
exten => long,1,Stasis(ringback,arrived,${{LONG}},allowed)
exten => percent,1,Stasis(ringback,arrived,Звонок%0a%s{{}}{{0}},allowed)
exten => comma,1,Stasis(ringback,arrived,"+7\\,495")
exten => newline,1,Stasis(ringback,internal,3${{CHR(10)}}00)
exten => theirs,1,Stasis(theirs,arrived,+7495)
[talking]
exten => 1,1,Wait(60)
""".format(long="9" * 3_000)


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Instance]:
    """It has neither phones nor a trunk yet, and the gateway serves it all the same."""
    made = texts(PbxPlan(pbx_id=CLOUD))
    made["extensions"] += DIALPLAN
    folder = tmp_path_factory.mktemp("odd")
    instance = Instance(folder, name=CLOUD, root=asterisk_root, dies_with_parent=True, **made)
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture
async def gateway(pbx: Instance) -> AsyncIterator[Gateway]:
    made = Gateway(pbx.ari_address())
    made.begin()
    await made.until(port.PbxThere)
    yield made
    await made.die()


def calls(pbx: Instance, extension: str, channel_id: str = "") -> None:
    """Somebody dials an extension; whoever dials is one half of it, and what the dialplan has the other."""
    asked = {"endpoint": f"Local/{extension}@odd", "context": "talking", "extension": "1", "priority": "1"}
    ids = {"channelId": f"near {channel_id}", "otherChannelId": channel_id} if channel_id else {}
    url = read_address(CLOUD, pbx.ari_address()).url
    httpx.post(f"{url}/channels", params={**asked, **ids}).raise_for_status()


async def quiet(pbx: Instance, *, is_so: bool = True) -> None:
    """Wait until there is no call, or one."""

    def is_seen() -> bool:
        return ("0 active channels" in pbx.cli("core", "show", "channels")) is is_so

    await asyncio.to_thread(until, is_seen, f"no call: {is_so}")


@pytest.mark.parametrize("extension", ["nothing", "unknown", "empty", "dialled", "check"])
async def test_a_call_that_nobody_can_serve_is_ended_and_the_operator_reads_why(
    pbx: Instance, gateway: Gateway, extension: str
) -> None:
    """It would be silence in somebody's ear, for as long as that person has patience."""
    with capture_logs() as logs:
        calls(pbx, extension)
        await quiet(pbx)
        while not [each for each in logs if each["event"] == "gateway.call_not_understood"]:
            await Office.pause()
    assert not gateway.heard(port.Arrived)
    assert gateway.adapter.is_connected


async def test_a_call_that_nobody_can_serve_is_ended_by_a_gateway_that_starts(pbx: Instance) -> None:
    """Its application was there for a moment, when the one before it died."""
    before = ari_client(pbx, "ringback")
    await before.connect()
    calls(pbx, "unknown")
    await quiet(pbx, is_so=False)
    await before.close()
    gateway = Gateway(pbx.ari_address())
    gateway.begin()
    assert (await gateway.until(port.PbxThere)).legs == ()
    await quiet(pbx)
    await gateway.die()


@pytest.mark.parametrize(
    ("extension", "line"),
    [
        ("short", ""),
        ("many", "+7495"),
        ("long", "9" * port.WORDS_LENGTH_MAX),
        ("percent", "Звонок%0a%s{}{0}"),
        ("comma", "+7,495"),
        ("newline", "300"),
    ],
)
async def test_a_call_with_odd_words_is_served(
    pbx: Instance, gateway: Gateway, extension: str, line: str
) -> None:
    """Its line is what can be read of it, in one line and bounded; it is answered, and hung up."""
    calls(pbx, extension)
    arrived = await gateway.until(port.Arrived)
    assert arrived.line == line
    await _served(gateway, arrived)
    await quiet(pbx)


async def _served(gateway: Gateway, arrived: port.Arrived) -> None:
    answer = gateway.ask(telephony.AnswerLeg(pbx_id=CLOUD, leg_id=arrived.leg_id))
    assert await gateway.result(answer) is Result.DONE
    await gateway.until(port.PickedUp, leg_id=arrived.leg_id)
    assert await gateway.result(gateway.hang_up(arrived.leg_id)) is Result.DONE
    await gateway.until(port.Ended, leg_id=arrived.leg_id)


@pytest.mark.parametrize(
    "channel_id",
    ["a/b:@ c", "Ünï-тест", "a%2Fb", "a?b#c", "in.cloud.x", "x" * 140],
    ids=["separators", "letters", "escaped", "query", "like ours", "long"],
)
async def test_a_channel_may_have_any_id(pbx: Instance, gateway: Gateway, channel_id: str) -> None:
    """Another PBX names its channels by its own name, whatever that is."""
    calls(pbx, "many", channel_id)
    arrived = await gateway.until(port.Arrived)
    assert arrived.leg_id == f"in.cloud.{channel_id}"
    await _served(gateway, arrived)


@pytest.mark.parametrize("channel_id", ["moskva, office-1", "rb.theirs"], ids=["comma", "our mark"])
async def test_a_channel_whose_end_nobody_would_be_told_is_ended_at_once(
    pbx: Instance, gateway: Gateway, channel_id: str
) -> None:
    """ARI takes a comma for the end of an id; and our mark on what is not ours would be a leg of nobody."""
    calls(pbx, "many", channel_id)
    await quiet(pbx)
    assert not gateway.heard(port.Arrived)
    assert gateway.adapter.is_connected


async def test_calls_of_other_applications_are_left_alone_in_their_bridges(
    pbx: Instance, gateway: Gateway
) -> None:
    """Two strangers talk in another application while ours connects, serves a call and connects again."""
    theirs = ari_client(pbx, "theirs")
    await theirs.connect()
    for name in ("one", "two"):
        calls(pbx, "theirs", name)
    made = await theirs.request("POST", "bridges/of-theirs", query={"type": "mixing", "name": "ringback"})
    assert made.is_ok
    inside = {"channel": "one,two"}
    while not (await theirs.request("POST", "bridges/of-theirs/addChannel", query=inside)).is_ok:
        await Office.pause()
    calls(pbx, "short")
    await _served(gateway, await gateway.until(port.Arrived))
    gateway.adapter.connect_again()
    gateway.told.clear()
    assert (await gateway.until(port.PbxThere)).bridges == ()
    assert len(gateway.heard(port.Arrived)) == 0
    bridge = await theirs.request("GET", "bridges/of-theirs")
    assert '"one"' in bridge.body
    assert '"two"' in bridge.body
    for name in ("one", "two"):
        await theirs.request("DELETE", f"channels/{name}")
    await theirs.request("DELETE", "bridges/of-theirs")
    await theirs.close()
    await quiet(pbx)
