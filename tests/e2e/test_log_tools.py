"""export, why and replay against the embedded broker, with a morning of one call."""

import asyncio
from pathlib import Path

import pytest

from contracts.ids import OrganizationId
from ringback import connect, export, log_stretch, replay, why
from ringback.replay.model import Model
from ringback.topics import create_topics
from runtime.ports import Outgoing
from tests.unit.tools.stretches import agent, answers, caller, office, records, sales


@pytest.fixture
def settings(kafka_embedded: str, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> connect.Environment:
    """A log of this test's own, named in the environment."""
    prefix = f"{fresh_prefix}."
    asyncio.run(create_topics(kafka_embedded, prefix))
    found = {"RINGBACK_KAFKA": kafka_embedded, "RINGBACK_TOPIC_PREFIX": prefix}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


async def _say(settings: connect.Environment) -> None:
    """Append a morning of one call, as its services would."""
    made = office((agent("quick", "201"), sales("quick")), [caller("k1", 0)], {"quick": answers(3)})
    said = records(Model(made, made.book).run())
    async with connect.log(settings) as log:
        partition = await connect.partition_of("north", log)
        for each in said:
            record = Outgoing(
                topic="facts", key=OrganizationId("north"), headers=each.headers, value=each.value or b""
            )
            # The embedded broker takes the offered time.
            await log.append(partition, [record], at=each.at)


@pytest.mark.kafka
def test_a_log_is_exported_asked_why_and_replayed(
    settings: connect.Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broker and the exported file give the same answers."""
    asyncio.run(_say(settings))
    assert why.main(["k1", "--language", "en"]) == 0
    of_broker = capsys.readouterr().out
    file = tmp_path / "log.jsonl"
    assert export.main(["log", str(file), "--organization", "north"]) == 0
    assert "with phone numbers in clear" in capsys.readouterr().out
    assert why.main(["k1", "--language", "en", "--from", str(file)]) == 0
    assert capsys.readouterr().out == of_broker
    assert replay.main(["--from", str(file)]) == 0
    assert "talked to an agent" in capsys.readouterr().out
    assert export.main(["log", str(file)]) == 1
    assert "File exists" in capsys.readouterr().err
    assert len(log_stretch.of_file(file)) > 10
