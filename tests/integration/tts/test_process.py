"""The speech service as a process of its own, on a real log and a real store."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from contracts import codec
from contracts.codec import Envelope
from contracts.topics import FACTS, SPEECH
from contracts.tts import NoticeFailed, NoticeRendered
from ringback.stack.parts import S3
from ringback.stack.services import Service
from ringback.topics import create_topics
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing
from tests.unit.tts.stories import asked

N = TypeVar("N", NoticeRendered, NoticeFailed)

ENGINE = """#!/bin/sh
test -e {broken} && exit 3
exec espeak-ng "$@"
"""


@pytest.fixture
async def log(kafka_embedded: str, fresh_prefix: str) -> AsyncIterator[KafkaLog]:
    """The log of an installation of this test's own."""
    await create_topics(kafka_embedded, f"{fresh_prefix}.")
    found = KafkaLog(kafka_embedded, prefix=f"{fresh_prefix}.", client_id="test")
    await found.start()
    yield found
    await found.stop()


async def answer(log: KafkaLog, kind: type[N], version: int, seconds: float = 60) -> N:
    """The speech service's answer of a kind about a version of the notice; it may stand there twice."""
    partition = await log.partition_of(FACTS.name, "acme")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for record in await log.read(partition, 0, records_max=500, wait_ms=300):
            about = codec.envelope(record.headers)
            if about.source == "tts":
                found = codec.decode(about.type, record.value)
                if isinstance(found, kind) and found.version == version:
                    return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {kind.__name__} came for version {version}")


async def ask(log: KafkaLog, text: str, version: int) -> None:
    """Put a command on the topic of speech."""
    heard = asked(text, version=version)
    about: Envelope = msgspec.structs.replace(heard.envelope, time=int(time.time() * 1_000))
    record = Outgoing(SPEECH.name, "acme", tuple(codec.headers(about)), codec.encode(heard.message))
    await log.send([record])


@pytest.mark.rule("T2", "T5")
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_notice_outlives_an_engine_that_is_down_and_a_killed_process(
    log: KafkaLog, kafka_embedded: str, s3_server: S3, fresh_prefix: str, tmp_path: Path
) -> None:
    """EC-110: a text is rendered in the end, though the engine was down and the service was killed."""
    engine, broken = tmp_path / "engine", tmp_path / "broken"
    engine.write_text(ENGINE.format(broken=broken), encoding="utf-8")
    engine.chmod(0o755)
    settings = {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_TTS_ENGINE": str(engine),
    }
    service = Service("tts", settings, tmp_path, dies_with_parent=True)
    service.start()
    try:
        await asyncio.to_thread(service.wait_ready, 120)
        await ask(log, f"Добрый день, {fresh_prefix}.", 1)
        first = await answer(log, NoticeRendered, 1)
        found = s3_server.client().head_object(Bucket=s3_server.bucket, Key=first.parts[0])
        assert found["ContentLength"] == 44 + 16 * first.duration_ms

        broken.touch()
        await ask(log, f"Добрый вечер, {fresh_prefix}.", 2)
        assert not (await answer(log, NoticeFailed, 2)).is_final
        service.kill()
        broken.unlink()
        service.start()
        await asyncio.to_thread(service.wait_ready, 120)
        second = await answer(log, NoticeRendered, 2)
        assert second.parts != first.parts
    finally:
        service.stop()
