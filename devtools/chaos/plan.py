"""Plans the faults, their times and their targets from one seed; the machine decides what happens between."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import routing as r
from contracts import voicemail as v
from contracts.message import Message, type_name
from devtools.chaos.workload import NAMES


class Kind(StrEnum):
    """A kind of fault."""

    KILL = "kill"
    KILL_AT = "kill-at"
    FREEZE = "freeze"
    ZOMBIE = "zombie"
    TERM = "term"
    REDIS_FLUSH = "redis-flush"
    REDIS_KILL = "redis-kill"
    S3_DELAY = "s3-delay"
    S3_CUT = "s3-cut"
    S3_5XX = "s3-5xx"
    S3_4XX = "s3-4xx"
    SMTP_DELAY = "smtp-delay"
    SMTP_CUT = "smtp-cut"
    SMTP_4XX = "smtp-4xx"
    SMTP_5XX = "smtp-5xx"
    BROKER_KILL = "broker-kill"
    BROKER_STOP = "broker-stop"
    REBALANCE = "rebalance"
    LOG_LOST = "log-lost"
    PBX_KILL = "pbx-kill"
    PBX_FREEZE = "pbx-freeze"
    CUT_1 = "ari-cut-1"
    CUT_30 = "ari-cut-30"
    CUT_90 = "ari-cut-90"
    HOLE = "ari-hole"
    KILL_IN_CUT = "kill-in-cut"
    DELAY = "ari-delay"
    DROP = "ari-drop"
    REORDER = "ari-reorder"
    DOUBLE = "ari-double"
    TRUNK_503 = "trunk-503"
    TRUNK_183 = "trunk-183"
    TRUNK_DEAD = "trunk-dead"
    PHONE_GONE = "phone-gone"
    LONG_CALL = "long-call"
    CROWD = "crowd"


SAYS: Final[Mapping[Kind, str]] = {
    Kind.KILL: "kill -9 of a service at random",
    Kind.KILL_AT: "kill -9 of a service when the log shows a named fact",
    Kind.FREEZE: "SIGSTOP of a service for some seconds, nobody takes over",
    Kind.ZOMBIE: "SIGSTOP until another process has taken over, then SIGCONT",
    Kind.TERM: "SIGTERM in the middle of the work",
    Kind.REDIS_FLUSH: "Redis FLUSHALL",
    Kind.REDIS_KILL: "kill -9 of Redis, started again",
    Kind.S3_DELAY: "S3 slow",
    Kind.S3_CUT: "S3 cut off in the middle of requests",
    Kind.S3_5XX: "S3 answers 503",
    Kind.S3_4XX: "S3 answers 403",
    Kind.SMTP_DELAY: "mail server slow",
    Kind.SMTP_CUT: "mail server cut off in the middle of letters",
    Kind.SMTP_4XX: "mail server answers 4xx",
    Kind.SMTP_5XX: "mail server answers 5xx",
    Kind.BROKER_KILL: "kill -9 of the broker, started again",
    Kind.BROKER_STOP: "broker stopped and started again",
    Kind.REBALANCE: "rebalance storm: more replicas come and go",
    Kind.LOG_LOST: "store, snapshot and beginning of the log lost",
    Kind.PBX_KILL: "kill -9 of Asterisk while somebody waits, is rung, talks, is recorded; started again",
    Kind.PBX_FREEZE: "SIGSTOP of Asterisk for some seconds",
    Kind.CUT_1: "the socket to Asterisk is away for 1 s",
    Kind.CUT_30: "the socket to Asterisk is away for 30 s",
    Kind.CUT_90: "the socket to Asterisk is away for 90 s",
    Kind.HOLE: "the cable to Asterisk is pulled for 30 s: nothing is reset, what was sent comes afterwards",
    Kind.KILL_IN_CUT: "kill -9 of the gateway while its socket to Asterisk is away",
    Kind.DELAY: "everything between gateway and Asterisk is 3 s late, each way",
    Kind.DROP: "two of five replies of Asterisk get lost",
    Kind.REORDER: "replies and events of Asterisk overtake each other",
    Kind.DOUBLE: "two of five replies and events of Asterisk come twice",
    Kind.TRUNK_503: "the trunk answers 503",
    Kind.TRUNK_183: "the trunk answers 183 and nothing more",
    Kind.TRUNK_DEAD: "the trunk does not answer",
    Kind.PHONE_GONE: "a phone is gone in the middle of a conversation, without a word",
    Kind.LONG_CALL: "a conversation with session timers of 90 s, refreshed again and again, and recorded",
    Kind.CROWD: "200 calls at once",
}

COMMON: Final[Mapping[Kind, int]] = {
    Kind.KILL: 20,
    Kind.KILL_AT: 14,
    Kind.TERM: 3,
    Kind.REDIS_FLUSH: 2,
    Kind.REDIS_KILL: 1,
    Kind.S3_DELAY: 1,
    Kind.S3_CUT: 1,
    Kind.S3_5XX: 1,
    Kind.S3_4XX: 1,
    Kind.SMTP_DELAY: 1,
    Kind.SMTP_CUT: 1,
    Kind.SMTP_4XX: 1,
    Kind.SMTP_5XX: 1,
}
"""34 kills on each broker, more than sixty together."""
ONLY_EMBEDDED: Final[Mapping[Kind, int]] = {Kind.FREEZE: 3, Kind.ZOMBIE: 1}
ONLY_APACHE: Final[Mapping[Kind, int]] = {
    Kind.ZOMBIE: 3,
    Kind.BROKER_KILL: 1,
    Kind.BROKER_STOP: 1,
    Kind.REBALANCE: 2,
    Kind.LOG_LOST: 1,
}
"""The embedded broker forgets everything when it stops, and has no usable groups."""
ON_ASTERISK: Final[Mapping[Kind, int]] = {
    Kind.KILL: 2,
    Kind.KILL_AT: 8,
    Kind.PBX_KILL: 4,
    Kind.PBX_FREEZE: 2,
    Kind.CUT_1: 2,
    Kind.CUT_30: 1,
    Kind.CUT_90: 1,
    Kind.HOLE: 1,
    Kind.KILL_IN_CUT: 1,
    Kind.DELAY: 1,
    Kind.DROP: 2,
    Kind.REORDER: 2,
    Kind.DOUBLE: 2,
    Kind.TRUNK_503: 1,
    Kind.TRUNK_183: 1,
    Kind.TRUNK_DEAD: 1,
    Kind.PHONE_GONE: 2,
    Kind.LONG_CALL: 1,
    Kind.CROWD: 1,
}
"""Our own processes are killed less often than in the other mornings: this one is about PBX and network."""
STORM_S: Final[Mapping[str, float]] = {"embedded": 120.0, "apache": 120.0, "asterisk": 300.0}
"""The length to which the counts above apply; another length has more or fewer of each."""

WEIGHTS: Final[Mapping[str, int]] = {
    "routing": 2,
    "queue": 4,
    "callback": 3,
    "voicemail": 3,
    "gateway": 2,
    "tts": 1,
}
POINTS: Final[Mapping[str, tuple[type[Message], ...]]] = {
    "routing": (g.CallArrived, r.DepartmentReached),
    "queue": (q.PlaceTaken, q.OfferMade, q.OfferAccepted, q.CallbackRequested, g.LegAnswered),
    "callback": (q.CallbackRequested, q.AgentReady, c.AttemptStarted, c.CustomerDialled, c.ApologyDialled),
    "voicemail": (v.RecordingAsked, v.MessageTaken, v.LetterDue, v.MessageStored),
    "gateway": (g.CallArrived, g.LegRequested, g.Bridged, g.RecordingRequested),
}
"""The facts at which each service's death is most dangerous: it is just handling them."""
ZOMBIES: Final = {
    "embedded": ("routing", "queue", "callback"),
    "apache": ("routing", "queue", "callback", "voicemail"),
}
"""On the embedded broker a second process of voicemail would deliver beside the first: one replica each."""
SITUATIONS: Final[Mapping[str, type[Message]]] = {
    "waiting": q.PlaceTaken,
    "ringing": g.LegRinging,
    "talking": g.Bridged,
    "recording": g.RecordingRequested,
}
"""What goes on at a PBX when it, or the gateway, is killed: each situation in turn."""
TRUNK_POINT: Final = c.AttemptStarted
"""An agent is about to be rung for a callback: then the customer is dialled over the trunk."""
SPARED: Final = "east"
"""The company with the long conversation: its Asterisk is neither killed nor frozen for long."""
OF_TRUNK: Final = frozenset({Kind.TRUNK_503, Kind.TRUNK_183, Kind.TRUNK_DEAD})
AIMED_AT_PBX: Final = frozenset(
    {
        *(Kind.PBX_KILL, Kind.PBX_FREEZE, Kind.CUT_1, Kind.CUT_30, Kind.CUT_90, Kind.HOLE, Kind.KILL_IN_CUT),
        *(Kind.DELAY, Kind.DROP, Kind.REORDER, Kind.DOUBLE),
        *OF_TRUNK,
    }
)
STRAINS: Final = frozenset({Kind.PHONE_GONE, Kind.LONG_CALL, Kind.CROWD})
"""Calls that strain a PBX."""
UNHEARD: Final = frozenset({*OF_TRUNK, Kind.PHONE_GONE, Kind.LONG_CALL})
"""Nobody's sound may suffer from them. It may from a crowd: all its phones are on the same machine."""
WATCHED: Final[Mapping[str, tuple[type[Message], ...]]] = {
    "s3": (g.RecordingRequested, v.MessageTaken),
    "smtp": (v.MessageTaken, v.LetterDue, c.ApologyDialled),
}
"""S3 and the mail server must fail during a recording or a letter, or the fault shows nothing."""
ONCE: Final = frozenset({Kind.LOG_LOST, Kind.LONG_CALL, Kind.CROWD})
"""However long the storm is."""
DEADLY: Final = frozenset({Kind.PBX_KILL, Kind.PBX_FREEZE, Kind.PHONE_GONE})
"""What the long conversation would not survive, or may not."""
LONG_CALL_AT_S: Final = 3.0
"""At the beginning, so that it lives through everything that comes later."""
MIDDLE: Final = (0.25, 0.85)
"""The share of the storm in which S3 and the mail server fail: the first letters come at the first deadlines,
and a letter that is deferred late is tried again after a minute and more."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: its second, its kind, its target, and its fact (`KILL_AT`)."""

    at_s: float
    kind: Kind
    target: str = ""
    point: str = ""


