"""The parts that the demo and other tests use: each does what they require."""

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import redis
from aiokafka import TopicPartition

from contracts.topics import FACTS, TOPICS
from ringback.stack import kafka, parts
from ringback.stack.process import StackError
from ringback.topics import create_topics
from runtime.kafka_clients import Clients, Producer
from runtime.kafka_log import KafkaLog


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Clients(bootstrap).producer(acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _written_and_read(bootstrap: str, topic: str) -> tuple[list[bytes], set[int]]:
    """Write three records with timestamp 0 to one partition, read them back: values and timestamps."""
    async with _producer(bootstrap) as producer:
        for value in (b"a", b"b", b"c"):
            await producer.send_and_wait(topic, value, partition=1, timestamp_ms=0)
    consumer = Clients(bootstrap).consumer(enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 1)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        records = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(3)]
        return [record.value for record in records], {record.timestamp for record in records}
    finally:
        await consumer.stop()


async def test_the_embedded_broker_keeps_order_and_gives_timestamp_0_back(
    kafka_embedded: str, fresh_prefix: str
) -> None:
    """By this answer to its probe the host distinguishes it from a broker that sets the time."""
    await create_topics(kafka_embedded, f"{fresh_prefix}.")
    values, timestamps = await _written_and_read(kafka_embedded, f"{fresh_prefix}.facts")
    assert values == [b"a", b"b", b"c"]
    assert timestamps == {0}


@pytest.mark.timeout(300)
async def test_apache_kafka_puts_its_own_time_on_a_record(kafka_apache: str, fresh_prefix: str) -> None:
    """Deadlines are judged by the broker's time and by no service's clock."""
    await create_topics(kafka_apache, f"{fresh_prefix}.")
    values, timestamps = await _written_and_read(kafka_apache, f"{fresh_prefix}.facts")
    assert values == [b"a", b"b", b"c"]
    assert min(timestamps) > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_apache_kafka_keeps_what_it_acknowledged_through_kill_9(
    kafka_apache_node: kafka.ApacheKafka, fresh_prefix: str
) -> None:
    """The fault tests need a node that comes back on the same storage and port."""
    await create_topics(kafka_apache_node.address, f"{fresh_prefix}.")
    topic = f"{fresh_prefix}.facts"
    await _written_and_read(kafka_apache_node.address, topic)
    kafka_apache_node.kill()
    kafka_apache_node.process.start()
    await asyncio.to_thread(kafka_apache_node.wait_ready)
    values, _ = await _written_and_read(kafka_apache_node.address, topic)
    assert values == [b"a", b"b", b"c"]


async def test_creating_topics_again_changes_nothing(kafka_embedded: str, fresh_prefix: str) -> None:
    """`make up`, the demo and an operator may all do it."""
    first = await create_topics(kafka_embedded, f"{fresh_prefix}.")
    again = await create_topics(kafka_embedded, f"{fresh_prefix}.")
    assert sorted(first) == sorted(f"{fresh_prefix}.{topic.name}" for topic in TOPICS)
    assert again == []


async def test_a_topic_with_another_number_of_partitions_is_refused(
    kafka_embedded: str, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another number would move organizations to partitions that don't know them."""
    await create_topics(kafka_embedded, f"{fresh_prefix}.")
    monkeypatch.setattr(type(FACTS), "partitions", FACTS.partitions + 1)
    with pytest.raises(StackError, match="fixed at creation"):
        await create_topics(kafka_embedded, f"{fresh_prefix}.")


async def test_the_number_of_partitions_of_facts_is_chosen_at_birth_and_kept(
    kafka_embedded: str, fresh_prefix: str
) -> None:
    """An upgrade makes what is missing, and must not ask an older installation for another number."""
    prefix = f"{fresh_prefix}."
    await create_topics(kafka_embedded, prefix, facts=FACTS.partitions + 2)
    with pytest.raises(StackError, match="fixed at creation"):
        await create_topics(kafka_embedded, prefix, facts=FACTS.partitions + 1)
    assert await create_topics(kafka_embedded, prefix, takes_facts_as_they_are=True) == []
    log = KafkaLog(kafka_embedded, prefix=prefix)
    await log.start()
    assert log.partitions == FACTS.partitions + 2
    await log.stop()


def test_redis_evicts_nothing_and_appends_to_a_file(redis_server: str) -> None:
    """An evicted key would be a lost place."""
    with redis.Redis.from_url(redis_server, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_s3_gives_back_what_was_put_and_refuses_a_second_write_of_a_write_once_object(
    s3_server: parts.S3, fresh_prefix: str
) -> None:
    """Content-addressed notices are written once, whichever writer is first."""
    client = s3_server.client()
    key = f"{fresh_prefix}/notice.wav"
    client.put_object(Bucket=s3_server.bucket, Key=key, Body=b"first", IfNoneMatch="*")
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=s3_server.bucket, Key=key, Body=b"second", IfNoneMatch="*")
    assert client.get_object(Bucket=s3_server.bucket, Key=key)["Body"].read() == b"first"


def test_a_letter_is_kept_with_its_envelope(smtp_sink: parts.Smtp) -> None:
    """The tests of letters read them back as their recipients would."""
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as line:
        line.sendmail("from@office.example", ["head@office.example"], b"Subject: hello\r\n\r\nbody\r\n")
    letter = smtp_sink.letters / "0001.eml"
    assert b"Subject: hello" in letter.read_bytes()
    envelope = json.loads(letter.with_suffix(".json").read_text(encoding="utf-8"))
    assert envelope["recipients"] == ["head@office.example"]


def test_the_mail_server_refuses_on_demand_and_so_often_as_told(smtp_sink: parts.Smtp) -> None:
    """Tests of V4's pauses and final refusals use it."""
    smtp_sink.refuse("*@slow.example", 451, times=1)
    smtp_sink.refuse("gone@*", 550)
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as line:
        refused = line.sendmail("a@b.example", ["x@slow.example", "gone@c.example", "y@c.example"], b"\r\n")
        again = line.sendmail("a@b.example", ["x@slow.example"], b"\r\n")
    assert {address: code for address, (code, _) in refused.items()} == {
        "x@slow.example": 451,
        "gone@c.example": 550,
    }
    assert again == {}


def test_the_mail_server_keeps_a_letter_and_loses_its_answer_on_demand(smtp_sink: parts.Smtp) -> None:
    """The one case in which a second copy of a letter is possible."""
    smtp_sink.refuse("cut@*", 0, stage="data", times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected), smtplib.SMTP("127.0.0.1", smtp_sink.port) as line:
        line.sendmail("a@b.example", ["cut@c.example"], b"\r\n")
    assert (smtp_sink.letters / "0001.eml").exists()


async def test_postgresql_gives_every_test_a_database_of_its_own(postgres_database: str) -> None:
    """Directory and history run on SQLite and on PostgreSQL, and are tested on both."""
    connection = await asyncpg.connect(postgres_database)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    finally:
        await connection.close()
