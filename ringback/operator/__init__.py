"""What the operator of an installation decides: organizations, whose PBXs and numbers are which, the outbox.

It works on the directory's database, so it needs the directory's settings (RINGBACK_DIRECTORY_DATABASE,
RINGBACK_DIRECTORY_KEY, RINGBACK_TOKEN_KEYS), or what `make up` wrote. There is no API for any of this.
"""

import argparse
import asyncio
import getpass
import logging
import sys
from typing import Final

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from contracts.dialling import HOME_REGION
from contracts.directory import Language
from ringback import connect
from ringback.operator import adoption, ceilings, identity_provider, office, organizations, outbox, rotation
from ringback.operator.installation import Installation, Verb
from runtime import telemetry
from runtime.security_events import SecurityEvent
from runtime.system_clock import SystemClock
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.organizations import NotDone
from services.directory.rules.errors import RequestRefused, shown
from services.directory.settings import Settings

EXIT_USAGE: Final = 2
ONLY_LOOK: Final = frozenset({"list", "conflicts"})
EXIT_NOT_DONE: Final = 3
VERBS: Final[dict[str, Verb]] = {
    "list": organizations.show,
    "create": office.create,
    "admit": office.admit,
    "assign": organizations.assign,
    "withdraw": organizations.withdraw,
    "conflicts": organizations.conflicts,
    "ceilings": ceilings.grant,
    "identity-provider": identity_provider.identity_provider,
    "suspend": organizations.suspend,
    "resume": organizations.resume,
    "remove": organizations.remove,
    "reset-administrator": office.reset_administrator,
    "republish": office.republish,
    "outbox": outbox.outbox,
    "rotate": rotation.rotate,
    "adopt-log": adoption.adopt_log,
}


def main(argv: list[str]) -> int:
    """Carry out one verb; 0 when it was done, 3 with the reason when not."""
    options = _parser().parse_args(argv)
    if options.verb == "create" and not options.email:
        if not sys.stdin.isatty():
            _fail("give --email: letters about voice messages go there when nobody nearer gets them")
            return EXIT_USAGE
        options.email = input(f"E-mail address of {options.administrator}, for letters: ")
    connect.complete_environment("RINGBACK_DIRECTORY_DATABASE")
    try:
        asyncio.run(_run(VERBS[options.verb], options))
    except RequestRefused as refused:
        first = shown(refused.problems[0])
        _fail(f"{first.field}: {first.cause.en} {first.remedy.en}")
        return EXIT_NOT_DONE
    except (SQLAlchemyError, OSError) as error:
        _fail(f"the database does not do it: {error}; see RINGBACK_DIRECTORY_DATABASE")
        return EXIT_NOT_DONE
    except (NotDone, ValueError) as error:
        _fail(str(error))
        return EXIT_NOT_DONE
    return 0


async def _run(verb: Verb, options: argparse.Namespace) -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        raise NotDone(f"the settings can't be used: {error}") from error
    async with Installation.open(settings) as installation:
        await verb(installation, options)
        act = _act(options)
        if act:
            await _note(installation, options, act)


def _act(options: argparse.Namespace) -> str:
    """What was done, in the words of the command line; empty for verbs that only look."""
    if options.verb == "outbox":
        return "" if options.act in ("list", "show") else f"outbox {options.act} {options.number}"
    if options.verb == "identity-provider":
        return "" if options.act == "show" else f"identity-provider {options.act}"
    return "" if options.verb in ONLY_LOOK or getattr(options, "dry_run", False) else str(options.verb)


async def _note(installation: Installation, options: argparse.Namespace, act: str) -> None:
    """Write the act to the organization's trail and to the security stream."""
    if not logging.getLogger().handlers:
        telemetry.set_up_logs("operator", installation.settings.log_format)
    trail = AuditTrail(installation.repository.database, SystemClock())
    who = f"operator/{getpass.getuser()}"
    noted = Noted(event=SecurityEvent.OPERATOR_ACTED, actor=who, details={"act": act})
    await trail.note(getattr(options, "organization", None) or "", noted)


def _fail(text: str) -> None:
    print(f"operator: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ringback operator", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, help_: str, *, is_of_one: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help_, description=help_)
        if is_of_one:
            made.add_argument("organization", help="its id: small letters, digits, dashes")
        return made

    listed = verb("list", "organizations with their states, PBXs and numbers", is_of_one=False)
    listed.add_argument("organization", nargs="?", help="only this one")
    _add_create(verb("create", "a new organization; prints the administrator's password once"))
    admit = verb("admit", "a token for saving a whole office by its file; printed once")
    admit.add_argument("--name", help="its name, if it is new: it begins with the first office saved")
    _add_assets(admit)
    admit.add_argument("--dry-run", action="store_true", help="assign nothing, only refuse what others have")
    _add_assets(verb("assign", "PBXs and numbers belong to this organization from now on"))
    _add_assets(verb("withdraw", "PBXs and numbers belong to it no longer"))
    verb("conflicts", "PBXs and numbers on cards of organizations that do not have them", is_of_one=False)
    ceilings.add_options(verb("ceilings", "what it may spend and allow at most; without options: show"))
    identity_provider.add_options(
        verb("identity-provider", "by which provider (OpenID Connect) its people sign in")
    )
    verb("suspend", "nobody signs in, nothing is dialled, calls are rejected; everything is kept")
    verb("resume", "end a suspension")
    verb("remove", "remove a suspended organization for ever, with everything that is kept of it")
    reset = verb("reset-administrator", "a one-time password for an administrator; printed once")
    reset.add_argument("--login", help="whose, if there are several")
    reset.add_argument("--second-factor", action="store_true", help="also take the second factor")
    republish = verb("republish", "put every newest fact into the outbox again", is_of_one=False)
    republish.add_argument("organization", nargs="?", help="only this one's")
    verb("rotate", "seal every secret anew with RINGBACK_DIRECTORY_KEY", is_of_one=False)
    verb("adopt-log", "begin a new log after the old one was lost altogether", is_of_one=False)
    messages = verb("outbox", "messages that can't be sent and are set aside", is_of_one=False)
    messages.add_argument("act", choices=("list", "show", "send", "discard"), default="list", nargs="?")
    messages.add_argument("number", nargs="?", type=int, help="the message, as `list` shows it")
    return parser


def _add_create(create: argparse.ArgumentParser) -> None:
    create.add_argument("--name", required=True)
    create.add_argument("--administrator", required=True, help="the first administrator's name")
    create.add_argument("--email", help="that administrator's address, for letters that nobody else gets")
    create.add_argument("--pbx", required=True, help="the name of its cloud PBX")
    create.add_argument("--number", required=True, help="a number of that PBX, E.164")
    create.add_argument("--language", choices=list(Language), default=Language.RUSSIAN, type=Language)
    create.add_argument("--timezone", default="Europe/Moscow")
    create.add_argument("--region", default=HOME_REGION, help="where numbers are dialled as at home")


def _add_assets(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--pbx", action="append", default=[], help="a PBX's id; may be repeated")
    verb.add_argument("--number", action="append", default=[], help="a number, E.164; may be repeated")
