"""The PBXs of a run on real phones: each has its phones, its trunk, and its organization's other PBXs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.ids import PbxId
from devtools.phone_networks import RealPhones, Site, pbxs_setting
from ringback.stack.asterisk import Root
from ringback.stack.stack import Stack

pytestmark = pytest.mark.timeout(240)

MOSKVA, VOLGA, ABROAD = PbxId("moskva"), PbxId("volga"), PbxId("abroad")


@pytest.fixture
def network(tmp_path: Path, asterisk_root: Root) -> Iterator[RealPhones]:
    """Two PBXs of one organization, and one of another, started."""
    phones = RealPhones(
        [
            Site(MOSKVA, phones=("201",), departments=("300",), organization_id="vostok"),
            Site(VOLGA, phones=("202",), organization_id="vostok"),
            Site(ABROAD, phones=("203",), organization_id="zapad"),
        ]
    )
    with Stack(tmp_path, dies_with_parent=True) as stack:
        phones.start_pbxs(stack)
        yield phones


def endpoints(network: RealPhones, pbx_id: PbxId) -> set[str]:
    """The names of everything that a PBX can dial."""
    lines = network.instances[pbx_id].cli("pjsip", "list", "endpoints").splitlines()
    return {line.split()[1].partition("/")[0] for line in lines if line.strip().startswith("Endpoint:  ")}


def test_pbxs_of_one_organization_reach_each_other_and_no_other_one(network: RealPhones) -> None:
    assert {"201", "trunk", "volga"} <= endpoints(network, MOSKVA)
    assert {"202", "trunk", "moskva"} <= endpoints(network, VOLGA)
    assert endpoints(network, ABROAD).isdisjoint({"moskva", "volga", "201", "202"})


def test_the_gateway_finds_each_of_them_with_its_folder_of_media(network: RealPhones) -> None:
    setting = pbxs_setting(network, {"vostok": [MOSKVA, VOLGA]})
    for pbx_id in (MOSKVA, VOLGA):
        assert f'"vostok/{pbx_id}": "ari+http://' in setting
        assert f"@{network.instances[pbx_id].address}:" in setting
        assert str(network.instances[pbx_id].media_folder) in setting
