"""Faults of our own processes: kill, stop, freeze, takeover, rebalance."""

import time
from collections import Counter
from typing import Final

from devtools.chaos.cluster import DECIDERS, MISSING, Cluster
from devtools.chaos.fault_context import Doing, IsWorking, Strike
from devtools.chaos.plan import Kind
from ringback.stack.services import Service
from ringback.stack.stack import FACTS_PARTITIONS

ZOMBIE_S_MAX: Final = 40.0
FROZEN_S: Final = (4.0, 9.0)
STOP_S_MAX: Final = 25.0


def have_all_claimed(cluster: Cluster, name: str, before: dict[tuple[str, int], int]) -> bool:
    """Whether a service has claimed each of its partitions since."""
    claims = cluster.progress.claims
    return all(claims[(name, each)] > before.get((name, each), 0) for each in range(FACTS_PARTITIONS))


class OnServices:
    """Injects faults into the processes of a named service."""

    def __init__(self, doing: Doing) -> None:
        self._doing = doing

    def _pick(self, name: str) -> Service:
        """Pick a replica, a ready one if there is any."""
        found = self._doing.cluster.ready(name) or [
            each for each in self._doing.cluster.replicas[name] if each.process.is_alive()
        ]
        return self._doing.chance.choice(found or self._doing.cluster.replicas[name])

    def _claims_anew(self, name: str) -> IsWorking:
        """Recovery: a decider has claimed its partitions again, the gateway its PBXs; tts claims none.

        One of two gateways is ready when it has claimed its PBXs, and may have none.
        """
        progress = self._doing.cluster.progress
        if name == "gateway" and len(self._doing.cluster.replicas[name]) == 1:
            before = Counter(progress.pbx_claims)
            return lambda: all(progress.pbx_claims[each] > count for each, count in before.items())
        if name in DECIDERS:
            claimed = progress.claimed(name)
            return lambda: progress.claimed(name) > claimed
        return lambda: True

    def kill(self, kind: Kind, name: str, point: str) -> None:
        """`kill -9` one process; the supervisor restarts it at once."""
        service = self._pick(name)
        if not service.process.is_alive():
            # It has just ended by itself since a part is missing; the supervisor restarts it.
            self._doing.soon(1.0, lambda: self.kill(kind, name, point))
            return
        has_claimed = self._claims_anew(name)
        service.process.kill()
        service.start()
        self._doing.add(
            kind, f"{name} {point}".rstrip(), lambda: has_claimed() and self._doing.cluster.is_ready(service)
        )

    def term(self, name: str) -> None:
        """Send SIGTERM at any moment."""
        service = self._pick(name)
        has_claimed = self._claims_anew(name)
        self._doing.held.add(name)
        strike = self._doing.add(
            Kind.TERM, name, lambda: has_claimed() and self._doing.cluster.is_ready(service)
        )
        service.process.ask_to_stop()
        self._doing.soon(0.2, lambda: self._ended(service, strike, name, time.monotonic()))

    def _ended(self, service: Service, strike: Strike, name: str, since: float) -> None:
        """Check its exit code: 0, or `MISSING` if another fault took a part away during its start."""
        if service.process.is_alive():
            if time.monotonic() - since > STOP_S_MAX:
                self._doing.findings.append(f"{service.process.name} did not stop in time when asked to")
                service.process.kill()
            self._doing.soon(0.2, lambda: self._ended(service, strike, name, since))
            return
        code = service.process.stop()
        if code not in (0, MISSING):
            self._doing.findings.append(f"{service.process.name} ended with {code} when asked to stop")
        service.start()
        self._doing.held.discard(name)

    def freeze(self, name: str) -> None:
        """Stop one process with SIGSTOP for some seconds."""
        service = self._pick(name)
        self._doing.held.add(name)
        self._doing.cluster.frozen.add(service)
        service.process.freeze()
        strike = self._doing.add(
            Kind.FREEZE, name, lambda: self._doing.cluster.is_ready(service), counts=False
        )
        self._doing.soon(self._doing.chance.uniform(*FROZEN_S), lambda: self._thaw(service, strike, name))

    def _thaw(self, service: Service, strike: Strike, name: str) -> None:
        service.process.thaw()
        self._doing.cluster.frozen.discard(service)
        self._doing.held.discard(name)
        strike.counts_from = time.monotonic()

    def zombie(self, name: str) -> None:
        """Freeze one process for longer than a takeover takes; recovery is the takeover."""
        service = self._pick(name)
        self._doing.held.add(name)
        claimed = self._doing.cluster.progress.claimed(name)
        self._doing.cluster.frozen.add(service)
        service.process.freeze()
        heir = None
        if self._doing.cluster.broker == "embedded":
            heir = self._doing.cluster.add(name)
        wanted = claimed + (FACTS_PARTITIONS if heir is not None else 1)
        progress = self._doing.cluster.progress
        strike = self._doing.add(Kind.ZOMBIE, name, lambda: progress.claimed(name) >= wanted)
        self._doing.soon(1.0, lambda: self._wake(service, heir, strike, name))

    def _wake(self, service: Service, heir: Service | None, strike: Strike, name: str) -> None:
        """Thaw it a moment after another process has its partitions."""
        if strike.recovered_s is None and time.monotonic() - strike.begun_at < ZOMBIE_S_MAX:
            self._doing.soon(0.5, lambda: self._wake(service, heir, strike, name))
            return
        self._thaw(service, Strike(strike.kind, name, 0, lambda: True, None), name)
        if heir is not None:
            self._doing.held.add(name)
            self._doing.soon(self._doing.chance.uniform(1, 4), lambda: self._end_rival(service, heir, name))

    def _end_rival(self, service: Service, heir: Service, name: str) -> None:
        """End one of two replicas on the embedded broker, which allows one; the other goes on."""
        stays, goes = self._doing.chance.sample((service, heir), 2)
        self._doing.cluster.replicas[name] = [stays]
        goes.process.kill()
        self._doing.held.discard(name)

    def rebalance(self, name: str) -> None:
        """Start two more replicas and end them when they are ready; twice."""
        self._doing.held.add(name)
        strike = self._doing.add(Kind.REBALANCE, name, lambda: False, counts=False)
        self._come(name, strike, rounds=2)

    def _come(self, name: str, strike: Strike, rounds: int) -> None:
        guests = [self._doing.cluster.add(name) for _ in range(2)]
        self._doing.soon(3.0, lambda: self._go(name, guests, strike, rounds))

    def _go(self, name: str, guests: list[Service], strike: Strike, rounds: int) -> None:
        if not all(guest.is_ready() or not guest.process.is_alive() for guest in guests):
            self._doing.soon(0.5, lambda: self._go(name, guests, strike, rounds))
            return
        for guest in guests:
            guest.process.ask_to_stop()
        if rounds > 1:
            self._doing.soon(1.0, lambda: self._come(name, strike, rounds - 1))
            return
        strike.counts_from = time.monotonic()
        before = {
            each: count for each, count in self._doing.cluster.progress.claims.items() if each[0] == name
        }
        strike.is_working = lambda: have_all_claimed(self._doing.cluster, name, before)
        self._doing.held.discard(name)
