"""What is done from a shell, beside the running service: new organizations, and saying all again."""

import argparse
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from runtime import request_shape
from runtime.system_clock import SystemClock
from services.directory.activities import bootstrap
from services.directory.activities.answers import Answers
from services.directory.activities.book import Book
from services.directory.activities.database import Database, engine
from services.directory.activities.employees import Employees
from services.directory.activities.passwords import Passwords
from services.directory.activities.vault import Vault
from services.directory.rules.errors import Code, Refused, shown
from services.directory.rules.forms import FORMS
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
            _tell(f"{count} messages lie in the outbox; the running service sends them")
        elif options.verb == "admit":
            id_ = _fit("organization", options.organization, Id)
            name = _fit("name", options.name, Name | None)
            token = await bootstrap.admit(found, id_, name, settings.token_key_checked())
            _tell(f"token: {token}")
        else:
            kept = Passwords(vault, settings.hashes_at_once_max)
            # Nobody is written to: the password is printed here.
            begun = await bootstrap.create(found, Employees(found, kept, None), kept, _beginning(options))
            _tell(f"organization: {options.organization}")
            _tell(f"login: {begun.login}")
            _tell(f"one-time password: {begun.password}")
    except Refused as refused:
        problem = refused.problems[0]
        if options.verb == "admit" and problem.code is Code.NOT_FOUND:
            raise NotDone(
                f"there is no organization {options.organization}: begin it with --name"
            ) from refused
        first = shown(problem)
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
    values = {name: _fit(name, value, type_) for name, (value, type_) in said.items()}
    return bootstrap.Beginning(language=options.language, timezone=options.timezone, **values)


def _fit(name: str, value: str | None, type_: Any) -> Any:
    """An option's value within its limits. Raises NotDone."""
    for fault in request_shape.faults(value, type_, FORMS, f"--{name.partition('_')[0]}"):
        raise NotDone(f"{fault.cause.en} {fault.remedy.en}")
    return value


def _tell(text: str) -> None:
    print(text)  # noqa: T201  # a program for people
