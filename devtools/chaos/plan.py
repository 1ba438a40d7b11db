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
STORM_S: Final = 120.0
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
WATCHED: Final[Mapping[str, tuple[type[Message], ...]]] = {
    "s3": (g.RecordingRequested, v.MessageTaken),
    "smtp": (v.MessageTaken, v.LetterDue, c.ApologyDialled),
}
"""S3 and the mail server must fail during a recording or a letter, or the fault shows nothing."""
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
    """How many faults of each kind a storm of STORM_S has on a broker."""
    return {**COMMON, **(ONLY_APACHE if broker == "apache" else ONLY_EMBEDDED)}


def plan(seed: int, broker: str, storm_s: float, only: Kind | None = None) -> list[Planned]:
    """The faults of a seed in order of time; `LOG_LOST` comes after everything else was judged."""
    chance = random.Random(f"chaos plan {seed} {broker}")
    found = []
    for kind, usual in kinds(broker).items():
        if only not in (None, kind):
            continue
        count = usual if only is None else max(usual, 6)
        count = max(1, round(count * storm_s / STORM_S)) if kind is not Kind.LOG_LOST else 1
        found += [_planned(chance, kind, broker, storm_s) for _ in range(count)]
    return sorted(found, key=lambda each: each.at_s)


def _planned(chance: random.Random, kind: Kind, broker: str, storm_s: float) -> Planned:
    between = MIDDLE if kind.startswith(("s3", "smtp")) else (0.02, 1.0)
    at_s = storm_s + 1 if kind is Kind.LOG_LOST else round(storm_s * chance.uniform(*between), 2)
    if kind in (Kind.KILL, Kind.TERM, Kind.FREEZE):
        return Planned(at_s, kind, chance.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0])
    if kind is Kind.KILL_AT:
        target = chance.choices(tuple(POINTS), [WEIGHTS[name] for name in POINTS])[0]
        return Planned(at_s, kind, target, type_name(chance.choice(POINTS[target])))
    if kind is Kind.ZOMBIE:
        return Planned(at_s, kind, chance.choice(ZOMBIES[broker]))
    if kind is Kind.REBALANCE:
        return Planned(at_s, kind, chance.choice(ZOMBIES["apache"]))
    return Planned(at_s, kind)
