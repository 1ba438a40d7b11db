"""The log and the bucket for people's programs, from the same settings as the services have.

Without RINGBACK_KAFKA in the environment, what `make up` started is meant: its settings are in .run/up/env.
"""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from runtime.ports import Blobs, Log

ENV_FILE: Final = Path(__file__).parent.parent / ".run" / "up" / "env"
Environment = Mapping[str, str]


class NotConfigured(Exception):
    """A setting that is needed is not there; names it."""


def environment() -> Environment:
    """The settings: the environment's, else those that `make up` wrote."""
    if "RINGBACK_KAFKA" in os.environ or not ENV_FILE.exists():
        return dict(os.environ)
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {**{name: json.loads(value) for name, _, value in pairs}, **os.environ}


def is_configured(settings: Environment) -> bool:
    """Whether a log is named."""
    return "RINGBACK_KAFKA" in settings


def setting(settings: Environment, name: str) -> str:
    """A setting that is needed. Raises NotConfigured."""
    try:
        return settings[name]
    except KeyError:
        raise NotConfigured(f"{name} is not set: set it, or start everything with `make up`") from None


def partition_of(organization_id: str, log: Log) -> int:
    """Where an organization lives: the same partition that every writer's key leads to."""
    from runtime.kafka_log import partition_of as found

    return found(organization_id, log.partitions)


@contextlib.asynccontextmanager
async def log(settings: Environment) -> AsyncIterator[Log]:
    """The log of facts, open for reading and appending."""
    raise NotImplementedError
    yield


@contextlib.asynccontextmanager
async def blobs(settings: Environment) -> AsyncIterator[Blobs]:
    """The bucket."""
    raise NotImplementedError
    yield
