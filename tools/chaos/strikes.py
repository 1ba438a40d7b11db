"""Does to the parts what the plan says, and measures from the log and from readiness how long they take.

Every fault is a function that strikes and returns how to see that everything works again. Nothing is waited
for: the main loop asks again and again, so faults overlap as they would.
"""

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

import redis

from contracts.message import type_name
from tools.chaos.plan import WATCHED, Kind, Planned
from tools.chaos.proxy import Mood, http_answer
from tools.chaos.works import DECIDERS, Works
from tools.log import Reading
from tools.stack.services import Service

POINT_S_MAX: Final = 15.0
"""A named fact that does not come in this time: it is done all the same, a kill counted as random."""
ZOMBIE_S_MAX: Final = 40.0
PARTITIONS: Final = 4
OUTAGE_S: Final = (4.0, 9.0)
"""How long S3 or the mail server misbehaves, and a frozen process sleeps."""
DOWN_S: Final = (0.5, 3.0)
"""How long a killed Redis or broker stays away."""
STARTING_SHARE: Final = 0.15
"""This share of kills may hit a process that has not got ready yet."""

IsWorking = Callable[[], bool]


@dataclass(slots=True)
class Strike:
    """One fault that was done; `recovered_s` is None while the parts have not come back."""

    kind: Kind
    target: str
    begun_at: float
    is_working: IsWorking
    counts_from: float | None
    """From when on recovery counts; None until the fault itself is over."""
    recovered_s: float | None = None
    was_felt: bool = True
    """False: nothing was on its way then (S3, mail server), so its recovery says nothing."""


@dataclass(slots=True)
class _Pending:
    planned: Planned
    points: frozenset[str]
    since: float


@dataclass(order=True, slots=True)
class _Later:
    at: float
    number: int
    act: Callable[[], None] = field(compare=False)


