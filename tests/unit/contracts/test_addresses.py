"""Addresses of phones: which network reaches them, and how another PBX dials them (O2)."""

import pytest

from contracts.addresses import dialled_from, far_pbx, is_public
from contracts.ids import Address, PbxId

MOSCOW, VOLGA = PbxId("moscow"), PbxId("volga")


@pytest.mark.rule("O2")
@pytest.mark.parametrize(
    ("owner_id", "address", "dialled", "far"),
    [
        (MOSCOW, "sip:201", "sip:201", None),
        (VOLGA, "sip:201", "pbx:volga/201", VOLGA),
        (VOLGA, "tel:+79161234567", "tel:+79161234567", None),
    ],
)
def test_a_phone_of_another_pbx_is_dialled_by_the_link(
    owner_id: PbxId, address: str, dialled: str, far: PbxId | None
) -> None:
    """Moscow dials its own extension, one of the Volga's, and a mobile, which needs no link."""
    found = dialled_from(MOSCOW, owner_id, Address(address))
    assert found == dialled
    assert far_pbx(found) == far
    assert is_public(found) is address.startswith("tel:")
