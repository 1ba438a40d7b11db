"""Tables of an older version become those of this one, and keep their rows."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import VoiceMessageId
from services.history.activities import tables
from services.history.activities.database import MIGRATIONS, connected, migrate
from services.history.state import Done, VoiceMessage, encoded
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, NORTH, Office, a_call


def to_first(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


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
