"""The directory's database, opened for one verb, and how options are checked and results told."""

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from msgspec import Struct

from ringback.apply.values import ungrouped
from runtime import plaintext, request_shape
from runtime.system_clock import SystemClock
from services.directory.activities.database import Database, engine
from services.directory.activities.idempotency import Idempotency
from services.directory.activities.organizations import NotDone
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.settings import Settings
from services.directory.state.limits import Id, Number


class Installation(Struct, frozen=True, kw_only=True):
    """One installation's directory, as far as a verb needs it."""

    settings: Settings
    repository: Repository
    passwords: Passwords
    secret_box: SecretBox

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Connect, and migrate the tables if they are of an earlier version. Raises what settings lack."""
        secret_box = SecretBox(settings.directory_key.get_secret_value(), settings.older_keys())
        database = Database(
            engine(
                settings.directory_database.get_secret_value(), plaintext.allowed(settings.allow_plaintext_to)
            )
        )
        # A running service looks into the outbox every quarter of a second: nobody needs to be woken.
        repository = Repository(database, SystemClock(), Idempotency(secret_box), lambda: None)
        passwords = Passwords(secret_box, settings.hashes_at_once_max)
        try:
            await database.upgrade()
            yield cls(settings=settings, repository=repository, passwords=passwords, secret_box=secret_box)
        finally:
            await database.close()


Verb = Callable[[Installation, argparse.Namespace], Awaitable[None]]


def fit(option: str, value: str | None, type_: Any) -> Any:
    """An option's value within its limits. Raises NotDone with cause and remedy."""
    for fault in request_shape.faults(value, type_, PATTERN_TEXTS, option):
        raise NotDone(f"{fault.cause.en} {fault.remedy.en}")
    return value


def assets(options: argparse.Namespace) -> dict[str, list[str]]:
    """The PBXs and numbers that options name. Raises NotDone."""
    return {
        "pbxs": [fit("--pbx", each, Id) for each in options.pbx],
        "numbers": [fit("--number", ungrouped(each), Number) for each in options.number],
    }


def tell(text: str) -> None:
    """Print a line of a verb's result."""
    print(text)
