"""The log for people's programs, from the same settings as the services have.

Without RINGBACK_KAFKA or RINGBACK_DIRECTORY_URL in the environment, what `make up` started is meant: its
settings are in .run/up/env.
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
    """A setting that is needed is not there; names it."""


def environment() -> Environment:
    """The settings: the environment's, else those that `make up` wrote."""
    is_told = "RINGBACK_KAFKA" in os.environ or "RINGBACK_DIRECTORY_URL" in os.environ
    if is_told or not ENV_FILE.exists():
        return dict(os.environ)
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {**{name: json.loads(value) for name, _, value in pairs}, **os.environ}


def setting(settings: Environment, name: str) -> str:
    """A setting that is needed. Raises NotConfigured."""
    try:
        return settings[name]
    except KeyError:
        raise NotConfigured(f"{name} is not set: set it, or start everything with `make up`") from None


async def partition_of(organization_id: str, log: KafkaLog) -> int:
    """Where an organization lives: the partition that its key leads every writer to."""
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
