"""The state of one gateway, and the effects it collects: facts to say, requests, settled commands."""

from collections import deque
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from contracts.addresses import is_public
from contracts.dialling import DiallingPolicy
from contracts.gateway import Answered, CommandDone, CommandRefused, DeviceState, PbxFact, PbxReturned
from contracts.ids import Address, BridgeId, Instant, LegId, OrganizationId, PbxId, RecordingId
from services.gateway import rules
from services.gateway.decider.effects import Ask, Count, Effect, Say, Settled
from services.gateway.decider.minutes import Minutes
from services.gateway.port import Request
from services.gateway.state import (
    NO_COMMAND,
    Answers,
    CommandKey,
    Leg,
    LegBridge,
    Phase,
    Recording,
    SeenDevice,
    Timers,
)

LEGS_MAX: Final = 50_000
"""Ended legs are kept so that no id is used twice; a PBX has some thousands a day."""

F = TypeVar("F", bound=Answered)


class PendingRequest(msgspec.Struct, kw_only=True):
    """A request without a reply yet."""

    request: Request
    key: CommandKey
    command: str
    leg_id: LegId | None
    tries: int = 1


class GatewayState:
    """What the gateway knows of its PBX; the modules beside this one change it."""

    def __init__(
        self, pbx_id: PbxId, organization_id: OrganizationId, minutes: Minutes | None = None
    ) -> None:
        self.pbx_id = pbx_id
        self.organization_id = organization_id
        self.policy: DiallingPolicy | None = None
        """None until the organization's card is heard."""
        self.minutes = minutes or Minutes()
        self.calls = self.minutes.calls
        self.numbers: tuple[str, ...] = ()
        self.closed_by: dict[str, str] = {}
        """Why nothing is dialled or taken any more: `suspended`, `pbx_removed`, by what said so."""
        self.is_there: bool | None = None
        self._is_confirmed = False
        self._returned_seq = 0
        self.newest_at = Instant(0)
        self.legs: dict[LegId, Leg] = {}
        self.recordings: dict[RecordingId, Recording] = {}
        self.bridges: dict[BridgeId, LegBridge] = {}
        self.devices: dict[Address, DeviceState] = {}
        """As last said; `seen_devices` has what the PBX says."""
        self.seen_devices: dict[Address, SeenDevice] = {}
        self.checks: dict[str, list[CommandKey]] = {}
        self.pending: dict[int, PendingRequest] = {}
        self.answers: dict[tuple[str, OrganizationId], Answers] = {}
        self.refs: dict[CommandKey, list[int]] = {}
        self.causes: dict[CommandKey, str] = {}
        self._early: deque[tuple[int, int]] = deque()
        """Commands that came too early, each with the number of the last fact said before it."""
        self.timers = Timers()
        self.effects: list[Effect] = []
        self._seq = 0
        self._request_count = 0

    @property
    def are_minutes_used_up(self) -> bool:
        """Whether the organization's minutes of today over the public network are used up (C10)."""
        policy = self.policy
        return policy is not None and self.minutes.are_used_up(self.newest_at, policy.minutes_per_day_max)

    # Facts

    def say(self, fact: PbxFact, key: CommandKey | None = None) -> None:
        """Say a fact, caused by a command if there is one."""
        self._seq += 1
        self.effects.append(Say(seq=self._seq, fact=fact, cause=self.causes.get(key, "") if key else ""))

    def answer(self, fact: F, key: CommandKey | None) -> None:
        """Say the fact that answers a command; its source and number are filled in here."""
        if key is not None and key != NO_COMMAND:
            fact = msgspec.structs.replace(fact, source=key.source, seq=key.seq)
        self.say(fact, key)

    def done(self, key: CommandKey | None, command: str, leg_id: LegId | None = None) -> None:
        """Answer a command that has no fact of its own: it was carried out, now or before."""
        if key is not None and key != NO_COMMAND:
            self.answer(CommandDone(pbx_id=self.pbx_id, command=command, leg_id=leg_id), key)

    def refuse(self, key: CommandKey | None, command: str, reason: str, leg_id: LegId | None = None) -> None:
        """Answer a command that is not carried out, with the reason."""
        self.count(f"refused_{reason}")
        if key is not None and key != NO_COMMAND:
            refused = CommandRefused(pbx_id=self.pbx_id, command=command, reason=reason, leg_id=leg_id)
            self.answer(refused, key)

    def count(self, what: str) -> None:
        """Count something for the metrics."""
        self.effects.append(Count(what=what))

    # Commands and their answers

    def take_on(self, key: CommandKey, ref: int, cause: str) -> bool:
        """Whether to carry a command out now; False if it is a repeat, or came too early."""
        if key.seq == 0:
            self.causes[key] = cause
            self.effects.append(Settled(ref=ref))
            return True
        answers = self.answers.setdefault((key.source, key.organization_id), Answers())
        if not answers.is_known:
            answers.start_at(key.seq)
        if answers.is_answered(key.seq):
            self.count("repeat_dropped")
            self.effects.append(Settled(ref=ref))
            return False
        if key.seq > answers.accepted + 1:
            self.count("command_too_early")
            self._early.append((self._seq, ref))
            return False
        if key in self.refs:
            self.refs[key].append(ref)
            return False
        self.refs[key] = [ref]
        self.causes[key] = cause
        answers.accept(key.seq)
        return True

    def settle(self, fact: Answered) -> None:
        """A fact of ours was read back: settle the command that it answers."""
        if not fact.source:
            return
        key = CommandKey(fact.source, self.organization_id, fact.seq)
        self.answers.setdefault((key.source, key.organization_id), Answers()).answer(key.seq)
        self.effects.extend(Settled(ref=ref) for ref in self.refs.pop(key, ()))
        self.causes.pop(key, None)

    def drop_early(self, seq: int) -> None:
        """A fact of ours was read back: let go of commands that had come too early before it was said.

        Their sender says them again, after what is missing. Before that they may be early only for us:
        another one had the PBX meanwhile and answered their predecessors, and its claim was not read yet.
        """
        while self._early and self._early[0][0] < seq:
            self.effects.append(Settled(ref=self._early.popleft()[1]))

    # Asking the PBX

    @property
    def may_ask(self) -> bool:
        """Whether the PBX is there, and was still ours when it came.

        Whoever was cut off may reach it before the log, and another has it by then: it would end the other's
        calls as unknown, or by limits of its own.
        """
        return bool(self.is_there) and self._is_confirmed

    def say_returned(self, fact: PbxReturned) -> None:
        """Say that the PBX is there; until that is read back nothing is asked of it."""
        self.is_there, self._is_confirmed = True, False
        self.say(fact)
        self._returned_seq = self._seq

    def doubt(self) -> None:
        """Others may have the PBX meanwhile: ask nothing of it until the log shows that it is still ours."""
        if self.is_there:
            legs = tuple(leg.leg_id for leg in self.legs.values() if leg.is_with_pbx)
            self.say_returned(PbxReturned(pbx_id=self.pbx_id, live_legs=legs))

    def confirm(self, now: int, seq: int) -> None:
        """One of our returns was read back, with no newer claim before it: ask for everything that waits."""
        if seq == self._returned_seq:
            self._is_confirmed = True
            self.ask_all_again(now)

    def ask(
        self,
        now: int,
        request: Request,
        *,
        key: CommandKey = NO_COMMAND,
        command: str = "",
        leg_id: LegId | None = None,
    ) -> None:
        """Ask the PBX, and again every second until it replies; if it may not be asked yet, later."""
        self._request_count += 1
        number = self._request_count
        self.pending[number] = PendingRequest(request=request, key=key, command=command, leg_id=leg_id)
        self.timers.set("ask", str(number), now + rules.ASK_AGAIN_MS)
        if self.may_ask:
            self.effects.append(Ask(number=number, request=request))

    def ask_again(self, now: int, number: int) -> PendingRequest | None:
        """Repeat a request that got no reply; after the last time give it up and return it."""
        pending = self.pending.get(number)
        if pending is None:
            return None
        self.timers.set("ask", str(number), now + rules.ASK_AGAIN_MS)
        if not self.may_ask:
            return None
        pending.tries += 1
        if pending.tries > rules.ASKS_MAX:
            return self.replied(number)
        self.count("asked_again")
        self.effects.append(Ask(number=number, request=pending.request))
        return None

    def replied(self, number: int) -> PendingRequest | None:
        """End a request; None if the reply came late or twice."""
        self.timers.drop("ask", str(number))
        return self.pending.pop(number, None)

    def ask_all_again(self, now: int) -> None:
        """Repeat every request: the PBX is back, and may have missed them or never got them."""
        for number in list(self.pending):
            self.pending[number].tries = 0
            self.ask_again(now, number)

    # Legs

    def put_leg(self, leg: Leg) -> None:
        """Add a leg; beyond a limit the oldest ended ones are forgotten."""
        self.legs[leg.leg_id] = leg
        if len(self.legs) > LEGS_MAX:
            for ended in list(self._ended())[: LEGS_MAX // 10]:
                self._forget(ended)

    def _forget(self, leg: Leg) -> None:
        del self.legs[leg.leg_id]
        for bridge_id in leg.bridges:
            self.bridges.pop(bridge_id, None)
        for recording_id in sorted(leg.recordings):
            if self.recordings[recording_id].is_finished:
                del self.recordings[recording_id]

    def bridges_of(self, leg: Leg) -> list[LegBridge]:
        """The bridges that a leg is or was in, unless they are forgotten with the other leg."""
        return [self.bridges[bridge_id] for bridge_id in leg.bridges if bridge_id in self.bridges]

    def is_bridged(self, leg: Leg) -> bool:
        """Whether a leg talks with another one, or is about to."""
        return any(not bridge.is_over for bridge in self.bridges_of(leg))

    def _ended(self) -> Iterable[Leg]:
        return (leg for leg in self.legs.values() if leg.phase is Phase.ENDED)

    def count_live_legs(self) -> None:
        """Count those legs that predecessors left, for `calls`."""
        for leg in self.legs.values():
            if not leg.is_over and (leg.is_arrived or is_public(leg.address)):
                self.calls.begin(leg.leg_id, leg.started_at)

    def live(self, leg_id: LegId) -> Leg | None:
        """The leg if it is known and not over."""
        leg = self.legs.get(leg_id)
        return leg if leg is not None and not leg.is_over else None
