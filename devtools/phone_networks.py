"""The phones of a run: simulated ones, or real SIP phones at real Asterisks. A run chooses nowhere else.

    phones = RealPhones([Site(PbxId("cloud"), phones=("201",), departments=("300",))])
    phones.start_pbxs(stack)
    pbxs = pbxs_setting(phones, {"vostok": ["cloud"]})
    stack.start_services(extra={"gateway": {"RINGBACK_PBXS": pbxs}})
    phones.start_phones(stack, script, is_waiting=True)
    phones.control(Control(begin=True))

The script is the same for both kinds, and so are the controls and the counts that answer them.
"""

import json
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from contracts.ids import PbxId
from ringback.pbx_files.plan import PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk
from ringback.phones import asked, control
from ringback.stack.asterisk import Instance, free_address
from ringback.stack.process import free_port, is_listening
from ringback.stack.services import READY_S
from ringback.stack.stack import Stack
from runtime import private_files
from services.gateway.simulated.wire import Control

PASSWORD_BYTES: Final = 12


class PhoneNetwork(Protocol):
    """The PBXs of a run with their phones, and the public network."""

    def start_pbxs(self, stack: Stack) -> None:
        """Start what the gateway connects to; the stack's parts must be running."""

    def address(self, pbx_id: PbxId) -> str:
        """Where the gateway finds a PBX, as in RINGBACK_PBXS."""

    def start_phones(self, stack: Stack, script: Path, *, is_waiting: bool = False) -> None:
        """Start the phones of a script; a waiting one starts at the control `begin`."""

    def control(self, message: Control) -> dict[str, int]:
        """Let the phones do something; the answer is what was counted so far. Raises RuntimeError."""

    def heard(self) -> dict[str, list[Path]]:
        """What each phone heard, by its name (`sip:201`, `tel:+7…`): a file of A-law for each call."""


def pbxs_setting(phones: PhoneNetwork, pbxs: Mapping[str, Iterable[str]]) -> str:
    """RINGBACK_PBXS for the PBXs of some organizations."""
    return json.dumps(
        {
            f"{organization_id}/{pbx_id}": phones.address(PbxId(pbx_id))
            for organization_id, pbx_ids in pbxs.items()
            for pbx_id in pbx_ids
        }
    )


class SimulatedPhones:
    """PBXs, phones and the public network in one process of `ringback phones`."""

    def __init__(self) -> None:
        self._port = free_port()

    def start_pbxs(self, stack: Stack) -> None:
        """Nothing: the PBXs start with their phones, and the gateway waits for them."""

    def address(self, pbx_id: PbxId) -> str:
        """One port for all PBXs: the gateway says which one it wants."""
        return f"tcp://127.0.0.1:{self._port}"

    def start_phones(self, stack: Stack, script: Path, *, is_waiting: bool = False) -> None:
        """Start the process."""
        stack.start_phones(script, self._port, is_waiting=is_waiting)

    def control(self, message: Control) -> dict[str, int]:
        """Tell the process."""
        return control(self._port, message)

    def heard(self) -> dict[str, list[Path]]:
        """Nothing: simulated phones have no ears."""
        return {}


@dataclass(frozen=True, slots=True)
class Site:
    """One PBX of a run, by extension: its registered phones and its departments."""

    pbx_id: PbxId
    phones: tuple[str, ...]
    departments: tuple[str, ...] = ()
    organization_id: str = ""
    """PBXs of the same organization reach each other."""


class RealPhones:
    """Asterisks, and the town: SIP phones that register with them, people who use these, and the trunk."""

    def __init__(self, sites: Sequence[Site], *, elsewhere: Mapping[str, PbxId] | None = None) -> None:
        """`elsewhere`: public numbers that are no phones of the town, each with the PBX that has it."""
        self._elsewhere = dict(elsewhere or {})
        self.instances: dict[PbxId, Instance] = {}
        self._port = free_port()
        self.town_address = free_address()
        self._addresses = {site.pbx_id: free_address() for site in sites}
        self.plans = {site.pbx_id: self._plan(site, sites) for site in sites}

    def _plan(self, site: Site, sites: Sequence[Site]) -> PbxPlan:
        """What one PBX has: its phones with new passwords, the town as its trunk, its organization's PBXs."""
        peers = (
            PlannedPeer(pbx_id=each.pbx_id, host=self._addresses[each.pbx_id], extensions=each.phones)
            for each in sites
            if each is not site and each.organization_id == site.organization_id
        )
        phones = (
            PlannedPhone(extension=each, password=secrets.token_hex(PASSWORD_BYTES)) for each in site.phones
        )
        return PbxPlan(
            pbx_id=site.pbx_id,
            phones=tuple(phones),
            trunks=(PlannedTrunk(host=self.town_address),),
            peers=tuple(peers),
            department_extensions=site.departments,
        )

    def start_pbxs(self, stack: Stack) -> None:
        """Start an Asterisk for each site. Raises NoAsterisk."""
        for pbx_id, plan in self.plans.items():
            self.instances[pbx_id] = stack.start_asterisk(plan, address=self._addresses[pbx_id])

    def address(self, pbx_id: PbxId) -> str:
        """ARI of an Asterisk, with the folder of media that it shares with the gateway."""
        return self.instances[pbx_id].ari_address()

    def start_phones(self, stack: Stack, script: Path, *, is_waiting: bool = False) -> None:
        """Start the town's process, whose own Asterisk has the address that the PBXs know as their trunk."""
        around = {
            "address": self.town_address,
            "elsewhere": self._elsewhere,
            "pbxs": {
                pbx_id: {
                    "address": self._addresses[pbx_id],
                    "passwords": {phone.extension: phone.password for phone in plan.phones},
                }
                for pbx_id, plan in self.plans.items()
            },
        }
        file = stack.run / "town.json"
        private_files.write(file, json.dumps(around))
        argv = [sys.executable, "-m", "devtools", "town", "--port", str(self._port), "--script", str(script)]
        argv += ["--around", str(file), *(["--wait"] if is_waiting else [])]
        town = stack.start_process("town", argv, self.town_address, stack.settings())
        town.wait_until(lambda: is_listening(self._port), "open port", READY_S)

    def control(self, message: Control) -> dict[str, int]:
        """Tell the town."""
        return control(self._port, message)

    def heard(self) -> dict[str, list[Path]]:
        """Ask the town, which writes while it hears."""
        heard = asked(self._port, Control())["heard"]
        return {name: [Path(file) for file in files] for name, files in heard.items()}
