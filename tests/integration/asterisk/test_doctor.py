"""`ringback doctor` on a real Asterisk with a gateway, which it takes nothing from, and what is red there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from ringback.doctor import pbxs
from ringback.doctor.findings import Mark, Section
from ringback.doctor.scope import Settings, scope
from ringback.stack.asterisk import Instance, Root
from services.gateway import port
from tests.integration.asterisk.office import CLOUD, Gateway, Office, a_plan

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-office")]
ANNA = "+79161234567"


async def look(pbx: Instance, tmp_path: Path, address: str = "", **words: str) -> Section:
    """What the doctor finds at a PBX, or under an address in place of its own."""
    found = address or pbx.ari_address(**words)
    settings = Settings(pbxs={"vostok/cloud": SecretStr(found)}, spool=tmp_path / "spool")
    [section] = await pbxs.examine(settings, scope([]))
    return section


def marks(section: Section) -> dict[str, Mark]:
    return {each.what: each.mark for each in section.findings}


def red(section: Section) -> dict[str, str]:
    return {each.what: each.words for each in section.findings if each.mark is Mark.RED}


async def test_a_pbx_in_order_is_green_and_stays_the_gateways(office: Office, tmp_path: Path) -> None:
    """No phone rings, nothing is left, and the next call still comes to the gateway."""
    gateway: Gateway = await office.gateway()
    section = await look(office.instances.pbxs[CLOUD], tmp_path)
    found = {each.what: each.words for each in section.findings}
    print(found)
    assert set(marks(section).values()) == {Mark.GREEN}
    assert {"version and modules", "application", "phones", "trunk", "dialplan", "play"} <= found.keys()
    assert office.ringing == {}
    assert gateway.heard(port.PbxGone) == []
    await office.calls(num=ANNA)
    await gateway.until(port.Arrived)


async def test_without_a_gateway_nobody_listens(office: Office, tmp_path: Path) -> None:
    section = await look(office.instances.pbxs[CLOUD], tmp_path, app="nobodys")
    assert red(section).keys() == {"application"}
    assert "start the gateway" in red(section)["application"]


@pytest.mark.parametrize(
    ("words", "what", "said"),
    [
        ({"trunk": "nowhere"}, "trunk", "there is no endpoint nowhere"),
        ({"context": "nowhere"}, "dialplan", "there is no context nowhere"),
        ({"phone": "Local/{extension}"}, "phones", "ringback export pjsip"),
        ({"media": ""}, "play", "add media="),
    ],
    ids=["trunk", "dialplan", "phones", "media"],
)
async def test_what_the_gateway_would_miss_is_red(
    office: Office, tmp_path: Path, words: dict[str, str], what: str, said: str
) -> None:
    await office.gateway()
    assert said in red(await look(office.instances.pbxs[CLOUD], tmp_path, **words))[what]


async def test_media_that_asterisk_can_not_get_are_red(office: Office, tmp_path: Path) -> None:
    """The gateway's internal port is where they are, and here nobody listens."""
    await office.gateway()
    (tmp_path / "spool" / "media").mkdir(parents=True)
    section = await look(office.instances.pbxs[CLOUD], tmp_path, media="http://127.0.0.1:9")
    assert "let it read that folder" in red(section)["play"]


async def test_media_on_another_machine_are_not_tried(office: Office, tmp_path: Path) -> None:
    await office.gateway()
    assert (
        marks(await look(office.instances.pbxs[CLOUD], tmp_path, media="/nowhere/media"))["play"]
        is Mark.NOT_TRIED
    )
    assert (
        marks(await look(office.instances.pbxs[CLOUD], tmp_path, media="http://127.0.0.1:9"))["play"]
        is Mark.NOT_TRIED
    )


async def test_a_login_that_asterisk_refuses_is_red_without_it(office: Office, tmp_path: Path) -> None:
    address = office.instances.pbxs[CLOUD].ari_address()
    before, _, after = address.partition("@")
    section = await look(
        office.instances.pbxs[CLOUD], tmp_path, f"{before.rpartition(':')[0]}:s3cret@{after}"
    )
    assert "check user and password" in red(section)["answers"]
    assert "s3cret" not in str(section.findings)


@pytest.fixture
def alone(tmp_path: Path, asterisk_root: Root) -> Iterator[Instance]:
    """One with phones that are not there, which a test may spoil."""
    plan = a_plan(CLOUD, {}, "192.0.2.1")
    instance = Instance.of_plan(tmp_path / "alone", plan, root=asterisk_root, dies_with_parent=True)
    instance.start()
    yield instance
    instance.stop()


async def test_phones_that_do_not_register_and_modules_that_are_missing_are_red(
    alone: Instance, tmp_path: Path
) -> None:
    section = await look(alone, tmp_path)
    assert "none of 2 is registered" in red(section)["phones"]
    alone.cli("module", "unload", "func_dialplan.so")
    assert "func_dialplan" in red(await look(alone, tmp_path))["version and modules"]
