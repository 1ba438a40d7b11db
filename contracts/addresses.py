"""Addresses of phones: `sip:` an extension, `tel:` a public number, `pbx:` another PBX's extension (O2)."""

from contracts.ids import Address, PbxId


def dialled_from(pbx_id: PbxId, owner_id: PbxId, address: Address) -> Address:
    """A phone of `owner_id` as `pbx_id` dials it: its extension by the inter-PBX link, a number unchanged."""
    scheme, _, rest = address.partition(":")
    if scheme != "sip" or owner_id == pbx_id:
        return address
    return Address(f"pbx:{owner_id}/{rest}")


def is_public(address: Address) -> bool:
    """Whether a phone is reached over the public network."""
    return address.startswith("tel:")


def far_pbx(address: Address) -> PbxId | None:
    """The other PBX that the address is dialled through, or None."""
    scheme, _, rest = address.partition(":")
    return PbxId(rest.partition("/")[0]) if scheme == "pbx" else None
