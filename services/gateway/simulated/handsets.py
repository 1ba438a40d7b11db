"""The phones of a simulated network: their calls, their registration, their behaviour when dialled."""

from collections import Counter
from collections.abc import Callable

from contracts.gateway import DeviceState
from contracts.ids import Address, PbxId
from services.gateway.simulated.script import Behaviour, Phone, Script


class Handset:
    """One phone as it is now."""

    def __init__(self, address: Address, phone: Phone) -> None:
        self.address = address
        self.phone = phone
        self.calls = 0
        self.is_reachable = phone.is_reachable
        self.shown = ("", "")
        """The number and the name on its screen, of the newest call."""
        self.changed: Callable[[Handset], None] = lambda _: None
        self._dialled = 0

    @property
    def state(self) -> DeviceState:
        """Its state as its PBX sees it."""
        if not self.is_reachable:
            return DeviceState.UNREACHABLE
        return DeviceState.IN_USE if self.calls else DeviceState.IDLE

    @property
    def is_busy(self) -> bool:
        """Whether all its lines are in use."""
        return self.calls >= self.phone.lines_max

    def next_behaviour(self) -> Behaviour:
        """How it answers this dialling."""
        behaviours = self.phone.behaviours
        found = behaviours[min(self._dialled, len(behaviours) - 1)]
        self._dialled += 1
        return found

    def behave(self, *behaviours: Behaviour) -> None:
        """Replace its behaviours from now on."""
        self.phone = Phone(behaviours=behaviours, lines_max=self.phone.lines_max)
        self._dialled = 0

    def take_line(self) -> None:
        """A call on it begins."""
        self._change(self.calls + 1, self.is_reachable)

    def free_line(self) -> None:
        """A call on it ends."""
        self._change(max(0, self.calls - 1), self.is_reachable)

    def set_reachable(self, is_reachable: bool) -> None:
        """It registers, or loses its registration."""
        self._change(self.calls, is_reachable)

    def _change(self, calls: int, is_reachable: bool) -> None:
        before = self.state
        self.calls, self.is_reachable = calls, is_reachable
        if self.state is not before:
            self.changed(self)


class HandsetRegistry:
    """Finds the phone behind an address, as seen from a PBX."""

    def __init__(self, script: Script, counts: Counter[str]) -> None:
        self._stranger = script.stranger
        self._counts = counts
        self._registered: dict[tuple[str, str], Handset] = {}
        self._public: dict[str, Handset] = {}
        self.away: set[PbxId] = set()
        for pbx_id, pbx in script.pbxs.items():
            for address, phone in pbx.phones.items():
                self._registered[(pbx_id, address)] = Handset(Address(address), phone)
        for number, phone in script.public.items():
            self._public[number] = Handset(Address(f"tel:{number}"), phone)

    def of(self, pbx_id: PbxId, address: Address) -> Handset | None:
        """The phone that this PBX reaches under this address, or None; every public number has a phone."""
        kind, _, target = address.partition(":")
        if kind == "tel":
            return self.public(target)
        if kind == "pbx":
            other, _, extension = target.partition("/")
            return self._registered.get((other, f"sip:{extension}"))
        return self._registered.get((pbx_id, address))

    def is_cut_off(self, address: Address) -> bool:
        """Whether the phone's own PBX can't be reached at the moment."""
        kind, _, target = address.partition(":")
        return kind == "pbx" and PbxId(target.partition("/")[0]) in self.away

    def public(self, number: str) -> Handset:
        """The phone of a public number."""
        handset = self._public.get(number)
        if handset is None:
            handset = self._public[number] = Handset(Address(f"tel:{number}"), self._stranger)
        return handset

    def registered(self, pbx_id: PbxId) -> list[Handset]:
        """The phones of one PBX."""
        return [handset for (owner, _), handset in self._registered.items() if owner == pbx_id]
