"""Idempotency-Key: the answer to a request is kept for a day, in the transaction of what the request did."""

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from runtime.quotas import QuotaExceeded
from services.directory.activities.authentication import Principal
from services.directory.activities.sealed_secrets import SecretBox, digest
from services.directory.activities.tables import ANSWERS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.rules.quotas import KEYS_A_DAY

KEPT_MS: Final = 24 * 3_600_000


class KeyedRequest(Struct, frozen=True, kw_only=True):
    """A request that may be repeated: who sent which key with which content. No key: nothing is kept."""

    principal: Principal
    key: str | None
    digest: str

    @property
    def organization_id(self) -> str:
        """The organization, within which keys differ."""
        return self.principal.organization_id

    @property
    def who(self) -> str:
        """Whose key it is: nobody is answered with what another was told."""
        return self.principal.name


class Idempotency:
    """Keeps answers, sealed, since one may hold a password."""

    def __init__(self, secret_box: SecretBox) -> None:
        self._secret_box = secret_box

    async def earlier(
        self, connection: AsyncConnection, request: KeyedRequest, now_at: Instant
    ) -> str | None:
        """The answer to an earlier copy of the request.

        Raises RequestRefused for another request's key, QuotaExceeded for a new one too many.
        """
        if request.key is None:
            return None
        row = (await connection.execute(select(ANSWERS).where(_of(request)))).first()
        if row is None or row.at + KEPT_MS <= now_at:
            await _require_room(connection, request.organization_id, now_at)
            return None
        if row.digest != request.digest:
            raise RequestRefused(Problem(code=Code.IDEMPOTENCY_KEY_REUSED, field="Idempotency-Key"))
        return self._secret_box.open(row.sealed)

    async def keep(
        self, connection: AsyncConnection, request: KeyedRequest, answer: str, now_at: Instant
    ) -> None:
        """Keep an answer, in place of an expired one."""
        if request.key is None:
            return
        await connection.execute(delete(ANSWERS).where(_of(request)))
        values = {"organization_id": request.organization_id, "who": request.who, "at": now_at}
        values |= {
            "key": digest(request.key),
            "digest": request.digest,
            "sealed": self._secret_box.seal(answer),
        }
        await connection.execute(insert(ANSWERS).values(**values))


async def _require_room(connection: AsyncConnection, organization_id: str, now_at: Instant) -> None:
    alive = (ANSWERS.c.organization_id == organization_id) & (ANSWERS.c.at + KEPT_MS > now_at)
    query = select(func.count(), func.min(ANSWERS.c.at)).where(alive)
    found, oldest_at = (await connection.execute(query)).one()
    if found >= KEYS_A_DAY.amount_max:
        seconds = (oldest_at + KEPT_MS - now_at) / 1_000
        raise QuotaExceeded(KEYS_A_DAY.name, what=KEYS_A_DAY.what, limit=KEYS_A_DAY.limit, seconds=seconds)


def _of(request: KeyedRequest) -> ColumnElement[bool]:
    return (
        (ANSWERS.c.organization_id == request.organization_id)
        & (ANSWERS.c.who == request.who)
        & (ANSWERS.c.key == digest(request.key or ""))
    )


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete answers older than a day."""
    await connection.execute(delete(ANSWERS).where(ANSWERS.c.at + KEPT_MS <= now_at))
