"""The command line: new organizations, and publishing every fact again."""

import argparse
import asyncio
import sys
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from contracts.dialling import HOME_REGION
from contracts.directory import Language
from runtime import request_shape
from runtime.system_clock import SystemClock
from services.directory.activities import bootstrap, outbox
from services.directory.activities.database import Database, engine
from services.directory.activities.employees import Employees
from services.directory.activities.idempotency import Idempotency
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.rules.errors import Code, RequestRefused, shown
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.settings import Settings
from services.directory.state.limits import Email, Id, Name, Number, Region

EXIT_MISSING: Final = 3


class NotDone(Exception):
    """A verb failed; the message says why, and what to do."""


def main(argv: list[str]) -> int:
    """The verbs beside running: `create` or `admit` an organization, `republish` all that was said."""
    parser = argparse.ArgumentParser(prog="python -m services.directory", description=main.__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create", help="a new organization; prints the administrator's password once")
    create.add_argument("organization", help="its id: small letters, digits, dashes")
    create.add_argument("--name", required=True)
    create.add_argument("--administrator", required=True, help="the first administrator's name")
    create.add_argument("--email", help="that administrator's address, for letters that nobody else gets")
    create.add_argument("--pbx", required=True, help="the name of its cloud PBX")
    create.add_argument("--number", required=True, help="a number of that PBX, E.164")
    create.add_argument("--language", choices=list(Language), default=Language.RUSSIAN, type=Language)
    create.add_argument("--timezone", default="Europe/Moscow")
    create.add_argument("--region", default=HOME_REGION, help="where numbers are dialled as at home")
    admit = verbs.add_parser("admit", help="a token for saving a whole office by its file; printed once")
    admit.add_argument("organization", help="its id: small letters, digits, dashes")
    admit.add_argument("--name", help="its name, if it is new: it begins with the first office saved")
    republish = verbs.add_parser("republish", help="lay every newest fact into the outbox again")
    republish.add_argument("organization", nargs="?", help="only this one's")
    options = parser.parse_args(argv)
    if options.verb == "create" and not options.email:
        if not sys.stdin.isatty():
            create.error("give --email: letters about voice messages go there when nobody nearer gets them")
        options.email = input(f"E-mail address of {options.administrator}, for letters: ")
    try:
        return asyncio.run(_run(options, Settings()))
    except (ValueError, NotDone) as error:
        print(f"{outbox.SOURCE}: {error}", file=sys.stderr)  # noqa: T201  # a program for people
        return EXIT_MISSING


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    """Carry out a verb. Raises NotDone, and ValueError for a setting that is missing."""
    secret_box = SecretBox(settings.directory_key.get_secret_value())
    database = Database(engine(settings.directory_database))
    repository = Repository(database, SystemClock(), Idempotency(secret_box), lambda: None)
    try:
        await database.upgrade()
        if options.verb == "republish":
            count = await bootstrap.republish(repository, options.organization)
            _tell(f"{count} messages lie in the outbox; the running service sends them")
        elif options.verb == "admit":
            id_ = _fit("organization", options.organization, Id)
            name = _fit("name", options.name, Name | None)
            token = await bootstrap.admit(repository, id_, name, settings.token_key_checked())
            _tell(f"token: {token}")
        else:
            passwords = Passwords(secret_box, settings.hashes_at_once_max)
            # No letter goes out: the password is printed here.
            begun = await bootstrap.create(
                repository, Employees(repository, passwords, None), passwords, _new_organization(options)
            )
            _tell(f"organization: {options.organization}")
            _tell(f"login: {begun.login}")
            _tell(f"one-time password: {begun.password}")
    except RequestRefused as refused:
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


def _new_organization(options: argparse.Namespace) -> bootstrap.NewOrganization:
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
    return bootstrap.NewOrganization(language=options.language, timezone=options.timezone, **values)


def _fit(name: str, value: str | None, type_: Any) -> Any:
    """An option's value within its limits. Raises NotDone."""
    for fault in request_shape.faults(value, type_, PATTERN_TEXTS, f"--{name.partition('_')[0]}"):
        raise NotDone(f"{fault.cause.en} {fault.remedy.en}")
    return value


def _tell(text: str) -> None:
    print(text)  # noqa: T201  # a program for people
