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
from runtime.kafka_log import KafkaLog

ENV_FILE: Final = Path(__file__).parent.parent / ".run" / "up" / "env"
Environment = Mapping[str, str]


class NotConfigured(Exception):
    """A required setting is missing; the message names it."""


def environment() -> Environment:
    """The environment's settings, else those that `make up` wrote."""
    is_told = "RINGBACK_KAFKA" in os.environ or "RINGBACK_DIRECTORY_URL" in os.environ
    if is_told or not ENV_FILE.exists():
        return dict(os.environ)
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {**{name: json.loads(value) for name, _, value in pairs}, **os.environ}


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
    found = KafkaLog(
        setting(settings, "RINGBACK_KAFKA"),
        prefix=settings.get("RINGBACK_TOPIC_PREFIX", "ringback."),
        client_id="ringback-tools",
    )
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
