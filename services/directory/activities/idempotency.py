"""Idempotency-Key: the answer to a request is kept for a day, in the transaction of what the request did."""

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.sealed_secrets import SecretBox, digest
from services.directory.activities.tables import ANSWERS
from services.directory.rules.errors import Code, Problem, RequestRefused

KEPT_MS: Final = 24 * 3_600_000


class KeyedRequest(Struct, frozen=True, kw_only=True):
    """A request that may be repeated: who sent which key with which content. No key: nothing is kept."""

    organization_id: str
    who: str
    key: str | None
    digest: str


class Idempotency:
    """Keeps answers, sealed, since one may hold a password."""

    def __init__(self, secret_box: SecretBox) -> None:
        self._secret_box = secret_box

    async def earlier(
        self, connection: AsyncConnection, request: KeyedRequest, now_at: Instant
    ) -> str | None:
        """The answer to an earlier copy of the request. Raises RequestRefused for another request's key."""
        if request.key is None:
            return None
        row = (await connection.execute(select(ANSWERS).where(_of(request)))).first()
        if row is None or row.at + KEPT_MS <= now_at:
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


def _of(request: KeyedRequest) -> ColumnElement[bool]:
    return (
        (ANSWERS.c.organization_id == request.organization_id)
        & (ANSWERS.c.who == request.who)
        & (ANSWERS.c.key == digest(request.key or ""))
    )


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete answers older than a day."""
    await connection.execute(delete(ANSWERS).where(ANSWERS.c.at + KEPT_MS <= now_at))
