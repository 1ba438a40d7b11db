"""Apache Kafka with TLS and logins: every kind of client gets in, and who may not get in is told why."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from contracts.topics import DEAD_LETTERS, FACTS, TOPICS
from ringback import tail, topics
from ringback.stack.kafka import ADMIN
from ringback.topics import create_topics
from runtime import checks, kafka_clients
from runtime.client_tls import CertificatesUnusable
from runtime.kafka_log import KafkaLog
from runtime.ports import LogUnavailable
from runtime.settings import RuntimeSettings
from tests.adapters.test_log import fact, read_all
from tests.closed_kafka import ClosedKafka

TTS = "ringback-tts"


@pytest.fixture
async def prefix(kafka_closed: ClosedKafka, fresh_prefix: str) -> str:
    """Topics of this test's own, made by a client of the administrator."""
    created = await create_topics(kafka_closed.clients(ADMIN), f"{fresh_prefix}.")
    assert len(created) == len(TOPICS)
    return f"{fresh_prefix}."


@pytest.fixture(params=["login", "login and certificate"])
async def log(
    request: pytest.FixtureRequest, kafka_closed: ClosedKafka, prefix: str
) -> AsyncIterator[KafkaLog]:
    """A log whose clients log in, and may show a certificate, too."""
    more = {} if request.param == "login" else kafka_closed.shown(kafka_closed.client)
    made = KafkaLog(kafka_closed.clients(ADMIN, **more), prefix=prefix, group=f"{prefix}test")
    await made.start()
    yield made
    await made.stop()


async def test_producer_readers_and_members_of_a_group_get_in(log: KafkaLog) -> None:
    """Writing, reading by offset, and sharing partitions are three connections of the log."""
    gained: asyncio.Queue[Sequence[int]] = asyncio.Queue()

    async def lost(partitions: Sequence[int]) -> None: ...

    first = await log.append(1, [fact(1), fact(2)])
    found = await read_all(log, 1, first, 2)
    assert [dict(each.headers)["ce_id"] for each in found] == [b"f1", b"f2"]
    await log.own(gained.put, lost)
    assert sorted(await asyncio.wait_for(gained.get(), 30)) == list(range(FACTS.partitions))
    assert await log.refusal() is None


async def test_an_edges_consumer_and_fast_streams_broker_get_in(
    kafka_closed: ClosedKafka, prefix: str
) -> None:
    """What a process has beside its log: consumers of its edges, and the broker of its lifecycle."""
    clients = kafka_closed.clients(ADMIN)
    broker = clients.broker(client_id="test")
    await broker.start()
    await broker.publish(b"letter", prefix + DEAD_LETTERS.name)
    await broker.stop()
    consumer = clients.consumer(group_id=f"{prefix}test.letters", auto_offset_reset="earliest")
    consumer.subscribe([prefix + DEAD_LETTERS.name])
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 30)
    assert record.value == b"letter"
    await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1})
    await consumer.stop()


def _refused(closed: ClosedKafka, how: str) -> dict[str, str]:
    """Settings with which nobody gets in."""
    port = closed.node.address.rpartition(":")[2]
    match how:
        case "password":
            return closed.settings(TTS, PASSWORD="guessed")
        case "user":
            return closed.settings("nobody")
        case "authority":
            return closed.settings(TTS, CA=str(closed.stranger))
        case "host":
            return closed.settings(TTS) | {"RINGBACK_KAFKA": f"localhost:{port}"}
        case "certificate":
            return closed.settings(TTS, **closed.shown(closed.strangers_client))
        case "no TLS":
            return {"RINGBACK_KAFKA": closed.node.address}
        case _:
            return {"RINGBACK_KAFKA": closed.node.address, "RINGBACK_KAFKA_CA": str(closed.authority)}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (
            "password",
            ["refuses the login of 'ringback-tts'", "invalid credentials", "RINGBACK_KAFKA_PASSWORD"],
        ),
        ("user", ["refuses the login of 'nobody'", "invalid credentials", "RINGBACK_KAFKA_USERNAME"]),
        (
            "authority",
            ["is not to be trusted", "unable to get local issuer", "RINGBACK_KAFKA_CA"],
        ),
        ("host", ["is not to be trusted", "Hostname mismatch", "a name that stands in it"]),
        ("certificate", ["refuses our certificate", "RINGBACK_KAFKA_CERTIFICATE"]),
        ("no TLS", ["ends a connection in the clear", "RINGBACK_KAFKA_CA"]),
        ("no login", ["ends a connection without a login", "RINGBACK_KAFKA_USERNAME"]),
    ],
)
async def test_who_may_not_get_in_is_told_which_setting_is_wrong(
    kafka_closed: ClosedKafka, how: str, words: list[str]
) -> None:
    """A service's check at start says what the broker said; the service exits with it."""
    settings = RuntimeSettings.model_validate(_fields(_refused(kafka_closed, how)))
    said = await checks.kafka(settings)
    assert said is not None
    for each in words:
        assert each in said.words
    assert "guessed" not in said.words
    # A broker that starts or stops ends connections, too.
    assert said.may_pass == ("ends a connection" in said.words)


def _fields(settings: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("RINGBACK_").lower(): value for name, value in settings.items()}


def test_operators_programs_log_in_too_and_say_what_is_wrong(
    kafka_closed: ClosedKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They read the settings of the services, from the environment."""
    for name, value in kafka_closed.settings(ADMIN).items():
        monkeypatch.setenv(name, value)
    assert topics.main(["--prefix", "programs."]) == 0
    assert "created programs.facts" in capsys.readouterr().out
    monkeypatch.setenv("RINGBACK_TOPIC_PREFIX", "programs.")
    monkeypatch.setenv("RINGBACK_KAFKA_PASSWORD", "guessed")
    for program in (topics.main, tail.main):
        assert program([]) != 0
        said = capsys.readouterr().err
        assert "refuses the login of 'admin'" in said
        assert "RINGBACK_KAFKA_PASSWORD" in said
        assert "guessed" not in said


async def test_a_renewed_certificate_is_used_for_new_connections(
    kafka_closed: ClosedKafka, tmp_path: Path
) -> None:
    """Nobody restarts a service because a certificate was renewed, and a half-written file ends nothing."""
    file = tmp_path / "client.pem"
    file.write_bytes(kafka_closed.strangers_client.read_bytes())
    clients = kafka_closed.clients(TTS, **kafka_closed.shown(file))
    assert clients.tls is not None
    assert "refuses our certificate" in str(await clients.refusal())
    file.write_bytes(b"half")
    with pytest.raises(CertificatesUnusable):
        clients.tls.load_again()
    file.write_bytes(kafka_closed.client.read_bytes())
    clients.tls.load_again()
    assert await clients.refusal() is None


async def test_a_listener_without_tls_is_named_as_such(kafka_closed: ClosedKafka) -> None:
    """The other way round: TLS is set, and the port in RINGBACK_KAFKA ends what is no message of Kafka."""

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(end, "127.0.0.1", 0) as server:
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        clients = kafka_clients.from_environment(
            {"RINGBACK_KAFKA": where, "RINGBACK_KAFKA_CA": str(kafka_closed.authority)}
        )
        with pytest.raises(LogUnavailable, match="does not answer with TLS"):
            await KafkaLog(clients, prefix="none.").start()
