"""The minutes of every organization, from the facts of all gateways, with the alarm at four fifths (C10)."""

from collections import defaultdict
from typing import Final

import structlog

from contracts.directory import OrganizationSaved
from contracts.gateway import LegAnswered, LegEnded, LegRequested, PbxClaimed, PbxFact
from contracts.ids import OrganizationId, PbxId
from runtime.edge import Heard
from runtime.metrics import ALLOWANCES
from services.gateway.decider import Minutes

_TALK: Final = (LegRequested, LegAnswered, LegEnded)
"""Long talks are alarmed while they run: nobody need hang up first."""

log = structlog.get_logger(__name__)


class SpentMinutes:
    """Reads the log from its start, facts about other gateways' PBXs included."""

    def __init__(self) -> None:
        self._of: defaultdict[OrganizationId, Minutes] = defaultdict(Minutes)
        self._maxima: dict[OrganizationId, int] = {}
        self._claims: dict[tuple[OrganizationId, PbxId], int] = {}
        """The newest claim of each PBX, by its offset."""

    def of(self, organization_id: OrganizationId) -> Minutes:
        """The count that all PBXs of an organization share."""
        return self._of[organization_id]

    def hear(self, heard: Heard) -> None:
        """Read one fact, in the order of the log."""
        organization_id, fact = heard.envelope.organization_id, heard.message
        if isinstance(fact, OrganizationSaved):
            self._maxima[fact.organization_id] = fact.dialling_policy.minutes_per_day_max
        elif isinstance(fact, PbxClaimed):
            self._claims[organization_id, fact.pbx_id] = heard.offset
        elif isinstance(fact, PbxFact) and not self._is_of_a_former_owner(heard, fact):
            minutes = self._of[organization_id]
            minutes.hear(fact, heard.at)
            minutes_max = self._maxima.get(organization_id)
            if isinstance(fact, _TALK) and minutes_max is not None:
                self._alarm(organization_id, minutes, heard, minutes_max)

    def _is_of_a_former_owner(self, heard: Heard, fact: PbxFact) -> bool:
        """Whether a newer claim precedes it: the owner never says how such a leg ended."""
        claimed_at = self._claims.get((heard.envelope.organization_id, fact.pbx_id), 0)
        return heard.envelope.incarnation < claimed_at

    def _alarm(
        self, organization_id: OrganizationId, minutes: Minutes, heard: Heard, minutes_max: int
    ) -> None:
        if minutes.is_alarm(heard.at, minutes_max):
            ALLOWANCES.labels("minutes").inc()
            log.warning(
                "dialling.minutes_run_low",
                organization_id=organization_id,
                minutes=minutes.used_ms(heard.at) // 60_000,
                minutes_max=minutes_max,
                remedy="look at what is dialled; see `python -m ringback operator ceilings`",
            )
