"""A PBX with two phones, and the place of a town beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.ids import PbxId
from devtools.town import Around, PbxAccess
from ringback.pbx_files.plan import PbxPlan, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root, free_address

PBX = PbxId("cloud")


class Place:
    """One PBX with two phones, whose trunk is a town."""

    def __init__(self, folder: Path, root: Root) -> None:
        trunk, address = free_address(), free_address()
        passwords = {"201": "of-201", "202": "of-202"}
        plan = PbxPlan(
            pbx_id=PBX,
            phones=tuple(PlannedPhone(extension=name, password=word) for name, word in passwords.items()),
            trunks=(PlannedTrunk(host=trunk),),
        )
        self.pbx = Instance.of_plan(folder / "pbx", plan, root=root, address=address, dies_with_parent=True)
        self.around = Around(address=trunk, pbxs={PBX: PbxAccess(address=address, passwords=passwords)})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Place]:
    """Its PBX runs for all tests of a file."""
    place = Place(tmp_path_factory.mktemp("town"), asterisk_root)
    place.pbx.start()
    yield place
    place.pbx.stop()
