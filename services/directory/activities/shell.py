"""What is done from a shell, beside the running service: a new organization, and saying all again."""

import argparse

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from runtime.system_clock import SystemClock
from services.directory.activities import bootstrap
from services.directory.activities.answers import Answers
from services.directory.activities.book import Book
from services.directory.activities.database import Database, engine
from services.directory.activities.employees import Employees
from services.directory.activities.passwords import Passwords
from services.directory.activities.vault import Vault
from services.directory.rules.errors import Refused, shown
from services.directory.settings import Settings
from services.directory.state.limits import Email, Id, Name, Number, Region


class NotDone(Exception):
    """What was asked for was not done; the message says why, and what to do."""


async def run(options: argparse.Namespace, settings: Settings) -> int:
    """Carry out a verb. Raises NotDone, and ValueError for a setting that is missing."""
    vault = Vault(settings.directory_key.get_secret_value())
    database = Database(engine(settings.directory_database))
    found = Book(database, SystemClock(), Answers(vault), lambda: None)
    try:
        await database.upgrade()
        if options.verb == "republish":
            count = await bootstrap.republish(found, options.organization)
            _tell(f"{count} facts lie in the outbox; the running service sends them")
        else:
            kept = Passwords(vault, settings.hashes_at_once_max)
            # Nobody is written to: the password is printed here.
            begun = await bootstrap.create(found, Employees(found, kept, None), kept, _beginning(options))
            _tell(f"organization: {options.organization}")
            _tell(f"login: {begun.login}")
            _tell(f"one-time password: {begun.password}")
    except Refused as refused:
        first = shown(refused.problems[0])
        raise NotDone(f"{first.field}: {first.cause.en} {first.remedy.en}") from refused
    except (SQLAlchemyError, OSError) as error:
        raise NotDone(f"the database does not do it: {error}; see RINGBACK_DIRECTORY_DATABASE") from error
    finally:
        await database.close()
    return 0


def _beginning(options: argparse.Namespace) -> bootstrap.Beginning:
    said = {
        "organization_id": (options.organization, Id),
        "name": (options.name, Name),
        "pbx_name": (options.pbx, Name),
        "number": (options.number, Number),
        "administrator": (options.administrator, Name),
        "region": (options.region, Region),
        "email": (options.email, Email | None),
    }
    values = {}
    for name, (value, type_) in said.items():
        try:
            values[name] = msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            raise NotDone(f"--{name.partition('_')[0]} «{value}»: {error}") from error
    return bootstrap.Beginning(language=options.language, timezone=options.timezone, **values)


def _tell(text: str) -> None:
    print(text)  # noqa: T201  # a program for people
