"""Faults of Asterisks, of the network to them, of trunks and of phones."""

from typing import Final

from devtools.chaos.ari_proxy import Lie
from devtools.chaos.asterisks import Asterisks, Office
from devtools.chaos.fault_context import Doing, IsWorking, Strike
from devtools.chaos.plan import Kind
from devtools.chaos.service_faults import OnServices
from devtools.chaos.trunk_relay import Trunk

DOWN_S: Final = (0.5, 4.0)
"""How long a killed Asterisk stays away."""
FROZEN_S: Final = (3.0, 12.0)
"""Sometimes shorter than the gateway's ping, sometimes longer."""
LIES_S: Final = (15.0, 25.0)
"""Long enough for several calls to begin, to be answered and to end under them."""
TRUNK_S: Final = (15.0, 20.0)
TRUNK_S_MAX: Final = 120.0
"""How long a trunk stays bad at most if nobody dials over it: an attempt may end before its dial."""
KILLED_AFTER_S: Final = 1.0
CUT_S: Final = {Kind.CUT_1: 1.0, Kind.CUT_30: 30.0, Kind.CUT_90: 90.0, Kind.HOLE: 30.0, Kind.KILL_IN_CUT: 8.0}
LIES: Final = {
    Kind.DELAY: Lie.DELAY,
    Kind.DROP: Lie.DROP,
    Kind.REORDER: Lie.REORDER,
    Kind.DOUBLE: Lie.DOUBLE,
}
TRUNKS: Final = {
    Kind.TRUNK_503: Trunk.REFUSES,
    Kind.TRUNK_183: Trunk.HOLDS,
    Kind.TRUNK_DEAD: Trunk.DEAD,
}


class OnPbxs:
    """Injects faults around a company's PBX. `held` has `pbx <company>` or `trunk <company>` meanwhile."""

    def __init__(self, doing: Doing, asterisks: Asterisks, services: OnServices) -> None:
        self._doing = doing
        self._asterisks = asterisks
        self._services = services

    def begin(self, kind: Kind, company: str) -> None:
        """Inject one of the faults that are aimed at a company."""
        office = self._asterisks.offices[company]
        match kind:
            case Kind.PBX_KILL:
                self._kill(office)
            case Kind.PBX_FREEZE:
                self._freeze(office)
            case _ if kind in CUT_S:
                self._cut(kind, office)
            case _ if kind in LIES:
                self._lie(kind, office)
            case _ if kind in TRUNKS:
                self._spoil(kind, office)
            case _:
                raise AssertionError(f"{kind} is no fault of a PBX")

    def _add(self, kind: Kind, office: Office, is_working: IsWorking) -> Strike:
        strike = self._doing.add(kind, office.name, is_working, counts=False)
        strike.company = office.name
        return strike

    def _returns(self, office: Office) -> IsWorking:
        """The gateway has said that the PBX is there again."""
        progress, before = self._doing.cluster.progress, self._doing.cluster.progress.pbx_returns
        count = before[office.pbx_id]
        return lambda: progress.pbx_returns[office.pbx_id] > count

    def _is_there(self, office: Office) -> IsWorking:
        """The gateway believes that the PBX is there, whether or not it noticed that it was away."""
        progress, cluster = self._doing.cluster.progress, self._doing.cluster
        return lambda: office.pbx_id not in progress.pbxs_away and bool(cluster.ready("gateway"))

    # Asterisk itself

    def _kill(self, office: Office) -> None:
        hold = f"pbx {office.name}"
        self._doing.held.add(hold)
        office.instance.kill()
        strike = self._add(Kind.PBX_KILL, office, self._returns(office))

        def start() -> None:
            office.instance.process.start()
            self._end(strike, hold)

        self._doing.soon(self._doing.chance.uniform(*DOWN_S), start)

    def _freeze(self, office: Office) -> None:
        hold = f"pbx {office.name}"
        self._doing.held.add(hold)
        office.instance.freeze()
        strike = self._add(Kind.PBX_FREEZE, office, self._is_there(office))

        def thaw() -> None:
            office.instance.thaw()
            self._end(strike, hold)

        self._doing.soon(self._doing.chance.uniform(*FROZEN_S), thaw)

    def _end(self, strike: Strike, hold: str) -> None:
        """The fault has ended, and recovery counts from now."""
        self._doing.held.discard(hold)
        self._doing.start_counting(strike)

    # The network to it

    def _cut(self, kind: Kind, office: Office) -> None:
        hold = f"pbx {office.name}"
        self._doing.held.add(hold)
        is_working = self._is_there(office) if kind is Kind.HOLE else self._returns(office)
        strike = self._add(kind, office, is_working)
        office.proxy.tell(Lie.HOLE if kind is Kind.HOLE else Lie.CUT)
        if kind is Kind.KILL_IN_CUT:
            self._doing.soon(KILLED_AFTER_S, lambda: self._services.kill(Kind.KILL_AT, "gateway", "in a cut"))
        self._doing.soon(CUT_S[kind], lambda: self._be_honest(strike, office, hold))

    def _lie(self, kind: Kind, office: Office) -> None:
        hold = f"pbx {office.name}"
        self._doing.held.add(hold)
        strike = self._add(kind, office, self._is_there(office))
        office.proxy.tell(LIES[kind])
        self._doing.soon(self._doing.chance.uniform(*LIES_S), lambda: self._be_honest(strike, office, hold))

    def _be_honest(self, strike: Strike, office: Office, hold: str) -> None:
        office.proxy.tell(Lie.NONE)
        self._end(strike, hold)

    # Its trunk

    def _spoil(self, kind: Kind, office: Office) -> None:
        """A bad trunk, until some calls went to it; recovery is that they have ended."""
        hold = f"trunk {office.name}"
        self._doing.held.add(hold)
        strike = self._add(kind, office, lambda: False)
        before = office.trunk.refused.total()
        office.trunk.behave(TRUNKS[kind])

        def end() -> None:
            strike.was_felt = office.trunk.refused.total() > before
            if not strike.was_felt and self._doing.lasted_s(strike) < TRUNK_S_MAX:
                self._doing.soon(1.0, end)
                return
            office.trunk.behave(Trunk.OPEN)
            progress = self._doing.cluster.progress
            was_open = progress.by_trunk(office.pbx_id)
            strike.is_working = lambda: not was_open & progress.by_trunk(office.pbx_id)
            self._end(strike, hold)

        self._doing.soon(self._doing.chance.uniform(*TRUNK_S), end)
