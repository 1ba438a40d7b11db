"""Well-formed facts that make no sense, generated from the message types alone.

Every type that a decider hears is drawn, with ids used before (so that facts concern the same places, legs
and agents), unknown ids, instants in the far past or beyond all calendars, durations of zero and of
centuries, texts that are empty, long or strange, and contradictory settings.
"""

import random
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, Final

import msgspec

from contracts import callback, gateway, queue, routing, telephony, voicemail
from contracts.codec import INTEGER_MAX
from contracts.directory import DirectRulesSaved
from contracts.ids import AgentId, Instant, TimerId
from contracts.log import TimerDue
from contracts.message import Fact, Message
from runtime.decision import Decider, Decision, step
from runtime.records import State
from tests.sim.workload import workload

M = typing.TypeVar("M", bound=msgspec.Struct)
NOW: Final = 1_800_000_000_000
STRANGE: Final = (
    "",
    " ",
    "nobody",
    "x" * 3_000,
    "\x00\x1b[2J\r\nBcc: all@example.com",
    "{position}",
    "tel:",
    "sip:",
    "pbx:/",
    "tel:112",
    "٠١٢٣",
    "+++",
    "../../etc/passwd",
    "place/../x|y",
    "1" * 200,
)
NUMBERS: Final = ("+74950001000", "+79161234567", "89161234568", "+79161234569")
LINE_OF_ONE: Final = "+74950001003"
"""A personal number: a call to it is a direct one."""
STRANGE_NUMBERS: Final = ("112", "+8816123456789", "+19001234567", "8", "+7916")
PLAUSIBLE: Final[dict[str, tuple[str, ...]]] = {
    "caller": NUMBERS,
    "number": NUMBERS,
    "numbers": (*NUMBERS[:1], LINE_OF_ONE),
    "line": (NUMBERS[0], NUMBERS[0], LINE_OF_ONE, "201"),
    "extension": ("201", "202"),
    "element_id": ("one", "two"),
    "to": ("one", "two"),
    "on": ("next", "1", "open", "closed", "no_answer", "no_choice"),
    "department_id": ("sales", "sales", "DepartmentId0"),
    "lines": NUMBERS[:1],
    "own_numbers": NUMBERS[:1],
    "denied_numbers": STRANGE_NUMBERS,
    "satellite_numbers": STRANGE_NUMBERS,
    "address": ("sip:101", "sip:102", "tel:+79161234567", "pbx:PbxId1/205"),
    "digits": ("1", "1", "1", "2", "0", "89161234568"),
    "timezone": ("Europe/Moscow",),
    "home_region": ("RU",),
    "allowed_regions": ("RU", "KZ"),
    "email": ("a@north.example", "b@north.example"),
    "parts": ("notices/a", "{number}", "notices/b", "{position}"),
    "command": ("telephony.dial_leg", "telephony.play", "telephony.answer_leg", "telephony.bridge"),
    "reason": ("too_late", "unknown_leg", "gone"),
}
"""Realistic values for fields that are only `str`."""
DURATIONS: Final = (1_000, 5_000, 20_000, 60_000)
EXTREME: Final = (0, 0, 1, -1, -60_000, INTEGER_MAX, -INTEGER_MAX)
DISTANCES: Final = (0, -1, 1, -1_000, 5_000, -60_000, 60_000, 600_000, -86_400_000)
ANSWERS: Final[dict[type[msgspec.Struct], tuple[type[Fact], ...]]] = {
    telephony.DialLeg: (gateway.LegRequested, gateway.LegRinging, gateway.LegAnswered, gateway.LegEnded),
    telephony.AnswerLeg: (gateway.LegAnswered, gateway.LegAnswered, gateway.CommandRefused),
    telephony.Play: (gateway.PlayFinished, gateway.PlayFinished, gateway.DigitsEntered, gateway.LegEnded),
    telephony.CollectDigits: (gateway.DigitsEntered,),
    telephony.Bridge: (gateway.Bridged, gateway.Bridged, gateway.CommandRefused),
    telephony.HangUp: (gateway.LegEnded,),
    telephony.CancelLeg: (gateway.LegEnded, gateway.LegAnswered),
    telephony.Record: (gateway.RecordingSpooled, gateway.RecordingFinished, gateway.LegEnded),
    gateway.CallArrived: (routing.DepartmentReached, routing.DepartmentReached, gateway.LegEnded),
    queue.CallbackRequested: (callback.CallbackOrdered, callback.CallbackRefused, callback.CallbackConfirmed),
    queue.AgentReady: (
        callback.AttemptFailed,
        callback.AgentLost,
        callback.CustomerHeld,
        callback.CallbackConnected,
    ),
    queue.DeadlinePassed: (callback.CallbackExpired, callback.CallbackUnreached),
    queue.PlaceTaken: (gateway.LegAnswered, gateway.DigitsEntered, gateway.LegEnded),
    callback.CallbackOrdered: (
        queue.AgentReady,
        queue.AgentReady,
        queue.DeadlinePassed,
        queue.CallbackTakenOver,
    ),
    callback.AttemptStarted: (queue.OfferReopened, queue.AgentFreed, gateway.LegEnded),
    callback.MessageWanted: (voicemail.MessageTaken, voicemail.MessageMissing),
    voicemail.StoreMessage: (
        voicemail.MessageStored,
        voicemail.MessageQuarantined,
        voicemail.StoringDeferred,
    ),
    voicemail.SendLetter: (voicemail.LetterAccepted, voicemail.LetterDeferred, voicemail.LetterFailed),
}
"""Requests and their possible answers; answers that no decider hears are left out."""
AHEAD: Final = ("deadline_at", "give_up_at", "retry_at", "until_at", "known_until_at", "lease_until_at")
TEMPLATES_MAX: Final = 30
ARRIVALS: Final = (gateway.CallArrived, routing.DepartmentReached)
"""The facts with which a call begins: without calls, other facts concern nothing."""
DIRECT: Final = DirectRulesSaved(agent_id=AgentId("a0"), version=1, numbers=(LINE_OF_ONE,))
"""An employee who can be called directly."""
RINGS_MAX: Final = 500
"""A hundred facts set some hundred timers; a decider that never rests soon exceeds this limit."""


