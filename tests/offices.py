"""What the directory says of an office, for tests: a test gives what it depends on, the rest is usual."""

from typing import Any

from contracts.dialling import DiallingPolicy
from contracts.directory import (
    AgentSaved,
    DepartmentSaved,
    Device,
    DeviceKind,
    Language,
    Membership,
    OrganizationSaved,
    PbxKind,
    PbxSaved,
)
from contracts.ids import Address, AgentId, DepartmentId, OrganizationId, PbxId


def organization(organization_id: str = "org", **fields: Any) -> OrganizationSaved:
    """A company in Moscow whose policy allows what is usual, and which has no administrators."""
    usual: dict[str, Any] = {
        "version": 1,
        "name": organization_id.title(),
        "language": Language.RUSSIAN,
        "timezone": "Europe/Moscow",
        "dialling_policy": DiallingPolicy(),
        "administrators": (),
    }
    return OrganizationSaved(organization_id=OrganizationId(organization_id), **(usual | fields))


def pbx(pbx_id: str, *numbers: str, **fields: Any) -> PbxSaved:
    """A PBX in the cloud with these public numbers."""
    usual: dict[str, Any] = {"version": 1, "name": pbx_id.title(), "kind": PbxKind.CLOUD}
    return PbxSaved(pbx_id=PbxId(pbx_id), numbers=numbers, **(usual | fields))


def agent(agent_id: str, pbx_id: str, extension: str = "101", **fields: Any) -> AgentSaved:
    """An employee with a desk phone that has the extension's address, unless `devices` are given."""
    usual: dict[str, Any] = {"version": 1, "name": agent_id.title(), "devices": (desk(extension),)}
    return AgentSaved(
        agent_id=AgentId(agent_id), pbx_id=PbxId(pbx_id), extension=extension, **(usual | fields)
    )


def department(department_id: str, pbx_id: str, *agents: str, **fields: Any) -> DepartmentSaved:
    """A department that no line leads to, with a seat for each of the agents."""
    usual: dict[str, Any] = {
        "version": 1,
        "name": department_id.title(),
        "extension": "300",
        "lines": (),
        "agents": tuple(Membership(agent_id=AgentId(each)) for each in agents),
    }
    return DepartmentSaved(
        department_id=DepartmentId(department_id), pbx_id=PbxId(pbx_id), **(usual | fields)
    )


def desk(name: str) -> Device:
    """A desk phone."""
    return Device(kind=DeviceKind.DESK, address=Address(f"sip:{name}"))
