"""The Asterisk of each company, and what can fail around it: network, trunk, a phone of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from contracts.ids import PbxId
from devtools.chaos import heard_calls, lone_phone, trunk_relay
from devtools.chaos.ari_proxy import AriProxy
from devtools.chaos.asterisk_workload import LONE_EXTENSION, lone_extension
from devtools.chaos.lone_phone import LonePhone
from devtools.chaos.reading import Ear
from devtools.chaos.trunk_relay import TrunkRelay
from devtools.chaos.workload import DEPARTMENTS, Company, Workload, department_extension
from devtools.phone_networks import RealPhones, Site
from ringback.pbx_files.plan import PbxPlan, PlannedTrunk
from ringback.stack.asterisk import Instance, free_address
from ringback.stack.process import Process, StackError, free_port
from ringback.stack.stack import Stack
from services.gateway.simulated.script import Call
from services.gateway.simulated.wire import Control

REGISTERED_S_MAX = 20.0
TOWN = "town"


@dataclass(slots=True)
class Office:
    """One company's PBX with what is around it."""

    name: str
    number: int
    pbx_id: PbxId
    instance: Instance
    proxy: AriProxy
    trunk: TrunkRelay
    phone: LonePhone


class Asterisks(RealPhones):
    """Real phones of a chaos run: a proxy before each PBX's ARI, and a relay before its trunk."""

    def __init__(self, morning: Workload, seed: int) -> None:
        self.offices: dict[str, Office] = {}
        self._companies = morning.companies
        self._seed = seed
        self._town: Process | None = None
        self._relay_addresses = {company.pbx_id: free_address() for company in morning.companies}
        super().__init__([_site(company, number) for number, company in enumerate(morning.companies)])

    def _plan(self, site: Site, sites: Sequence[Site]) -> PbxPlan:
        """Calls go out by the relay, and come in from the town itself."""
        trunk = PlannedTrunk(host=self._relay_addresses[site.pbx_id], networks=(self.town_address,))
        return msgspec.structs.replace(super()._plan(site, sites), trunks=(trunk,))

    @property
    def proxies(self) -> list[AriProxy]:
        """The proxies before ARI."""
        return [office.proxy for office in self.offices.values()]

    def start_pbxs(self, stack: Stack) -> None:
        """Start each Asterisk with its proxy, its relay and its phone. Raises NoAsterisk."""
        super().start_pbxs(stack)
        for number, company in enumerate(self._companies):
            self.offices[company.organization_id] = self._office(company, number)
        for office in self.offices.values():
            office.proxy.begin()
            office.trunk.begin()
            office.phone.begin()

    def _office(self, company: Company, number: int) -> Office:
        instance = self.instances[company.pbx_id]
        place = urlsplit(instance.ari_address())
        passwords = {each.extension: each.password for each in self.plans[company.pbx_id].phones}
        extension = lone_extension(number)
        return Office(
            name=company.organization_id,
            number=number,
            pbx_id=company.pbx_id,
            instance=instance,
            proxy=AriProxy(
                company.organization_id,
                free_port(),
                (place.hostname or "", place.port or 0),
                seed=self._seed,
            ),
            trunk=TrunkRelay(
                company.organization_id,
                self._relay_addresses[company.pbx_id],
                instance.address,
                self.town_address,
            ),
            phone=LonePhone(extension, passwords[extension], free_address(), instance.address),
        )

    def address(self, pbx_id: PbxId) -> str:
        """ARI by way of the proxy."""
        office = next(each for each in self.offices.values() if each.pbx_id == pbx_id)
        place = urlsplit(super().address(pbx_id))
        login = place.netloc.rpartition("@")[0]
        return urlunsplit(place._replace(netloc=f"{login}@127.0.0.1:{office.proxy.port}"))

    def start_phones(self, stack: Stack, script: Path, *, is_waiting: bool = False) -> None:
        """Start the town, and wait until the phones that are no Asterisks are registered."""
        super().start_phones(stack, script, is_waiting=is_waiting)
        self._town = next(each.process for each in stack.entries if each.name == TOWN)
        for office in self.offices.values():
            if not office.phone.is_registered.wait(REGISTERED_S_MAX):
                raise StackError(f"the phone {office.phone.extension} can't register at {office.pbx_id}")

    def check(self) -> None:
        """Raise StackError if the town has ended: nobody would call, and nobody answer."""
        if self._town is not None and not self._town.is_alive():
            raise StackError(f"{TOWN} has ended by itself; {self._town.last_words()}")

    def call(self, office: Office, call: Call) -> None:
        """Let somebody call a company now."""
        self.control(Control(pbx_id=office.pbx_id, call=call))

    def dialled(self) -> dict[str, int]:
        """How often each phone was dialled, by the phones' own counts."""
        found: Counter[str] = Counter(self.control(Control()))
        found.update(lone_phone.counts([office.phone for office in self.offices.values()]))
        found.update(trunk_relay.counts([office.trunk for office in self.offices.values()]))
        return dict(found)

    def ears(self, stack: Stack) -> list[Ear]:
        """What each person heard in each call that was answered."""
        found = list(heard_calls.of_town(stack.run / "town" / "heard"))
        for office in self.offices.values():
            phone = office.phone
            found += heard_calls.of_talks(phone.extension, office.pbx_id, phone.talks)
        return found

    def stop(self) -> None:
        """End what is not a process of the stack."""
        for office in self.offices.values():
            office.proxy.stop()
            office.trunk.stop()
            office.phone.stop()


def _site(company: Company, number: int) -> Site:
    desks = [each.removeprefix("sip:") for each in company.addresses if each.startswith("sip:")]
    departments = [department_extension(at) for at in range(len(DEPARTMENTS))]
    return Site(
        pbx_id=company.pbx_id,
        phones=tuple(sorted({*desks, lone_extension(number)})),
        departments=(*departments, LONE_EXTENSION),
        organization_id=company.organization_id,
    )
