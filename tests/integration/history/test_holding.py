"""What held of every agent when a wait began, among all that was ever said of them (H7)."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.codec import encode
from contracts.ids import Instant
from services.history.activities import tables
from services.history.activities.wait_explanation import holding
from tests.integration.history.logs import morning
from tests.integration.history.test_projector import a_log, in_one_go


@pytest.mark.rule("H7")
@pytest.mark.parametrize("seed", [3, 7])
async def test_of_each_kind_and_subject_the_last_change_before_an_instant_holds(
    engine: AsyncEngine, seed: int
) -> None:
    """At any instant, also before the first fact, after the last one, and when several came at once."""
    await in_one_go(engine, a_log(morning(seed)))
    table = tables.agent_changes
    async with engine.connect() as connection:
        rows = (await connection.execute(select(table).order_by(table.c.offset))).all()
        instants = sorted({row.at for row in rows})
        for at in (*instants[::7], instants[-1] + 1):
            last = {(row.kind, row.subject): row for row in rows if row.at < at}
            wanted = [row.document for row in sorted(last.values(), key=lambda row: int(row.offset))]
            found = await holding(connection, rows[0].organization_id, Instant(at))
            assert [encode(each).decode() for each in found] == wanted
