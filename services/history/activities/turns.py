"""Organizations take turns in a sweep: each does a share of its work, then all others have theirs."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.ids import OrganizationId
from runtime.edge import NeverSaid, NotSaid
from runtime.ports import BlobsUnavailable
from services.history.activities.repository import organizations

Work = Callable[[OrganizationId], AsyncGenerator[int]]
"""An organization's work in shares; each yields how much it did."""
AWAY_MAX: Final = 3
"""So many organizations in a row whose audio can't be reached: then S3 is away, and the sweep ends."""

_log = structlog.get_logger()


class Turns:
    """The turns of one sweep; the next one begins with another organization."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._first = OrganizationId("")

    async def sweep(self, work: Work) -> int:
        """Do all work; how much was done. A fault of one organization ends only its own part.

        Raises NotSaid and BlobsUnavailable when the log or S3 is away.
        """
        listed = await organizations(self._engine)
        # After one that began and could not end, the others come first in the next sweep.
        ordered = [*(each for each in listed if each > self._first), *(x for x in listed if x <= self._first)]
        running: dict[OrganizationId, AsyncGenerator[int]] = {each: work(each) for each in ordered}
        done = away = 0
        try:
            while running:
                for organization_id, shares in list(running.items()):
                    self._first = organization_id
                    try:
                        done += await anext(shares)
                        away = 0
                        continue
                    except StopAsyncIteration:
                        pass
                    except BlobsUnavailable as error:
                        away += 1
                        self._failed(organization_id, error)
                        if away >= AWAY_MAX or len(listed) == 1:
                            raise
                    except NotSaid as error:
                        if not isinstance(error, NeverSaid):
                            raise
                        self._failed(organization_id, error)
                    except Exception as error:  # noqa: BLE001  # one organization's fault may not end the others' sweep
                        self._failed(organization_id, error)
                    del running[organization_id]
        finally:
            for shares in running.values():
                await shares.aclose()
        return done

    def _failed(self, organization_id: OrganizationId, error: Exception) -> None:
        _log.error(
            "alarm: an organization's part of a sweep failed, and is tried in the next one",
            sweep=self._name,
            organization_id=organization_id,
            exc_info=error,
        )
