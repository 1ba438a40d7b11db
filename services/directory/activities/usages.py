"""Quotas over hours and days, counted in the database for all replicas: uploads, their bytes (O1)."""

from typing import Final

from sqlalchemy import case, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from runtime.ports import Clock
from runtime.quotas import QuotaExceeded
from services.directory.activities.database import Database, upsert
from services.directory.activities.tables import USAGES
from services.directory.rules.quotas import UPLOADED_BYTES_A_DAY, UPLOADS_AN_HOUR, UsageQuota

DAY_MS: Final = 24 * 3_600_000


class Usages:
    """Counts what organizations use."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def count_upload(self, organization_id: str, bytes_: int) -> None:
        """Count a file before it is looked at: a faulty one is work, too. Raises QuotaExceeded."""
        now_at = self._clock.now()
        async with self._database.begin() as connection:
            await count(connection, organization_id, UPLOADS_AN_HOUR, 1, now_at)
            await count(connection, organization_id, UPLOADED_BYTES_A_DAY, bytes_, now_at)


async def count(
    connection: AsyncConnection, organization_id: str, quota: UsageQuota, amount: int, now_at: Instant
) -> None:
    """Add to what is used in this window. Raises QuotaExceeded when that is too much."""
    its = {"organization_id": organization_id, "quota": quota.name}
    made = upsert(connection, USAGES).values(**its, window_at=now_at, amount=amount)
    is_past = USAGES.c.window_at + quota.window_ms <= now_at
    changed = made.on_conflict_do_update(
        index_elements=["organization_id", "quota"],
        # Added by the database, so that two uploads at once count twice.
        set_={
            "window_at": case((is_past, now_at), else_=USAGES.c.window_at),
            "amount": case((is_past, amount), else_=USAGES.c.amount + amount),
        },
    ).returning(USAGES.c.window_at, USAGES.c.amount)
    row = (await connection.execute(changed)).one()
    if row.amount > quota.amount_max:
        # The transaction is rolled back: a refusal uses nothing up.
        seconds = (row.window_at + quota.window_ms - now_at) / 1_000
        raise QuotaExceeded(quota.name, what=quota.what, limit=quota.limit, seconds=seconds)


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete windows that have ended, whichever quota they are of."""
    await connection.execute(delete(USAGES).where(USAGES.c.window_at + DAY_MS <= now_at))
