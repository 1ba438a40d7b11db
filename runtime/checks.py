"""Checks at start that the parts a service needs are there; each failure is one line with its remedy.

Each says too whether it may pass, so that `runtime/waiting.py` knows whether to wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from redis.exceptions import RedisError

from runtime import kafka_clients, plaintext, redis_client, redis_store, s3_blobs
from runtime.client_tls import CertificatesUnusable
from runtime.edge import Check
from runtime.host.identity import is_loopback
from runtime.kafka_log import KafkaLog, LogRefused
from runtime.lack import Lack
from runtime.mail.mailer import server_of
from runtime.plaintext import PlaintextRefused
from runtime.ports import BlobsUnavailable, LogUnavailable
from runtime.redis_client import RedisClients
from runtime.settings import RuntimeSettings
from runtime.text import as_text, one_line

CHECK_S_MAX: Final = 15.0
REDIS_VERSION_MIN: Final = 7
GREETING_LENGTH_MAX: Final = 60
Rights = Callable[[RedisClients, str], Awaitable[list[str]]]
"""What the store refuses a service that keeps something else there than deciders do, by the key prefix."""


async def kafka(settings: RuntimeSettings) -> Lack | None:
    """Check that the broker answers and has the topic of facts."""
    if not settings.kafka:
        return Lack("no Kafka: set RINGBACK_KAFKA to host:port")
    if settings.allow_broker_without_time and not is_loopback(settings.kafka):
        return Lack(
            f"RINGBACK_ALLOW_BROKER_WITHOUT_TIME is for brokers on loopback, and {settings.kafka} is not: "
            "unset it, and create the topic of facts with message.timestamp.type=LogAppendTime"
        )
    try:
        clients = kafka_clients.from_settings(settings)
    except (kafka_clients.Unusable, CertificatesUnusable, PlaintextRefused) as error:
        return Lack(f"Kafka: {error}")
    log = KafkaLog(clients, prefix=settings.topic_prefix, client_id="ringback-check")
    try:
        await log.start()
    except LogUnavailable as error:
        # A topic may be missing only until whoever makes the topics has run.
        return Lack(f"Kafka: {error}", may_pass=not isinstance(error, LogRefused))
    await log.stop()
    return None


async def redis(settings: RuntimeSettings, service: str, rights: Rights | None = None) -> Lack | None:
    """Check that the store answers, is new enough, evicts nothing and lets the service do what it does."""
    if not settings.redis:
        return Lack("no Redis: set RINGBACK_REDIS to redis://host:port/0")
    try:
        tls = redis_client.tls_from_settings(settings)
        clients = redis_client.from_settings(settings, tls)
    except ValueError as error:
        return Lack(str(error))
    store = redis_store.RedisStore(clients, prefix=settings.store_prefix, service=service)
    try:
        servers = [await each.info() for each in await clients.all()]
        refused = await (store.missing_rights() if rights is None else rights(clients, settings.store_prefix))
    except (RedisError, OSError, TimeoutError) as error:
        where = redis_client.read_address(settings.redis.get_secret_value()).shown
        found = redis_client.lack(error, settings)
        return Lack(f"Redis at {where}: {type(error).__name__}: {error}; {found.words}", found.may_pass)
    finally:
        await clients.aclose()
    unfit = next((each for each in map(_unfit_redis, servers) if each), None) or _refused_rights(refused)
    return None if unfit is None else Lack(unfit)


def _unfit_redis(server: dict[str, Any]) -> str | None:
    if int(str(server.get("redis_version", "0")).partition(".")[0]) < REDIS_VERSION_MIN:
        return f"Redis is {server.get('redis_version')}, and {REDIS_VERSION_MIN} or newer is needed"
    policy = server.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return f"Redis evicts keys ({policy}) and would lose places: set maxmemory-policy noeviction"
    return None


def _refused_rights(refused: list[str]) -> str | None:
    if not refused:
        return None
    return (
        f"Redis does not let the user in RINGBACK_REDIS do what the store does: {'; '.join(refused)}; "
        "docs/operating.md lists the rights"
    )


async def s3(settings: RuntimeSettings) -> Lack | None:
    """Check that the bucket can be reached with these keys."""
    try:
        blobs = s3_blobs.from_settings(settings)
        try:
            await blobs.check()
        finally:
            blobs.close()
    except BlobsUnavailable as error:
        where = f"S3 bucket {settings.s3_bucket} at {settings.s3_endpoint or settings.s3_region}"
        found = _lack_of_s3(error)
        return Lack(f"{where}: {error}; {found.words}", found.may_pass)
    except ValueError as error:
        return Lack(str(error))
    return None


def _lack_of_s3(error: BlobsUnavailable) -> Lack:
    match error.__cause__:
        case NoCredentialsError() | CredentialRetrievalError() | PartialCredentialsError():
            return Lack(
                "set RINGBACK_S3_ACCESS_KEY and RINGBACK_S3_SECRET_KEY, or give this process credentials in "
                "its environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a file that "
                "AWS_SHARED_CREDENTIALS_FILE names, or a role; RINGBACK_S3_ENDPOINT says where, if not Amazon"
            )
        case SSLError():
            return Lack(
                "set RINGBACK_S3_CA to the certificate of the authority that signed its own, and check "
                "the name in RINGBACK_S3_ENDPOINT"
            )
        case cause:
            return Lack(
                "check that it exists, and RINGBACK_S3_ENDPOINT, _BUCKET, _ACCESS_KEY, _SECRET_KEY, _REGION; "
                "a server that can't encrypt at rest needs RINGBACK_S3_ENCRYPTION=0",
                may_pass=not isinstance(cause, ClientError) or _may_pass_on_s3(cause),
            )


def _may_pass_on_s3(error: ClientError) -> bool:
    """Whether a server that starts, is busy, or has not been given its bucket yet answers so."""
    status = s3_blobs.status(error)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.NOT_FOUND,
        HTTPStatus.TOO_MANY_REQUESTS,
    )


async def smtp(settings: RuntimeSettings) -> Lack | None:
    """Check that an SMTP server answers."""
    if not settings.smtp or not settings.mail_from:
        return Lack(
            "no mail: set RINGBACK_SMTP to smtp://host:port and RINGBACK_MAIL_FROM to the sender's address"
        )
    try:
        found = server_of(settings)
    except ValueError as error:
        return Lack(str(error))
    if found.use_tls:
        return None  # The greeting comes only inside TLS; the first letter will show any fault.
    try:
        reader, writer = await asyncio.open_connection(found.host, found.port)
        greeting = await reader.readline()
        writer.close()
    except OSError as error:
        words = f"mail server {found.host}:{found.port}: {error}; check that it runs, and RINGBACK_SMTP"
        return Lack(words, may_pass=True)
    if not greeting.startswith(b"220"):
        said = one_line(as_text(greeting), GREETING_LENGTH_MAX)
        words = f"mail server {found.host}:{found.port} greets with «{said}» instead of 220"
        # RFC 5321, 4.2.1: a reply that begins with 5 says not to try again.
        return Lack(words, may_pass=not greeting.startswith(b"5"))
    return None


async def otlp(settings: RuntimeSettings) -> Lack | None:
    """Check that traces leave this machine encrypted; nobody waits for their receiver."""
    endpoint = urlsplit(settings.otlp_endpoint)
    if endpoint.scheme != "http":
        return None
    try:
        plaintext.refuse(
            "otlp",
            [endpoint.hostname or ""],
            allowed_to=plaintext.allowed(settings.allow_plaintext_to),
            remedy="set RINGBACK_OTLP_ENDPOINT to https://…",
        )
    except plaintext.PlaintextRefused as error:
        return Lack(str(error))
    return None


WORKS_WITHOUT: Final = ("s3", "smtp")
"""Every request to these stands alone and is tried again when they go later, and so when they are away at the
start: a queue must not stand still because nobody can keep a recording."""
CHECKS: Final[dict[str, Check]] = {"kafka": kafka, "s3": s3, "smtp": smtp, "otlp": otlp}


async def missing(
    settings: RuntimeSettings,
    parts: tuple[str, ...],
    *,
    service: str,
    own_parts: Mapping[str, Check] | None = None,
    store_rights: Rights | None = None,
) -> list[Lack]:
    """What a service lacks of these parts and of those that only it knows."""

    async def ask(part: str, check: Coroutine[Any, Any, Lack | None]) -> Lack | None:
        try:
            found = await asyncio.wait_for(check, CHECK_S_MAX)
        except TimeoutError:
            words = f"{part} gave no answer within {CHECK_S_MAX:.0f} s; check that its address is right"
            found = Lack(words, may_pass=True)
        if found is not None and found.may_pass and part in WORKS_WITHOUT:
            return msgspec.structs.replace(found, is_needed=False)
        return found

    asked = {
        part: redis(settings, service, store_rights) if part == "redis" else CHECKS[part](settings)
        for part in parts
    }
    asked |= {part: check(settings) for part, check in (own_parts or {}).items()}
    found = await asyncio.gather(*(ask(part, check) for part, check in asked.items()))
    return [each for each in found if each is not None]
