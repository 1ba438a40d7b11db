"""`python -m services.voicemail` as a real process on a real log: a call becomes a letter, killed or not."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.codec import Envelope, encode, headers
from contracts.gateway import RecordingFinished, RecordingSpooled
from contracts.ids import Instant, MediaKey, OrganizationId
from contracts.message import Fact, type_name
from contracts.topics import FACTS
from ringback.stack.parts import S3, Smtp
from ringback.stack.services import Service
from ringback.topics import create_topics
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing
from tests.integration.voicemail.test_delivery import letters
from tests.unit.voicemail.sounds import decoded_ms, spoken
from tests.unit.voicemail.stories import (
    LEG,
    RECORDING,
    VOLGA,
    Office,
    diverted,
    expired,
    leg_ended,
    play_finished,
)

LETTERS_S_MAX = 60.0

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]


@pytest.fixture
def settings(
    kafka_embedded: str, redis_server: str, s3_server: S3, smtp_sink: Smtp, fresh_prefix: str
) -> dict[str, str]:
    """The service's environment on fresh topics."""
    asyncio.run(create_topics(kafka_embedded, f"{fresh_prefix}."))
    return {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_REDIS": redis_server,
        "RINGBACK_STORE_PREFIX": fresh_prefix,
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_SMTP": smtp_sink.address,
        "RINGBACK_MAIL_FROM": "ringback@volga.example",
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
    }


@pytest.fixture
def service(settings: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """Voicemail, started and ready."""
    found = Service("voicemail", settings, tmp_path, dies_with_parent=True)
    found.start()
    found.wait_ready()
    yield found
    found.stop()


def say(settings: dict[str, str], *facts: Fact) -> None:
    """Append facts as if their owners had; not numbered, as the directory's are."""

    # The bucket is shared between tests, and remembers whose letters were sent.
    organization_id = OrganizationId(settings["RINGBACK_STORE_PREFIX"])

    async def append() -> None:
        log = KafkaLog(settings["RINGBACK_KAFKA"], prefix=settings["RINGBACK_TOPIC_PREFIX"], client_id="test")
        await log.start()
        try:
            partition = await log.partition_of(FACTS.name, organization_id)
            for number, fact in enumerate(facts):
                envelope = Envelope(
                    id=f"test-{number}-{time.time_ns()}",
                    type=type_name(fact),
                    source="directory",
                    organization_id=organization_id,
                    time=Instant(time.time_ns() // 1_000_000),
                )
                record = Outgoing(FACTS.name, organization_id, tuple(headers(envelope)), encode(fact))
                await log.append(partition, [record])
        finally:
            await log.stop()

    asyncio.run(append())


def recorded(s3: S3, key: str) -> tuple[Fact, ...]:
    """The gateway has a recording, in its spool and then in S3."""
    s3.client().put_object(Bucket=s3.bucket, Key=key, Body=spoken())
    digest = hashlib.sha256(spoken()).hexdigest()
    spooled = RecordingSpooled(
        pbx_id=VOLGA,
        leg_id=LEG,
        recording_id=RECORDING,
        bytes=len(spoken()),
        sha256=digest,
        duration_ms=7_000,
    )
    finished = RecordingFinished(
        pbx_id=VOLGA,
        leg_id=LEG,
        recording_id=RECORDING,
        ok=True,
        key=MediaKey(key),
        bytes=len(spoken()),
        sha256=digest,
        duration_ms=7_000,
    )
    return spooled, finished


def wait_for_letters(sink: Smtp, count: int) -> None:
    """Until the mail server has as many, and a moment longer, for one that is too many."""
    deadline = time.monotonic() + LETTERS_S_MAX
    while len(letters(sink)) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1.0)
    assert len(letters(sink)) == count


@pytest.mark.rule("V1", "V3", "V4", "C4")
def test_a_call_becomes_one_letter_per_recipient(
    service: Service, settings: dict[str, str], s3_server: S3, smtp_sink: Smtp, fresh_prefix: str
) -> None:
    """The whole way, on real parts: conversation, recording, S3, mail; and a callback that expired."""
    say(settings, *Office.directory_facts(), diverted(), play_finished())
    say(settings, *recorded(s3_server, f"{fresh_prefix}/recordings/original.wav"), leg_ended())
    say(settings, expired(has_voice_message=False))
    wait_for_letters(smtp_sink, 4)
    found = letters(smtp_sink)
    assert sorted(letter["To"].addresses[0].addr_spec for letter in found) == [
        *["anna@volga.example"] * 2,
        *["boris@volga.example"] * 2,
    ]
    attached = [part.get_payload(decode=True) for letter in found for part in letter.iter_attachments()]
    assert len(attached) == 2
    for mp3 in attached:
        assert isinstance(mp3, bytes)
        assert decoded_ms(mp3) == pytest.approx(4_400, abs=200)


@pytest.mark.rule("V4", "V7")
def test_kill_9_between_any_two_steps_loses_and_doubles_nothing(
    service: Service, settings: dict[str, str], s3_server: S3, smtp_sink: Smtp, fresh_prefix: str
) -> None:
    """Dead in the middle of a conversation, and dead while the recording is stored and mailed."""
    say(settings, *Office.directory_facts(), diverted())
    service.kill()
    say(settings, play_finished())
    service.restart()
    say(settings, *recorded(s3_server, f"{fresh_prefix}/recordings/original.wav"))
    service.kill()
    service.restart()
    say(settings, leg_ended())
    wait_for_letters(smtp_sink, 2)
    assert len({letter["Message-ID"] for letter in letters(smtp_sink)}) == 2


def test_it_says_what_is_missing(settings: dict[str, str], tmp_path: Path) -> None:
    """Started alone, without a mail server: one clear line, and an exit code of its own."""
    service = Service("voicemail", {**settings, "RINGBACK_SMTP": ""}, tmp_path, dies_with_parent=True)
    service.start()
    deadline = time.monotonic() + 60
    while service.process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "RINGBACK_SMTP" in service.process.last_words()
