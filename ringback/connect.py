"""Connects operators' programs to the log, with the same settings as the services.

If the environment has neither RINGBACK_KAFKA nor RINGBACK_DIRECTORY_URL, the settings that `make up` wrote
to .run/up/env are used.
"""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from contracts.topics import FACTS
from runtime import kafka_clients, secret_files
from runtime.kafka_log import KafkaLog

ENV_FILE: Final = Path(__file__).parent.parent / ".run" / "up" / "env"
Environment = Mapping[str, str]


class NotConfigured(Exception):
    """A required setting is missing; the message names it."""


def environment() -> Environment:
    """The environment's settings, else those that `make up` wrote; of files the content.

    Raises NotConfigured when a file can't be used.
    """
    try:
        return secret_files.resolved(_told())
    except secret_files.SecretFileUnusable as error:
        raise NotConfigured(str(error)) from error


def complete_environment(needed: str) -> None:
    """Add what `make up` wrote to this process's environment, if it lacks a setting that is needed."""
    if not {needed, needed + secret_files.SUFFIX} & os.environ.keys():
        os.environ.update(_told())


def _told() -> dict[str, str]:
    """The environment, with the settings that `make up` wrote where it says nothing of the parts."""
    is_told = os.environ.keys() & {"RINGBACK_KAFKA", "RINGBACK_KAFKA_FILE", "RINGBACK_DIRECTORY_URL"}
    if is_told or not ENV_FILE.exists():
        return dict(os.environ)
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    written = {name: json.loads(value) for name, _, value in pairs}
    own = {name.removesuffix(secret_files.SUFFIX) for name in os.environ}
    return {**{name: value for name, value in written.items() if name not in own}, **os.environ}


def setting(settings: Environment, name: str) -> str:
    """A required setting. Raises NotConfigured."""
    try:
        return settings[name]
    except KeyError:
        raise NotConfigured(f"{name} is not set: set it, or start everything with `make up`") from None


async def partition_of(organization_id: str, log: KafkaLog) -> int:
    """The partition of an organization, by its key."""
    return await log.partition_of(FACTS.name, organization_id)


@contextlib.asynccontextmanager
async def log(settings: Environment) -> AsyncIterator[KafkaLog]:
    """The log of facts, open for reading and appending. Raises NotConfigured and LogUnavailable."""
    setting(settings, "RINGBACK_KAFKA")
    try:
        clients = kafka_clients.from_environment(settings)
    except ValueError as error:
        raise NotConfigured(str(error)) from error
    found = KafkaLog(
        clients,
        prefix=settings.get("RINGBACK_TOPIC_PREFIX", "ringback."),
        client_id="ringback-tools",
    )
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
