"""The PBXs of one script and the phones that they share: a public phone is the same phone for every PBX."""

import heapq
import random
from collections import Counter
from collections.abc import Callable

from contracts.gateway import DeviceState
from contracts.ids import Address, PbxId
from services.gateway.simulated.audio import AudioLibrary
from services.gateway.simulated.handsets import Handset, HandsetRegistry
from services.gateway.simulated.pbx import SimulatedPbx
from services.gateway.simulated.script import Call, Phone, Script


class SimulatedNetwork:
    """Calls, answers and hangs up as the script says; `advance` moves its time, from `begin` on."""

    def __init__(
        self, script: Script, audio: AudioLibrary, *, seed: int | None = None, boot: str = "1"
    ) -> None:
        """`boot` makes the ids of arriving calls unique between runs on the same log."""
        self.script = script
        self.counts: Counter[str] = Counter()
        self._random = random.Random(script.seed if seed is None else seed)
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._now = 0
        self.handsets = HandsetRegistry(script, self.counts)
        self.pbxs = {
            PbxId(pbx_id): SimulatedPbx(
                PbxId(pbx_id),
                pbx_script,
                handsets=self.handsets,
                audio=audio,
                seed=self._random.getrandbits(32),
                boot=boot,
                counts=self.counts,
            )
            for pbx_id, pbx_script in script.pbxs.items()
        }

    def begin(self, now: int) -> None:
        """Start the script: plan its calls and changes from now on."""
        self._now = now
        for pbx in self.pbxs.values():
            pbx.advance(now)
            for call in pbx.script.calls:
                self._at(now + _ms(call.at_s), lambda pbx=pbx, call=call: pbx.call_in(self._now, call))  # type: ignore[misc]
            for absence in pbx.script.network.absences:
                self._at(
                    now + _ms(absence.at_s),
                    lambda pbx=pbx, a=absence: pbx.vanish(self._now, for_ms=_ms(a.for_s), drops=a.drops),  # type: ignore[misc]
                )
            for address, phone in pbx.script.phones.items():
                self._put_phone(self.handsets.of(pbx.pbx_id, Address(address)), phone)

    def _put_phone(self, handset: Handset | None, phone: Phone) -> None:
        if handset is None:
            return
        for own in phone.own_calls:
            self._at(self._now + _ms(own.at_s), handset.take_line)
            self._at(self._now + _ms(own.at_s + own.for_s), handset.free_line)
        for change in phone.changes:
            is_reachable = change.state is not DeviceState.UNREACHABLE
            self._at(
                self._now + _ms(change.at_s),
                lambda is_reachable=is_reachable: handset.set_reachable(is_reachable),  # type: ignore[misc]
            )

    def call_in(self, pbx_id: PbxId, call: Call) -> None:
        """Let somebody call now."""
        self.pbxs[pbx_id].call_in(self._now, call)

    def _at(self, at: int, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._agenda, (at, self._number, act))

    def advance(self, now: int) -> None:
        """Do everything that is due, in order of time across the PBXs."""
        while (due_at := self._next_action_at()) is not None and due_at <= now:
            self._step(max(due_at, self._now))
        self._step(now)

    def _step(self, now: int) -> None:
        self._now = now
        while self._agenda and self._agenda[0][0] <= now:
            heapq.heappop(self._agenda)[2]()
        for pbx in self.pbxs.values():
            pbx.advance(now)

    def _next_action_at(self) -> int | None:
        found = [pbx.agenda.next_at() for pbx in self.pbxs.values()]
        if self._agenda:
            found.append(self._agenda[0][0])
        return min((at for at in found if at is not None), default=None)

    def next_event_at(self, after: int = 0) -> int | None:
        """When the next event is due at any PBX; `after` as of `SimulatedPbx.next_event_at`."""
        found = [pbx.next_event_at(after) for pbx in self.pbxs.values()]
        if self._agenda:
            found.append(self._agenda[0][0])
        return min((at for at in found if at is not None), default=None)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