class Hostile:
    """Draws facts; `chance` is the only source of randomness, so hypothesis can steer and shrink it.

    A fact mostly concerns the subject of an earlier message; `malice` is how often a value is one that no
    decider would expect.
    """

    def __init__(self, chance: random.Random, malice: float) -> None:
        self._chance = chance
        self._malice = malice
        self._templates: list[msgspec.Struct] = []
        self.now = NOW

    def fact(self, kind: type[Fact]) -> Fact:
        """One fact of a type."""
        about: dict[str, Any] = {}
        if self._templates and self._chance.random() < 0.9:
            about = _about(self._chance.choice(self._templates))
        return self._made(kind, about)

    def answer(self) -> Fact | None:
        """A possible answer by phones, mail servers or another service to a recent message."""
        said = [each for each in self._templates if type(each) in ANSWERS]
        if not said:
            return None
        template = self._chance.choice(said)
        return self._made(self._chance.choice(ANSWERS[type(template)]), _about(template))

    def message(self, kind: type[M]) -> M:
        """Any other message, such as a command or a PBX's event, about an earlier subject."""
        about = _about(self._chance.choice(self._templates)) if self._templates else {}
        made = self._struct(kind, about)
        assert isinstance(made, kind)
        self.note(made)
        return made

    def _made(self, kind: type[Fact], about: dict[str, Any]) -> Fact:
        made = self._struct(kind, about)
        assert isinstance(made, Fact)
        self.note(made)
        return made

    def note(self, message: msgspec.Struct) -> None:
        """Remember a message: later facts concern the same subjects."""
        self._templates.append(message)
        del self._templates[:-TEMPLATES_MAX]

    def _is_strange(self) -> bool:
        return self._chance.random() < self._malice

    def _struct(self, kind: type[msgspec.Struct], about: dict[str, Any]) -> msgspec.Struct:
        values = {}
        for field in _fields(kind):
            known = about.get(field.name)
            if (
                known is not None
                and known[0] == _plain_type(field.type)
                and self._chance.random() > 0.1 + self._malice
            ):
                values[field.name] = known[1]
            elif field.required or self._chance.random() < 0.3:
                values[field.name] = self._value(field.name, field.type)
        return kind(**values)

    def _value(self, name: str, kind: Any) -> Any:
        if isinstance(kind, typing.NewType):
            return self._id(name, kind)
        origin = typing.get_origin(kind)
        if origin in (types.UnionType, typing.Union):
            kinds = typing.get_args(kind)
            if types.NoneType in kinds and self._chance.random() < 0.25:
                return None
            return self._value(name, next(each for each in kinds if each is not types.NoneType))
        if origin is tuple:
            return self._tuple(name, kind)
        if origin is dict:
            return {self._text(name): self._text(name) for _ in range(self._chance.randrange(3))}
        return self._plain(name, kind)

    def _tuple(self, name: str, kind: Any) -> tuple[Any, ...]:
        inner = [each for each in typing.get_args(kind) if each is not Ellipsis]
        if len(inner) > 1:
            return tuple(self._value(name, each) for each in inner)
        made = [
            self._value(name, inner[0])
            for _ in range(0 if self._is_strange() else self._chance.randint(1, 2))
        ]
        if made and self._is_strange():
            made.append(made[0])  # the same twice: a line, an agent, a device
        return tuple(made)

    def _plain(self, name: str, kind: type) -> Any:
        if issubclass(kind, msgspec.Struct):
            return self._struct(kind, {})
        if issubclass(kind, Enum):
            return self._chance.choice(list(kind))
        if kind is bool:
            return (
                self._is_strange() if name in ("is_removed", "is_suspended") else self._chance.random() < 0.6
            )
        if kind is int:
            if self._is_strange():
                return self._chance.choice(EXTREME)
            return self._chance.choice(DURATIONS) if "_ms" in name else self._chance.randint(1, 4)
        if kind is bytes:
            return self._text(name).encode()
        return self._text(name)

    def _id(self, name: str, kind: typing.NewType) -> Any:
        if kind is Instant:
            return self._instant(name)
        if kind.__supertype__ is not str:
            return self._value(name, kind.__supertype__)
        if self._is_strange():
            return self._chance.choice(STRANGE)
        if name in PLAUSIBLE:
            return self._chance.choice(PLAUSIBLE[name])
        return f"{kind.__name__}{self._chance.randrange(2)}"

    def _instant(self, name: str) -> int:
        if name in AHEAD and not self._is_strange():
            return self.now + self._chance.choice((30_000, 90_000, 300_000))
        if not self._is_strange():
            return max(-INTEGER_MAX, self.now + self._chance.choice(DISTANCES))
        return self._chance.choice(EXTREME)

    def _text(self, name: str) -> str:
        if self._is_strange():
            return self._chance.choice((*STRANGE, *STRANGE_NUMBERS))
        if name in PLAUSIBLE:
            return self._chance.choice(PLAUSIBLE[name])
        return f"{name} {self._chance.randrange(2)}"


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _about(template: msgspec.Struct) -> dict[str, tuple[Any, Any]]:
    """Every field of a message with its type, so that another message can have the same subject."""
    found = {
        field.name: (_plain_type(field.type), getattr(template, field.name))
        for field in _fields(type(template))
    }
    return {name: (kind, value) for name, (kind, value) in found.items() if isinstance(value, str | tuple)}


