"""Tables of an older version become those of this one, and keep their rows."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import VoiceMessageId
from contracts.queue import AgentPaused
from services.history.activities import tables
from services.history.activities.database import MIGRATIONS, connected, migrate
from services.history.rules import table_rows
from services.history.state import Done, VoiceMessage, encoded
from tests.integration.history.harness import HistoryHarness
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, NORTH, Office, a_call

CONTACTS = 501
"""One more than the migration reads at once."""


def to_first(connection: Connection) -> None:
    to(connection, "0001")


def to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.mark.rule("C13")
async def test_callbacks_from_before_an_upgrade_are_listed_as_if_they_were_projected_after_it(
    database: str,
) -> None:
    """Those of more contacts than are read at once, standing and ended; other contacts have none."""
    office = Office()
    for number in range(CONTACTS):
        leg = f"in{number}"
        office.say(a_call(leg), stories.place(leg), at_s=number).say(stories.ordered(leg), at_s=number)
        office.say(stories.offer(stories.ANNA, 1, leg), at_s=number)
    office.say(*stories.callback_connected(stories.ANNA, "in7", at_s=CONTACTS), at_s=CONTACTS)
    office.say(a_call("in.quiet"), at_s=CONTACTS)
    made = [table_rows.rows_of(contact) for contact in office.batch.contacts.values()]
    engine = connected(database)
    async with engine.begin() as connection:
        await connection.run_sync(to, "0005")
        for name in ("contacts", "contact_names", "contact_departments", "contact_agents"):
            listed = [row for rows in made for row in rows[name]]
            await connection.execute(insert(tables.METADATA.tables[name]), listed)
    await migrate(engine)
    table = tables.callback_lists
    async with engine.connect() as connection:
        found = {tuple(row._mapping.items()) for row in await connection.execute(select(table))}
    await engine.dispose()
    wanted = {
        tuple((column.name, row[column.name]) for column in table.c)
        for rows in made
        for row in rows["callback_lists"]
    }
    assert (found, len(found)) == (wanted, 3 * CONTACTS)


@pytest.mark.rule("V6")
async def test_what_was_heard_before_an_upgrade_is_heard_after_it(database: str) -> None:
    """Otherwise its owner would be warned about a message that was heard."""
    contact = Office().say(a_call()).contact()
    heard = Done(by=BORIS, name="Boris", at=stories.at(9))
    contact.messages = [
        VoiceMessage(voice_message_id=VoiceMessageId("vm.1"), at=stories.at(1), heard=heard),
        VoiceMessage(voice_message_id=VoiceMessageId("vm.2"), at=stories.at(1)),
    ]
    engine = connected(database)
    async with engine.begin() as connection:
        await connection.run_sync(to_first)
        await fill(connection, encoded(contact))
    await migrate(engine)
    table = tables.messages
    async with engine.connect() as connection:
        query = select(table.c.voice_message_id, table.c.heard_at, table.c.warned_at)
        found = (await connection.execute(query.order_by(table.c.voice_message_id))).all()
    await engine.dispose()
    assert [tuple(row) for row in found] == [("vm.1", stories.at(9), None), ("vm.2", None, None)]


async def test_what_goes_on_during_an_upgrade_is_in_the_present_after_it(
    harness_on_both: HistoryHarness,
) -> None:
    """A callback that stands for an hour is on the wall at once, not with its next fact."""
    harness = harness_on_both
    waiting = (stories.a_call("in1"), stories.place("in1"), stories.ordered("in1"))
    paused = AgentPaused(agent_id=stories.ANNA, department_id=stories.SALES, misses=3)
    await harness.tell(*stories.the_cards(), *waiting, paused)
    table = tables.live_rows
    key = (table.c.kind, table.c.subject, table.c.type, table.c.department_id, table.c.document)
    query = select(*key).order_by(table.c.kind, table.c.subject)
    async with harness.engine.begin() as connection:
        before = (await connection.execute(query)).all()
        for name in ("live_rows", "live_versions", "figure_cells", "figure_marks"):
            await connection.execute(text(f"DROP TABLE {name}"))
        for name in ("contacts_open", "messages_by_department", "messages_by_agent", "messages_by_claim"):
            await connection.execute(text(f"DROP INDEX {name}"))
        await connection.execute(text("ALTER TABLE messages DROP COLUMN claimed_by"))
        await connection.execute(text("UPDATE history_version SET version_num = '0006'"))
    await migrate(harness.engine)
    async with harness.engine.connect() as connection:
        assert (await connection.execute(query)).all() == before
    assert [each.kind for each in before if each.kind != "fact"] == ["callback", "place"]


async def fill(connection: AsyncConnection, document: str) -> None:
    """Rows of a contact with two voice messages, as the first version wrote them."""
    await connection.execute(
        text(
            "INSERT INTO contacts (organization_id, contact_id, started_at, pbx_id, direction, is_internal, "
            "outcome, is_voicemail, document) VALUES (:org, 'in1', 1, 'moscow', 'incoming', false, 'missed', "
            "true, :document)"
        ),
        {"org": NORTH, "document": document},
    )
    for id_ in ("vm.1", "vm.2"):
        await connection.execute(
            text(
                "INSERT INTO messages (organization_id, voice_message_id, contact_id, taken_at, state, "
                "has_audio, is_internal) VALUES (:org, :id, 'in1', 1, 'stored', true, false)"
            ),
            {"org": NORTH, "id": id_},
        )


@pytest.mark.rule("V5")
async def test_what_was_claimed_before_an_upgrade_is_in_the_claimers_inbox_after_it(database: str) -> None:
    """The column beside the document is filled from it, and stays empty where nobody has claimed."""
    contact = Office().say(a_call()).contact()
    claimed = Done(by=BORIS, name="Boris", at=stories.at(9))
    contact.messages = [
        VoiceMessage(voice_message_id=VoiceMessageId("vm.1"), at=stories.at(1), claimed=claimed),
        VoiceMessage(voice_message_id=VoiceMessageId("vm.2"), at=stories.at(1)),
    ]
    engine = connected(database)
    async with engine.begin() as connection:
        await connection.run_sync(to_first)
        await fill(connection, encoded(contact))
        claim = text("UPDATE messages SET claimed_at = :at WHERE voice_message_id = 'vm.1'")
        await connection.execute(claim, {"at": stories.at(9)})
    await migrate(engine)
    table = tables.messages
    async with engine.connect() as connection:
        query = select(table.c.voice_message_id, table.c.claimed_by).order_by(table.c.voice_message_id)
        found = (await connection.execute(query)).all()
    await engine.dispose()
    assert [tuple(row) for row in found] == [("vm.1", BORIS), ("vm.2", None)]
