"""Every column with sealed secrets, and how they are sealed anew with another key, a batch at a time."""

from typing import Any, Final

from joserfc.errors import JoseError
from msgspec import Struct
from sqlalchemy import Column, Table, and_, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.activities.database import Database
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.tables import (
    ANSWERS,
    IDENTITY_PROVIDERS,
    LETTERS,
    PASSWORDS,
    SECOND_FACTORS,
)

SEALED: Final[tuple[Column[Any], ...]] = (
    PASSWORDS.c.sealed_phone_password,
    LETTERS.c.sealed,
    ANSWERS.c.sealed,
    IDENTITY_PROVIDERS.c.sealed_client_secret,
    SECOND_FACTORS.c.sealed_secret,
)
"""A column called `sealed…` must be here, or its secrets would be lost with the key of before."""
BATCH_ROWS_MAX: Final = 200
"""A transaction of some milliseconds, between which the running service writes."""


class Resealed(Struct, frozen=True, kw_only=True):
    """What came of one column."""

    column: str
    done: int
    left: int
    """Rows that an older key has sealed still: none of the keys opens them, or somebody wrote meanwhile."""


async def reseal(database: Database, secret_box: SecretBox) -> list[Resealed]:
    """Seal with the first key what others have sealed; may be broken off and repeated at any time."""
    return [await _reseal_column(database, secret_box, column) for column in SEALED]


async def _reseal_column(database: Database, secret_box: SecretBox, column: Column[Any]) -> Resealed:
    table = column.table
    assert isinstance(table, Table)
    keys = tuple(table.primary_key.columns)
    older = and_(column != "", ~column.startswith(secret_box.prefix, autoescape=True))
    query = select(*keys, column).where(older).order_by(*keys).limit(BATCH_ROWS_MAX)
    done, following = 0, query
    while True:
        async with database.begin() as connection:
            rows = [tuple(row) for row in (await connection.execute(following)).all()]
            for row in rows:
                done += await _reseal_row(connection, secret_box, column, row)
        if len(rows) < BATCH_ROWS_MAX:
            break
        # What no key opens is passed by, and counted at the end.
        following = query.where(tuple_(*keys) > tuple_(*rows[-1][: len(keys)]))
    async with database.begin() as connection:
        left = (await connection.execute(select(func.count()).select_from(table).where(older))).scalar_one()
    return Resealed(column=f"{table.name}.{column.name}", done=done, left=left)


async def _reseal_row(
    connection: AsyncConnection, secret_box: SecretBox, column: Column[Any], row: tuple[Any, ...]
) -> int:
    *ids, sealed = row
    try:
        anew = secret_box.seal(secret_box.open(sealed))
    except JoseError:
        return 0
    table = column.table
    assert isinstance(table, Table)
    its = and_(*(key == id_ for key, id_ in zip(table.primary_key.columns, ids, strict=True)))
    # A secret that was replaced meanwhile stays as it is now.
    changed = await connection.execute(update(table).where(its, column == sealed).values({column.name: anew}))
    return changed.rowcount
