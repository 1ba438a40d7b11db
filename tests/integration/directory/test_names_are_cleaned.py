"""Names that were saved with invisible characters are read, and said, without them."""

import pytest
from sqlalchemy import select, text, update

from services.directory.activities.tables import CARDS
from tests.integration.directory.companies import Company

LATER = ("ALTER TABLE audit DROP COLUMN fields", "DROP TABLE renderings")
"""Undoes the migrations after 0003, which itself only cleans."""


@pytest.mark.rule("E1", "T6")
async def test_l1_a_card_from_before_the_limits_were_stricter_is_cleaned_once(company: Company) -> None:
    """A line separator in a name stopped the process at each start; spoken texts keep their lines."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await company.made("/notices", {"id": "n", "text": "Раз.\nДва."})
    async with company.directory.database.begin() as connection:
        where = CARDS.c.id == made["id"]
        [document] = (await connection.execute(select(CARDS.c.document).where(where))).scalars()
        spoiled = document.replace("Орлов Пётр", "Орлов\u2028Пётр\u202e")
        await connection.execute(update(CARDS).where(where).values(document=spoiled))
        for later in LATER:
            await connection.execute(text(later))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    await company.directory.database.upgrade()
    card = (await company.call("GET", f"/employees/{made['id']}")).json()["card"]
    notice = (await company.call("GET", "/notices/n")).json()["card"]
    assert (card["name"], notice["text"]) == ("Орлов Пётр", "Раз.\nДва.")