def _plain_type(kind: Any) -> Any:
    """The type without «or None»."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(each for each in typing.get_args(kind) if each is not types.NoneType)
    return kind


class Company:
    """One decider with its state, which hears hostile facts; what follows is encoded as for storing."""

    def __init__(self, decider: Decider[Any], chance: random.Random, malice: float) -> None:
        self.decider = decider
        self.state: State = decider.new_state()
        self.hostile = Hostile(chance, malice)
        self.heard: list[Message] = []
        self.said: list[Message] = []
        self.ended: set[int] = set()
        self._chance = chance
        self._hears = sorted(
            (each for each in decider.hears if each is not TimerDue), key=lambda each: each.__name__
        )
        self._book = [
            each for each in self._hears if each.__module__ in ("contracts.directory", "contracts.tts")
        ]
        self._calls = [each for each in self._hears if each not in self._book]
        self._arrivals = [each for each in ARRIVALS if each in self._hears]

    def begin(self) -> None:
        """Say an office's cards, so that later facts have subjects."""
        for fact in (*workload(self._chance.randrange(1000), NOW).book, DIRECT):
            if type(fact) in self._hears:
                self.hostile.note(fact)
                self.hear(fact)

    def go_on(self) -> None:
        """One event: mostly a call, or a changed card, or time passes."""
        what = self._chance.random()
        answer = self.hostile.answer() if what < 0.5 else None
        if answer is not None and type(answer) in self._hears:
            self.hear(answer)
        elif what < 0.65:
            self.wait()
        elif what < 0.7 and self._arrivals:
            self.hear(self.hostile.fact(self._arrivals[0]))
        else:
            self.hear(self.hostile.fact(self._chance.choice(self._book if what < 0.75 else self._calls)))

    def hear(self, fact: Fact) -> Decision:
        """Hear one fact as under a host: decide, encode, store."""
        self.heard.append(fact)
        cause = f"test/{len(self.heard)}"
        decision = step(self.decider, self.state, fact, at=Instant(self.hostile.now), cause=cause)
        for each in (*decision.facts, *decision.commands):
            self.hostile.note(each)
            msgspec.json.encode(each)
            self.said.append(each)
        for table in self.state.tables.values():
            table.take_changes()
        return decision

    def wait(self) -> None:
        """Let the next timer come due, or some time pass."""
        self.hostile.now += self._chance.choice((0, 1, 1_000, 20_000, 3_600_000))
        for timer in list(self.state.due(Instant(self.hostile.now)))[:3]:
            self.ring(timer.timer_id)

    def rest(self) -> None:
        """Ring due timers, with the time unchanged, until none is due: no decider may set timers for ever."""
        rung = 0
        while due := list(self.state.due(Instant(self.hostile.now))):
            for timer in due:
                self.ring(timer.timer_id)
            rung += len(due)
            assert rung < RINGS_MAX, (
                f"{due[0].timer_id} is set to an instant that has passed, again and again"
            )

    def ring(self, id_: TimerId) -> Decision:
        """Ring a timer twice, as may happen."""
        timer = self.state.timers.get(id_)
        if timer is None:
            return Decision()
        due = TimerDue(
            service=self.decider.name,
            timer_id=timer.timer_id,
            due_at=timer.due_at,
            kind=timer.kind,
            subject=timer.subject,
        )
        return self.hear(due)