class Striker:
    """Carries a plan out on running works."""

    def __init__(self, works: Works, planned: list[Planned], seed: int, tell: Callable[[str], None]) -> None:
        self.works = works
        self.done: list[Strike] = []
        self.findings: list[str] = []
        self._planned = [each for each in planned if each.kind is not Kind.LOG_LOST]
        self._armed: list[_Pending] = []
        self._later: list[_Later] = []
        self._number = 0
        self._chance = random.Random(f"chaos strikes {seed}")
        self._begun = time.monotonic()
        self._tell = tell
        self._broker_outage: Strike | None = None
        self._held: set[str] = set()
        """Services, parts and proxies in the middle of a fault that must not get a second one."""

    def begin(self) -> None:
        """The plan's zero is now."""
        self._begun = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether every fault was done and is over, whatever has recovered since."""
        return not (self._planned or self._armed or self._later)

    @property
    def unrecovered(self) -> list[Strike]:
        """After which the parts do not work yet."""
        return [each for each in self.done if each.recovered_s is None]

    def turn(self, heard: list[Reading]) -> None:
        """One look around: what is due is done, who has recovered is noted."""
        now = time.monotonic()
        while self._later and self._later[0].at <= now:
            heapq.heappop(self._later).act()
        self._strike_armed({reading.envelope.type for reading in heard}, now)
        # One at a time: what can't be done now is tried again at the next turn, in the plan's order.
        due = [each for each in self._planned if each.at_s <= now - self._begun]
        for each in due:
            if self._is_possible(each):
                self._planned.remove(each)
                self._begin(each, now)
                break
        for strike in self.unrecovered:
            if strike.counts_from is not None and strike.is_working():
                strike.recovered_s = time.monotonic() - strike.counts_from
                self._tell(f"works again after {strike.recovered_s:.1f} s: {strike.kind} {strike.target}")

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._later, _Later(time.monotonic() + seconds, self._number, act))

    def _strike_armed(self, types: set[str], now: float) -> None:
        for pending in list(self._armed):
            planned = pending.planned
            is_seen = bool(pending.points & types)
            if not is_seen and now - pending.since < POINT_S_MAX:
                continue
            self._armed.remove(pending)
            if planned.kind is Kind.KILL_AT:
                kind = Kind.KILL_AT if is_seen else Kind.KILL
                self._kill(kind, planned.target, planned.point if is_seen else "")
            elif planned.kind.startswith("s3"):
                self._disturb_s3(planned.kind)
            else:
                self._disturb_smtp(planned.kind)

    # Who may be struck

    def _is_possible(self, planned: Planned) -> bool:
        if self._broker_outage is not None and self._broker_outage.recovered_s is None:
            # Until it has come back nobody can do anything, and no other fault would show anything.
            return False
        match planned.kind:
            case Kind.KILL | Kind.KILL_AT | Kind.TERM | Kind.FREEZE:
                # A service that is starting is mostly left alone, or it would never get anywhere.
                is_impatient = planned.kind is Kind.KILL and self._chance.random() < STARTING_SHARE / 10
                return planned.target not in self._held and (
                    is_impatient or bool(self.works.ready(planned.target))
                )
            case Kind.ZOMBIE | Kind.REBALANCE:
                return planned.target not in self._held and len(self.works.ready(planned.target)) == len(
                    self.works.replicas[planned.target]
                )
            case _:
                return planned.kind.partition("-")[0] not in self._held

    def _begin(self, planned: Planned, now: float) -> None:
        self._tell(f"{planned.kind} {planned.target} {planned.point}".rstrip())
        match planned.kind:
            case Kind.KILL:
                self._kill(Kind.KILL, planned.target, "")
            case Kind.KILL_AT:
                self._armed.append(_Pending(planned, frozenset({planned.point}), now))
            case Kind.TERM:
                self._term(planned.target)
            case Kind.FREEZE:
                self._freeze(planned.target)
            case Kind.ZOMBIE:
                self._zombie(planned.target)
            case Kind.REBALANCE:
                self._rebalance(planned.target)
            case Kind.REDIS_FLUSH:
                self._flush()
            case Kind.REDIS_KILL:
                self._restart_redis()
            case Kind.BROKER_KILL | Kind.BROKER_STOP:
                self._restart_broker(planned.kind)
            case Kind.S3_DELAY | Kind.S3_CUT | Kind.S3_4XX | Kind.S3_5XX:
                self._arm("s3", planned, now)
            case Kind.SMTP_DELAY | Kind.SMTP_CUT | Kind.SMTP_4XX | Kind.SMTP_5XX:
                self._arm("smtp", planned, now)
            case Kind.LOG_LOST:
                raise AssertionError("the log is lost after everything was judged")
            case _:
                assert_never(planned.kind)

    def _arm(self, part: str, planned: Planned, now: float) -> None:
        self._held.add(part)
        points = frozenset(type_name(kind) for kind in WATCHED[part])
        self._armed.append(_Pending(planned, points, now))

    def _add(self, kind: Kind, target: str, is_working: IsWorking, *, counts: bool = True) -> Strike:
        now = time.monotonic()
        strike = Strike(kind, target, now, is_working, now if counts else None)
        self.done.append(strike)
        return strike

    # Services

    def _pick(self, name: str) -> Service:
        """A replica: a ready one if there is any."""
        found = self.works.ready(name) or [
            each for each in self.works.replicas[name] if each.process.is_alive()
        ]
        return self._chance.choice(found or self.works.replicas[name])

    def _claims_anew(self, name: str) -> IsWorking:
        """A service that decides has claimed again, the gateway all of its PBXs; speech need not."""
        progress = self.works.progress
        if name == "gateway":
            before = Counter(progress.pbx_claims)
            return lambda: all(progress.pbx_claims[each] > count for each, count in before.items())
        if name in DECIDERS:
            claimed = progress.claimed(name)
            return lambda: progress.claimed(name) > claimed
        return lambda: True

    def _kill(self, kind: Kind, name: str, point: str) -> None:
        service = self._pick(name)
        if not service.process.is_alive():
            # It has just ended by itself for want of something; the supervisor has it.
            self._in(1.0, lambda: self._kill(kind, name, point))
            return
        has_claimed = self._claims_anew(name)
        service.process.kill()
        service.start()
        self._add(kind, f"{name} {point}".rstrip(), lambda: has_claimed() and service.is_ready())

    def _term(self, name: str) -> None:
        service = self._pick(name)
        has_claimed = self._claims_anew(name)
        self._held.add(name)
        strike = self._add(Kind.TERM, name, lambda: has_claimed() and service.is_ready())
        service.process.ask_to_stop()
        self._in(0.2, lambda: self._ended(service, strike, name, time.monotonic()))

    def _ended(self, service: Service, strike: Strike, name: str, since: float) -> None:
        """A service that was asked to stop must end with 0; the supervisor may have been quicker."""
        if service.process.is_alive():
            if time.monotonic() - since > 25:
                self.findings.append(f"{service.process.name} did not stop in 25 s when asked to")
                service.process.kill()
            self._in(0.2, lambda: self._ended(service, strike, name, since))
            return
        code = service.process.stop()
        if code != 0:
            self.findings.append(f"{service.process.name} ended with {code} when asked to stop")
        service.start()
        self._held.discard(name)

    def _freeze(self, name: str) -> None:
        service = self._pick(name)
        self._held.add(name)
        self.works.frozen.add(service)
        service.process.freeze()
        strike = self._add(Kind.FREEZE, name, service.is_ready, counts=False)
        self._in(self._chance.uniform(*OUTAGE_S), lambda: self._thaw(service, strike, name))

    def _thaw(self, service: Service, strike: Strike, name: str) -> None:
        service.process.thaw()
        self.works.frozen.discard(service)
        self._held.discard(name)
        strike.counts_from = time.monotonic()

    def _zombie(self, name: str) -> None:
        """Frozen for longer than it takes others to take over; recovery is their taking over."""
        service = self._pick(name)
        self._held.add(name)
        claimed = self.works.progress.claimed(name)
        self.works.frozen.add(service)
        service.process.freeze()
        heir = None
        if self.works.broker == "embedded":
            heir = self.works.add(name)
        wanted = claimed + (PARTITIONS if heir is not None else 1)
        strike = self._add(Kind.ZOMBIE, name, lambda: self.works.progress.claimed(name) >= wanted)
        self._in(1.0, lambda: self._wake(service, heir, strike, name))

    def _wake(self, service: Service, heir: Service | None, strike: Strike, name: str) -> None:
        """Thaw it a moment after somebody else has its partitions."""
        if strike.recovered_s is None and time.monotonic() - strike.begun_at < ZOMBIE_S_MAX:
            self._in(0.5, lambda: self._wake(service, heir, strike, name))
            return
        self._thaw(service, Strike(strike.kind, name, 0, lambda: True, None), name)
        if heir is not None:
            self._held.add(name)
            self._in(self._chance.uniform(1, 4), lambda: self._end_rival(service, heir, name))

    def _end_rival(self, service: Service, heir: Service, name: str) -> None:
        """One replica each on the embedded broker: one of the two dies, the other goes on."""
        stays, goes = self._chance.sample((service, heir), 2)
        self.works.replicas[name] = [stays]
        goes.process.kill()
        self._held.discard(name)

    def _rebalance(self, name: str) -> None:
        """Two more replicas come, and go when they are ready; twice."""
        self._held.add(name)
        before = {each: count for each, count in self.works.progress.claims.items() if each[0] == name}
        strike = self._add(Kind.REBALANCE, name, lambda: self._have_all_claimed(name, before), counts=False)
        self._come(name, strike, rounds=2)

    def _come(self, name: str, strike: Strike, rounds: int) -> None:
        guests = [self.works.add(name) for _ in range(2)]
        self._in(3.0, lambda: self._go(name, guests, strike, rounds))

    def _go(self, name: str, guests: list[Service], strike: Strike, rounds: int) -> None:
        if not all(guest.is_ready() or not guest.process.is_alive() for guest in guests):
            self._in(0.5, lambda: self._go(name, guests, strike, rounds))
            return
        for guest in guests:
            guest.process.ask_to_stop()
        if rounds > 1:
            self._in(1.0, lambda: self._come(name, strike, rounds - 1))
            return
        strike.counts_from = time.monotonic()
        before = {each: count for each, count in self.works.progress.claims.items() if each[0] == name}
        strike.is_working = lambda: self._have_all_claimed(name, before)
        self._held.discard(name)

    def _have_all_claimed(self, name: str, before: dict[tuple[str, int], int]) -> bool:
        claims = self.works.progress.claims
        return all(claims[(name, each)] > before.get((name, each), 0) for each in range(PARTITIONS))

    # Parts

    def _flush(self) -> None:
        before = dict(self.works.progress.claims)
        with redis.Redis.from_url(self.works.stack.parts.redis.address) as client:
            client.flushall()
        self._add(
            Kind.REDIS_FLUSH,
            "",
            lambda: all(self._have_all_claimed(name, before) for name in DECIDERS),
        )

    def _restart_redis(self) -> None:
        self._held.add("redis")
        process = self.works.stack.parts.redis.process
        process.kill()
        claimed = {name: self.works.progress.claimed(name) for name in DECIDERS}
        strike = self._add(
            Kind.REDIS_KILL,
            "",
            lambda: all(self.works.progress.claimed(name) > claimed[name] for name in DECIDERS),
            counts=False,
        )

        def start() -> None:
            process.start()
            strike.counts_from = time.monotonic()
            self._held.discard("redis")

        self._in(self._chance.uniform(*DOWN_S), start)

    def _restart_broker(self, kind: Kind) -> None:
        assert self.works.kafka is not None
        self._held.add("broker")
        process = self.works.kafka.process
        if kind is Kind.BROKER_KILL:
            process.kill()
        else:
            self.works.kafka.stop()
        self._broker_outage = strike = self._add(kind, "", lambda: False, counts=False)

        def start() -> None:
            process.start()
            strike.counts_from = time.monotonic()
            started_at = round(time.time() * 1000)
            strike.is_working = lambda: self.works.progress.newest_at > started_at
            self._held.discard("broker")

        self._in(self._chance.uniform(*DOWN_S), start)

    def _is_delivered(self, *kinds: str) -> IsWorking:
        """What was open at the end of the fault has come to its end."""
        was_open = self.works.progress.open(*kinds)

        def is_working() -> bool:
            now_open = self.works.progress.open(*kinds)
            return not any(ids & now_open.get(kind, set()) for kind, ids in was_open.items())

        return is_working

    def _disturb_s3(self, kind: Kind) -> None:
        proxy = self.works.s3
        match kind:
            case Kind.S3_DELAY:
                proxy.behave(Mood.DELAY)
            case Kind.S3_CUT:
                proxy.behave(Mood.CUT)
            case _:
                proxy.behave(Mood.ANSWER, http_answer(503 if kind is Kind.S3_5XX else 403))
        strike = self._add(kind, "", lambda: False, counts=False)

        def end() -> None:
            proxy.behave(Mood.OPEN)
            strike.counts_from = time.monotonic()
            strike.was_felt = bool(self.works.progress.open("recording"))
            strike.is_working = self._is_delivered("recording")
            self._held.discard("s3")

        self._in(self._chance.uniform(*OUTAGE_S), end)

    def _disturb_smtp(self, kind: Kind) -> None:
        proxy, sink = self.works.smtp, self.works.stack.parts.smtp
        match kind:
            case Kind.SMTP_DELAY:
                proxy.behave(Mood.DELAY)
            case Kind.SMTP_CUT:
                proxy.behave(Mood.CUT)
            case Kind.SMTP_4XX:
                proxy.behave(Mood.ANSWER, b"421 closed on demand\r\n")
                sink.refuse("*", 451)
            case _:
                sink.refuse("*", 550)
        strike = self._add(kind, "", lambda: False, counts=False)

        def end() -> None:
            proxy.behave(Mood.OPEN)
            sink.accept_all()
            strike.counts_from = time.monotonic()
            strike.was_felt = bool(self.works.progress.open("letter"))
            strike.is_working = self._is_delivered("letter")
            self._held.discard("smtp")

        self._in(self._chance.uniform(*OUTAGE_S), end)