def kinds(broker: str) -> dict[Kind, int]:
    """How many faults of each kind a morning's usual storm has."""
    match broker:
        case "apache":
            return {**COMMON, **ONLY_APACHE}
        case "asterisk":
            return dict(ON_ASTERISK)
        case _:
            return {**COMMON, **ONLY_EMBEDDED}


def plan(seed: int, broker: str, storm_s: float, only: Kind | None = None) -> list[Planned]:
    """The faults of a seed in order of time; `LOG_LOST` comes after everything else was judged."""
    chance = random.Random(f"chaos plan {seed} {broker}")
    found = []
    for kind, usual in kinds(broker).items():
        if only not in (None, kind):
            continue
        count = usual if only is None or kind in ONCE else max(usual, 6)
        count = max(1, round(count * storm_s / STORM_S[broker])) if kind not in ONCE else 1
        found += [_planned(chance, kind, broker, storm_s, number) for number in range(count)]
    return sorted(found, key=lambda each: each.at_s)


def _planned(chance: random.Random, kind: Kind, broker: str, storm_s: float, number: int) -> Planned:
    at_s = _second(chance, kind, broker, storm_s)
    match kind:
        case Kind.LONG_CALL:
            return Planned(at_s, kind, SPARED)
        case _ if kind in AIMED_AT_PBX or kind in STRAINS:
            return _on_pbx(chance, kind, at_s, number)
        case Kind.KILL_AT if broker == "asterisk":
            return Planned(at_s, kind, "gateway", _situation(number))
        case Kind.KILL | Kind.TERM | Kind.FREEZE:
            return Planned(at_s, kind, chance.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0])
        case Kind.KILL_AT:
            target = chance.choices(tuple(POINTS), [WEIGHTS[name] for name in POINTS])[0]
            return Planned(at_s, kind, target, type_name(chance.choice(POINTS[target])))
        case Kind.ZOMBIE:
            return Planned(at_s, kind, chance.choice(ZOMBIES[broker]))
        case Kind.REBALANCE:
            return Planned(at_s, kind, chance.choice(ZOMBIES["apache"]))
        case _:
            return Planned(at_s, kind)


def _second(chance: random.Random, kind: Kind, broker: str, storm_s: float) -> float:
    match kind:
        case Kind.LOG_LOST:
            return storm_s + 1
        case Kind.LONG_CALL:
            return LONG_CALL_AT_S
        case Kind.CUT_90:
            # In the first half, or the morning would wait for its end.
            between = (0.1, 0.5)
        case _ if kind.startswith(("s3", "smtp")):
            between = MIDDLE
        case _ if broker == "asterisk":
            # The long conversation has begun by then.
            between = (0.06, 1.0)
        case _:
            between = (0.02, 1.0)
    return round(storm_s * chance.uniform(*between), 2)


def _situation(number: int) -> str:
    return type_name(tuple(SITUATIONS.values())[number % len(SITUATIONS)])


def _on_pbx(chance: random.Random, kind: Kind, at_s: float, number: int) -> Planned:
    """A fault of one company's Asterisk, its socket, its trunk or its phones."""
    target = chance.choice([name for name in NAMES if name != SPARED or kind not in DEADLY])
    if kind is Kind.PBX_KILL:
        return Planned(at_s, kind, target, _situation(number))
    return Planned(at_s, kind, target, type_name(TRUNK_POINT) if kind in OF_TRUNK else "")
