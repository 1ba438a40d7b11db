"""Records who got at personal data, and who was refused: on the security stream, and for the audit trail.

The directory keeps the trail, and hears of both by facts. A link and a download are one fact each. Of one
person's refusals the first sixty of a minute are; the others are counted in a later one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from contracts.history import Accessed, AccessKind, AccessRefused
from contracts.ids import OrganizationId
from contracts.message import Fact
from runtime import security_events
from runtime.edge import NotSaid, Say
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.throttle import Throttle

SOURCE: Final = "history"
EVENTS: Final[Mapping[AccessKind, SecurityEvent]] = {
    AccessKind.AUDIO_LINKED: SecurityEvent.AUDIO_LINKED,
    AccessKind.DOWNLOADED: SecurityEvent.DOWNLOADED,
}
_log = structlog.get_logger()


class AccessTrail:
    """Says facts about access; where the log is away the request goes on, and the stream has the event."""

    def __init__(self, say: Say, clock: Clock, tokens: Callable[[], str]) -> None:
        self._say = say
        self._clock = clock
        self._tokens = tokens
        self._throttle: Throttle[tuple[OrganizationId, AccessRefused]] = Throttle()

    async def accessed(self, organization_id: OrganizationId, fact: Accessed) -> None:
        """Somebody was given audio or a download."""
        more: dict[str, Any] = {"filters": fact.details} if fact.kind is AccessKind.DOWNLOADED else {}
        security_events.emit(
            EVENTS[fact.kind],
            organization_id=organization_id,
            actor=fact.by,
            subject=fact.subject,
            address=fact.address,
            **more,
        )
        await self._record(organization_id, fact)

    async def refused(self, organization_id: OrganizationId, fact: AccessRefused, address: str) -> None:
        """Somebody asked for what rights do not give."""
        security_events.emit(
            SecurityEvent.ACCESS_REFUSED,
            organization_id=organization_id,
            actor=fact.by,
            subject=fact.what,
            outcome="refused",
            action=fact.action,
            address=address,
        )
        who = f"{organization_id}/{fact.by}"
        times = self._throttle.times(who, self._clock.now(), (organization_id, fact))
        if times:
            await self._record(organization_id, _times(fact, times))

    async def say_counted(self) -> int:
        """Say the refusals that were only counted and whose minute is over; for the hourly sweep."""
        found = list(self._throttle.counted(self._clock.now()))
        for (organization_id, fact), times in found:
            await self._record(organization_id, _times(fact, times))
        return len(found)

    async def _record(self, organization_id: OrganizationId, fact: Fact) -> None:
        try:
            await self._say((fact,), organization_id=organization_id, source=SOURCE, cause=self._tokens())
        except NotSaid as error:
            # The request is answered all the same, and the stream has it.
            _log.warning("an access was not recorded on the log", error=str(error))


def _times(fact: AccessRefused, times: int) -> AccessRefused:
    return AccessRefused(by=fact.by, action=fact.action, what=fact.what, times=times)
