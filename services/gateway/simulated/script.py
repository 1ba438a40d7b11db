"""The script of a simulated network: who calls whom when, and how phones behave. Times are seconds.

    pbxs:
      cloud:
        phones:
          "sip:201":
            behaviours:
              - {answer_after_s: 3, then: [{until: bridged}, {wait_s: 20}, {hang_up: true}]}
        calls:
          - {at_s: 2, caller: "+79161234567", line: "+74951230001",
             then: [{after: invitation}, {press: "1"}, {wait_s: 4}, {hang_up: true}]}
    public:
      "+79161234567": {behaviours: [{answer_after_s: 5}]}

A phone's behaviours are used one per dialling, the last one again and again. A person without further steps
stays on the line until somebody else ends the call.
"""

from enum import StrEnum
from typing import Any

import msgspec

from contracts.directory import Language
from contracts.gateway import DeviceState


class ScriptStruct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a script; an unknown field in it is an error."""


class Until(StrEnum):
    """What a person waits for."""

    ANSWERED = "answered"
    BRIDGED = "bridged"
    UNBRIDGED = "unbridged"
    RECORDING = "recording"


class Step(ScriptStruct, frozen=True, kw_only=True):
    """One thing a person does; exactly one field is given.

    `during` and `after` name a prompt (or any part of a media key): wait until it starts, or until it has
    ended. `press` are keys, 150 ms apart, which a real phone sends by RFC 4733, or `by_info`. `say` is spoken
    aloud in `language`, and lasts as long as that; a tone of `tone_hz` lasts three seconds. With
    `loses_sound` the phone loses its network without a word: nothing is heard from it any more.
    """

    wait_s: float | None = None
    during: str | None = None
    after: str | None = None
    until: Until | None = None
    press: str | None = None
    by_info: bool = False
    say: str | None = None
    language: Language = Language.RUSSIAN
    tone_hz: int | None = None
    hang_up: bool = False
    loses_sound: bool = False


class Condition(StrEnum):
    """What a dialled phone does, or why it can't ring."""

    RINGS = "rings"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    DEAD = "dead"
    """No answer at all, for the 32 s of SIP's timer B."""
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    NO_CODEC = "no_codec"


class Behaviour(ScriptStruct, frozen=True, kw_only=True):
    """How a phone reacts to one dialling; without an answer or a decline it rings on.

    Mobile networks ring late (`ring_after_s` of 3 to 10), and with `is_progress_only` they say 183 and never
    180. `gives_up_after_s` is a network that ends the ringing by itself: what was heard said why (480).
    """

    condition: Condition = Condition.RINGS
    ring_after_s: float = 0.2
    is_progress_only: bool = False
    gives_up_after_s: float | None = None
    answer_after_s: float | None = None
    decline_after_s: float | None = None
    then: tuple[Step, ...] = ()


class OwnCall(ScriptStruct, frozen=True, kw_only=True):
    """A call of this phone that is not ours (EC-7)."""

    at_s: float
    for_s: float


class DeviceChange(ScriptStruct, frozen=True, kw_only=True):
    """A registered phone registers, or loses its registration."""

    at_s: float
    state: DeviceState


class Phone(ScriptStruct, frozen=True, kw_only=True):
    """One phone; it is busy with `lines_max` calls."""

    behaviours: tuple[Behaviour, ...] = (Behaviour(),)
    is_reachable: bool = True
    lines_max: int = 1
    own_calls: tuple[OwnCall, ...] = ()
    changes: tuple[DeviceChange, ...] = ()


class Call(ScriptStruct, frozen=True, kw_only=True):
    """Somebody calls a line; without `caller` the number is withheld."""

    line: str
    caller: str | None = None
    at_s: float = 0.0
    is_internal: bool = False
    then: tuple[Step, ...] = ()


class Absence(ScriptStruct, frozen=True, kw_only=True):
    """The PBX goes away and comes back without the share `drops` of its legs."""

    at_s: float
    for_s: float
    drops: float = 0.0


class Network(ScriptStruct, frozen=True, kw_only=True):
    """How unreliable the network is; shares of 1."""

    latency_ms_min: int = 2
    latency_ms_max: int = 20
    replies_lost: float = 0.0
    replies_doubled: float = 0.0
    replies_late: float = 0.0
    late_ms_max: int = 4_000
    checks_answered: bool = True
    sound_bytes_per_s: int | None = None
    """A recording is sent at this rate when it is closed; None: at once, and once a second while it runs."""
    absences: tuple[Absence, ...] = ()


class PbxScript(ScriptStruct, frozen=True, kw_only=True):
    """One PBX: its registered phones by address (`sip:201`), further extensions, calls, network."""

    phones: dict[str, Phone] = {}
    extensions: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    network: Network = Network()


class Script(ScriptStruct, frozen=True, kw_only=True):
    """PBXs by id, and public phones by number (E.164); `stranger` is how every other public phone behaves."""

    pbxs: dict[str, PbxScript]
    public: dict[str, Phone] = {}
    stranger: Phone = Phone()
    seed: int = 1


def read(found: Any) -> Script:
    """A script from decoded YAML or JSON. Raises msgspec.ValidationError, which names the place."""
    script = msgspec.convert(found, Script)
    for step in _steps(script):
        alone = (step.hang_up or None, step.loses_sound or None)
        given = [step.wait_s, step.during, step.after, step.until, step.press, step.say, step.tone_hz, *alone]
        if sum(each is not None for each in given) != 1:
            raise msgspec.ValidationError(f"a step says exactly one thing to do: {step}")
    return script


def _steps(script: Script) -> list[Step]:
    phones = [*script.public.values(), script.stranger]
    calls: list[Call] = []
    for pbx in script.pbxs.values():
        phones += pbx.phones.values()
        calls += pbx.calls
    steps = [step for phone in phones for behaviour in phone.behaviours for step in behaviour.then]
    return steps + [step for call in calls for step in call.then]


def texts(script: Script) -> set[tuple[str, Language]]:
    """Everything that people say in the script, so that it can be rendered beforehand."""
    return {(step.say, step.language) for step in _steps(script) if step.say is not None}
