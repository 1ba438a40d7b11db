"""Checks at start that the parts a service needs are there; each failure is one line with its remedy."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from runtime import redis_store, s3_blobs
from runtime.host.identity import is_loopback
from runtime.kafka_log import KafkaLog
from runtime.mail.mailer import server_at
from runtime.ports import BlobsUnavailable, LogUnavailable
from runtime.settings import RuntimeSettings
from runtime.text import as_text, one_line

CHECK_S_MAX: Final = 15.0
REDIS_VERSION_MIN: Final = 7
GREETING_LENGTH_MAX: Final = 60

Check = Callable[[RuntimeSettings], Coroutine[Any, Any, str | None]]


async def kafka(settings: RuntimeSettings) -> str | None:
    """Check that the broker answers and has the topic of facts."""
    if not settings.kafka:
        return "no Kafka: set RINGBACK_KAFKA to host:port"
    if settings.allow_broker_without_time and not is_loopback(settings.kafka):
        return (
            f"RINGBACK_ALLOW_BROKER_WITHOUT_TIME is for brokers on loopback, and {settings.kafka} is not: "
            "unset it, and create the topic of facts with message.timestamp.type=LogAppendTime"
        )
    log = KafkaLog(settings.kafka, prefix=settings.topic_prefix, client_id="ringback-check")
    try:
        await log.start()
    except LogUnavailable as error:
        return (
            f"Kafka: {error}; check that it runs, and that RINGBACK_KAFKA and RINGBACK_TOPIC_PREFIX are right"
        )
    await log.stop()
    return None


async def redis(settings: RuntimeSettings) -> str | None:
    """Check that the store answers, is new enough and evicts nothing."""
    if not settings.redis:
        return "no Redis: set RINGBACK_REDIS to redis://host:port/0"
    client = redis_store.connected(settings.redis)
    try:
        server = await client.info("server")
        memory = await client.info("memory")
    except (RedisError, OSError, TimeoutError) as error:
        where = urlsplit(settings.redis).hostname
        return f"Redis at {where}: {type(error).__name__}: {error}; check that it runs, and RINGBACK_REDIS"
    finally:
        await client.aclose()
    if int(str(server.get("redis_version", "0")).partition(".")[0]) < REDIS_VERSION_MIN:
        return f"Redis is {server.get('redis_version')}, and {REDIS_VERSION_MIN} or newer is needed"
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return f"Redis evicts keys ({policy}) and would lose places: set maxmemory-policy noeviction"
    return None


async def s3(settings: RuntimeSettings) -> str | None:
    """Check that the bucket can be reached with these keys."""
    blobs = s3_blobs.from_settings(settings)
    try:
        await blobs.check()
    except BlobsUnavailable as error:
        return (
            f"S3 bucket {settings.s3_bucket} at {settings.s3_endpoint or settings.s3_region}: {error}; check "
            "that it exists, and RINGBACK_S3_ENDPOINT, _BUCKET, _ACCESS_KEY, _SECRET_KEY, _REGION; a server "
            "that can't encrypt at rest needs RINGBACK_S3_ENCRYPTION=0"
        )
    finally:
        blobs.close()
    return None


async def smtp(settings: RuntimeSettings) -> str | None:
    """Check that an SMTP server answers."""
    if not settings.smtp or not settings.mail_from:
        return "no mail: set RINGBACK_SMTP to smtp://host:port and RINGBACK_MAIL_FROM to the sender's address"
    try:
        found = server_at(settings.smtp, ca=settings.smtp_ca)
    except ValueError as error:
        return str(error)
    if found.use_tls:
        return None  # The greeting comes only inside TLS; the first letter will show any fault.
    try:
        reader, writer = await asyncio.open_connection(found.host, found.port)
        greeting = await reader.readline()
        writer.close()
    except OSError as error:
        return f"mail server {found.host}:{found.port}: {error}; check that it runs, and RINGBACK_SMTP"
    if not greeting.startswith(b"220"):
        said = one_line(as_text(greeting), GREETING_LENGTH_MAX)
        return f"mail server {found.host}:{found.port} greets with «{said}» instead of 220"
    return None


CHECKS: Final[dict[str, Check]] = {"kafka": kafka, "redis": redis, "s3": s3, "smtp": smtp}


async def missing(settings: RuntimeSettings, parts: tuple[str, ...]) -> list[str]:
    """Which of these parts are missing, one line each."""

    async def ask(part: str) -> str | None:
        try:
            return await asyncio.wait_for(CHECKS[part](settings), CHECK_S_MAX)
        except TimeoutError:
            return f"{part} gave no answer within {CHECK_S_MAX:.0f} s; check that its address is right"

    return [each for each in await asyncio.gather(*(ask(part) for part in parts)) if each is not None]
