"""Carries out the planned faults, and measures recovery from the log and from readiness.

Faults of services are in `service_faults`, faults of the parts in `part_faults`. Nothing waits: the main loop
calls again and again, so faults overlap as in reality.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contracts.message import type_name
from devtools.chaos.asterisks import Asterisks
from devtools.chaos.call_faults import OnCalls
from devtools.chaos.cluster import Cluster
from devtools.chaos.fault_context import Doing
from devtools.chaos.part_faults import OnParts
from devtools.chaos.pbx_faults import OnPbxs
from devtools.chaos.plan import AIMED_AT_PBX, OF_TRUNK, STRAINS, WATCHED, Kind, Planned
from devtools.chaos.service_faults import OnServices
from ringback.log import Reading

POINT_S_MAX: Final = 15.0
"""If the named fact does not come in this time, the fault happens anyway and counts as random."""
SITUATION_S_MAX: Final = 60.0
"""A PBX is killed once in each situation: worth waiting for, as messages are rare."""
AT_A_PBX: Final = frozenset({Kind.PBX_KILL, *OF_TRUNK})
"""Faults that wait for a fact about their own company."""
STARTING_SHARE: Final = 0.015
"""The chance, at every look, that a kill hits a process that is not ready yet."""


@dataclass(slots=True)
class _Pending:
    planned: Planned
    points: frozenset[str]
    since: float


def _hold(planned: Planned) -> str:
    """What of a company a fault has for itself."""
    return f"{'trunk' if planned.kind in OF_TRUNK else 'pbx'} {planned.target}"


class FaultInjector:
    """Carries out a plan on a running cluster."""

    def __init__(
        self, cluster: Cluster, planned: list[Planned], seed: int, tell: Callable[[str], None]
    ) -> None:
        self.cluster = cluster
        self.doing = Doing(cluster, seed)
        self._services = OnServices(self.doing)
        self._parts = OnParts(self.doing)
        phones = cluster.phones
        self._pbxs = OnPbxs(self.doing, phones, self._services) if isinstance(phones, Asterisks) else None
        self._calls = OnCalls(self.doing, phones) if isinstance(phones, Asterisks) else None
        self._planned = [each for each in planned if each.kind is not Kind.LOG_LOST]
        self._armed: list[_Pending] = []
        self._begun = self._turned_at = time.monotonic()
        self._tell = tell

    def begin(self) -> None:
        """Start the plan's clock."""
        self._begun = self._turned_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether every fault was injected and has ended, recovered or not."""
        return not (self._planned or self._armed or self.doing.is_waiting)

    def turn(self, heard: list[Reading]) -> None:
        """Inject due faults, and note recoveries."""
        now = time.monotonic()
        if self._parts.is_broker_away:
            # The plan's clock stands still, or all faults that fell due meanwhile would happen at once.
            self._begun += now - self._turned_at
        self._turned_at = now
        self.doing.turn(now)
        self._strike_armed(heard, now)
        # One at a time: a fault that is impossible now is tried again at the next turn, in the plan's order.
        due = [each for each in self._planned if each.at_s <= now - self._begun]
        for each in due:
            if self._is_possible(each):
                self._planned.remove(each)
                self._begin(each, now)
                break
        for strike in self.doing.unrecovered:
            if strike.counts_from is not None and strike.is_working():
                strike.recovered_s = time.monotonic() - strike.counts_from
                self._tell(f"cluster again after {strike.recovered_s:.1f} s: {strike.kind} {strike.target}")

    def _strike_armed(self, heard: list[Reading], now: float) -> None:
        for pending in list(self._armed):
            planned = pending.planned
            of_pbx = planned.kind in AT_A_PBX
            is_seen = any(
                each.envelope.type in pending.points
                and (not of_pbx or each.envelope.organization_id == planned.target)
                for each in heard
            )
            if not is_seen and now - pending.since < (SITUATION_S_MAX if of_pbx else POINT_S_MAX):
                continue
            # A target with another fault waits: its processes are about to change, and none would be judged.
            if (_hold(planned) if of_pbx else planned.target) in self.doing.held:
                continue
            self._armed.remove(pending)
            if planned.kind is Kind.KILL_AT:
                kind = Kind.KILL_AT if is_seen else Kind.KILL
                self._services.kill(kind, planned.target, planned.point if is_seen else "")
            elif of_pbx:
                self._disturb_pbx(planned.kind, planned.target)
            elif planned.kind.startswith("s3"):
                self._parts.disturb_s3(planned.kind)
            else:
                self._parts.disturb_smtp(planned.kind)

    # Which processes may get a fault

    def _is_possible(self, planned: Planned) -> bool:
        if self._parts.is_broker_away:
            # Until the broker is back no process can work, and no other fault would show anything.
            return False
        match planned.kind:
            case _ if planned.kind in AIMED_AT_PBX or planned.kind in STRAINS:
                return self._is_pbx_free(planned)
            case Kind.KILL | Kind.KILL_AT | Kind.TERM | Kind.FREEZE:
                # A starting service is mostly left alone, or it would never get ready.
                is_impatient = planned.kind is Kind.KILL and self.doing.chance.random() < STARTING_SHARE
                return planned.target not in self.doing.held and (
                    is_impatient or bool(self.cluster.ready(planned.target))
                )
            case Kind.ZOMBIE | Kind.REBALANCE:
                return planned.target not in self.doing.held and len(
                    self.cluster.ready(planned.target)
                ) == len(self.cluster.replicas[planned.target])
            case _:
                return planned.kind.partition("-")[0] not in self.doing.held

    def _is_pbx_free(self, planned: Planned) -> bool:
        """Whether a PBX works: only then a fault around it shows anything."""
        progress, target = self.cluster.progress, planned.target
        held = {f"{what} {target}" for what in ("pbx", "trunk", "phone")} & self.doing.held
        is_there = f"pbx-{target}" not in progress.pbxs_away and bool(self.cluster.ready("gateway"))
        return is_there and not held if planned.kind in STRAINS else is_there and _hold(planned) not in held

    def _begin(self, planned: Planned, now: float) -> None:
        self._tell(f"{planned.kind} {planned.target} {planned.point}".rstrip())
        match planned.kind:
            case Kind.KILL:
                self._services.kill(Kind.KILL, planned.target, "")
            case Kind.KILL_AT:
                self._armed.append(_Pending(planned, frozenset({planned.point}), now))
            case Kind.TERM:
                self._services.term(planned.target)
            case Kind.FREEZE:
                self._services.freeze(planned.target)
            case Kind.ZOMBIE:
                self._services.zombie(planned.target)
            case Kind.REBALANCE:
                self._services.rebalance(planned.target)
            case Kind.REDIS_FLUSH:
                self._parts.flush()
            case Kind.REDIS_KILL:
                self._parts.restart_redis()
            case Kind.BROKER_KILL | Kind.BROKER_STOP:
                self._parts.restart_broker(planned.kind)
            case Kind.S3_DELAY | Kind.S3_CUT | Kind.S3_4XX | Kind.S3_5XX:
                self._arm("s3", planned, now)
            case Kind.SMTP_DELAY | Kind.SMTP_CUT | Kind.SMTP_4XX | Kind.SMTP_5XX:
                self._arm("smtp", planned, now)
            case Kind.PBX_KILL | Kind.TRUNK_503 | Kind.TRUNK_183 | Kind.TRUNK_DEAD:
                self._armed.append(_Pending(planned, frozenset({planned.point}), now))
            case Kind.PHONE_GONE | Kind.LONG_CALL | Kind.CROWD:
                self._strain(planned)
            case Kind.LOG_LOST:
                raise AssertionError("the log is lost after everything was judged")
            case _:
                self._disturb_pbx(planned.kind, planned.target)

    def _disturb_pbx(self, kind: Kind, company: str) -> None:
        assert self._pbxs is not None
        self._pbxs.begin(kind, company)

    def _strain(self, planned: Planned) -> None:
        assert self._calls is not None
        match planned.kind:
            case Kind.PHONE_GONE:
                self._calls.lose_phone(planned.target)
            case Kind.LONG_CALL:
                self._calls.talk_long(planned.target)
            case _:
                self._calls.crowd(planned.target)

    def _arm(self, part: str, planned: Planned, now: float) -> None:
        self.doing.held.add(part)
        points = frozenset(type_name(kind) for kind in WATCHED[part])
        self._armed.append(_Pending(planned, points, now))
