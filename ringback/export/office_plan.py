"""What a PBX has, from the directory's cards and the operator's file."""

from collections.abc import Iterator

import msgspec
from joserfc.errors import JoseError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import dialling
from contracts.ids import PbxId
from ringback.export.operator_file import OperatorFile
from ringback.operator.installation import Installation
from ringback.pbx_files.plan import Fallback, PbxPlan, PlannedPeer, PlannedPhone
from services.directory.activities.organizations import NotDone
from services.directory.state.grants import Grants
from services.directory.state.office import Office


class NotAssigned(NotDone):
    """The organization does not have the PBX, or is there no more: nothing of it may stay on a PBX."""


async def planned(
    installation: Installation, organization_id: str, pbx_id: str, chosen: OperatorFile
) -> PbxPlan:
    """The plan of one of the organization's PBXs. Raises NotDone, RequestRefused and PlanRefused."""
    async with installation.repository.reading(organization_id) as unit:
        if pbx_id not in unit.office.grants.pbxs:
            raise NotAssigned(
                f"{organization_id} has no PBX {pbx_id}: see `operator list`; "
                f"`operator assign {organization_id} --pbx {pbx_id}` gives it"
            )
        # A card that can't be read would take its phone from the PBX.
        unit.require_readable()
        if pbx_id not in unit.office.pbxs:
            raise NotDone(f"the office of {organization_id} has no PBX {pbx_id} yet: save its card first")
        passwords = await _phone_passwords(installation, unit.connection, organization_id)
    return _plan(unit.office, PbxId(pbx_id), chosen, passwords)


async def _phone_passwords(
    installation: Installation, connection: AsyncConnection, organization_id: str
) -> dict[str, str]:
    try:
        return await installation.passwords.phone_passwords(connection, organization_id)
    except JoseError as error:
        raise NotDone("phone passwords were sealed with another key: set RINGBACK_DIRECTORY_KEY") from error


def emptied(pbx_id: str, chosen: OperatorFile) -> PbxPlan:
    """The plan of a PBX that was taken from the organization: it knows no phone and no trunk."""
    return PbxPlan(pbx_id=PbxId(pbx_id), app=chosen.app)


def _plan(office: Office, pbx_id: PbxId, chosen: OperatorFile, passwords: dict[str, str]) -> PbxPlan:
    numbers = office.grants.of_numbers(office.pbxs[pbx_id].numbers)
    shown = chosen.outside_number
    if shown is None:
        shown = numbers[0] if numbers else ""
    phones = tuple(_phones(office, pbx_id, passwords))
    others = tuple(card.extension for card in office.extensions.values() if card.pbx_id == pbx_id)
    return PbxPlan(
        pbx_id=pbx_id,
        app=chosen.app,
        phones=phones,
        other_extensions=others,
        trunks=chosen.trunks,
        peers=tuple(_peers(office, pbx_id, chosen)),
        department_extensions=tuple(
            card.extension for card in office.departments.values() if card.pbx_id == pbx_id
        ),
        # Nobody dials at the operator's expense while an organization is suspended; help is always reached.
        outside=chosen.outside if office.grants.is_active else (),
        outside_number=shown,
        emergency_numbers=dialling.emergency_numbers(office.organization.dialling.home_region),
        fallback=_fallback(chosen.fallback, {each.extension for each in phones} | set(others), office.grants),
        qualify_s=chosen.qualify_s,
        media_address=chosen.media_address,
    )


def _phones(office: Office, pbx_id: PbxId, passwords: dict[str, str]) -> Iterator[PlannedPhone]:
    for agent_id, card in office.employees.items():
        if card.pbx_id == pbx_id and agent_id in passwords:
            yield PlannedPhone(extension=card.extension, password=passwords[agent_id], display_name=card.name)


def _fallback(chosen: Fallback, extensions: set[str], grants: Grants) -> Fallback:
    """Where calls fall back to: an employee who is removed must not keep the files from being written."""
    return msgspec.structs.replace(
        chosen,
        extensions=tuple(each for each in chosen.extensions if each in extensions),
        number=chosen.number if grants.is_active else "",
    )


def _peers(office: Office, pbx_id: PbxId, chosen: OperatorFile) -> Iterator[PlannedPeer]:
    """The organization's other PBXs of which the operator says the address. Raises NotDone for any other."""
    placed = [(card.pbx_id, card.extension) for _, card in office.agents()]
    placed += [(card.pbx_id, card.extension) for card in office.departments.values()]
    for peer_id, host in chosen.peers.items():
        if peer_id == pbx_id or peer_id not in office.grants.pbxs:
            raise NotDone(f"peers: {peer_id} is no other PBX of this organization; see `operator list`")
        extensions = tuple(sorted(extension for owner_id, extension in placed if owner_id == peer_id))
        yield PlannedPeer(pbx_id=PbxId(peer_id), host=host, extensions=extensions)
