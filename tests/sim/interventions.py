"""What watchers of the log can do in the world: call, press a key, hang up, say a fact, cut a PBX off, and
hold a decider up.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from contracts.ids import Instant, LegId, PbxId
from contracts.message import Fact
from services.gateway.simulated import Call, SimulatedNetwork
from services.gateway.simulated.script import Step
from tests.sim.edges import Bell

PATIENCE_S: Final = 150.0
"""The longest time that a returning customer stays on the line."""


class Doings:
    """Interventions on one PBX, now or some seconds from now."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], Instant],
        network: SimulatedNetwork,
        pbx_id: PbxId,
        bell: Bell,
        say: Callable[[Fact], None],
        hold_up: Callable[[str, float], None],
    ) -> None:
        """`hold_up` lets the process of a name stand still for so many seconds."""
        self._loop = loop
        self._network = network
        self._pbx = network.pbxs[pbx_id]
        self._bell = bell
        self.now = now
        self.say = say
        self.hold_up = hold_up
        self.away_s = 0.0
        """How long the PBX has been away in total."""

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Schedule an action in so many seconds."""
        self._loop.call_later(seconds, do)

    def call(self, number: str, line: str, then: tuple[dict[str, Any], ...]) -> bool:
        """Let a customer call now; False if the phone is in use."""
        self._network.advance(self.now())
        if self._network.handsets.public(number).is_busy:
            return False
        steps = tuple(msgspec.convert(step, Step) for step in then)
        leg_id = self._pbx.call_in(self.now(), Call(caller=number, line=line, then=steps))
        self._bell.ring()
        self.later(PATIENCE_S, lambda: self.hang_up(leg_id))
        return True

    def press(self, leg_id: LegId, digit: str) -> None:
        """Let the person on this leg press a key."""
        self._network.advance(self.now())
        self._pbx.press(self._pbx.legs[leg_id], digit, self.now())
        self._bell.ring()

    def hang_up(self, leg_id: LegId) -> None:
        """Let the person on this leg hang up."""
        self._network.advance(self.now())
        self._pbx.hang_up(self._pbx.legs[leg_id], self.now())
        self._bell.ring()

    def vanish(self, for_s: float) -> None:
        """Take the PBX away, unless it is away."""
        self._network.advance(self.now())
        if self._pbx.is_there:
            self.away_s += for_s
            self._pbx.vanish(self.now(), for_ms=round(for_s * 1000))
            self._bell.ring()
