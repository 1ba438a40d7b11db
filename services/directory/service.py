"""The table of contents: what the directory hears and says, and what it is made of."""

import argparse
import asyncio
import sys
from typing import Final

from contracts import callback, directory, gateway, history, scenario, telephony, tts
from contracts.dialling import HOME_REGION
from contracts.directory import Language
from contracts.message import Message
from contracts.topics import FACTS
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from runtime.mail.mailer import Mailer, SmtpMailer, server_at
from runtime.ports import Blobs, Clock
from services.directory.activities import shell
from services.directory.activities.answers import Answers
from services.directory.activities.askers import Askers
from services.directory.activities.book import Book
from services.directory.activities.checking import Checking
from services.directory.activities.database import Database, engine
from services.directory.activities.desk import Desk
from services.directory.activities.employees import Employees
from services.directory.activities.letters import Letters
from services.directory.activities.offices import Offices
from services.directory.activities.outbox import Sender
from services.directory.activities.passwords import Passwords
from services.directory.activities.recovery import Recovery
from services.directory.activities.renderings import Renderings
from services.directory.activities.rolling import Rolling
from services.directory.activities.running import Running
from services.directory.activities.sessions import Sessions
from services.directory.activities.texts import SendText, sender
from services.directory.activities.uploads import Uploads
from services.directory.activities.vault import Vault
from services.directory.activities.welcome import Writer
from services.directory.api.app import build as build_api
from services.directory.api.asking import Parts
from services.directory.settings import Settings

SERVICE: Final = "directory"
EXIT_MISSING: Final = 3
HEARS: Final[tuple[type[Message], ...]] = (
    callback.CallbackOrdered,
    gateway.ExtensionChecked,
    gateway.CommandRefused,
    tts.NoticeRendered,
    tts.NoticeFailed,
)
SAYS: Final[tuple[type[Message], ...]] = (
    directory.OrganizationSaved,
    directory.PbxSaved,
    directory.AgentSaved,
    directory.AgentAvailabilitySaved,
    directory.AgentPauseSaved,
    directory.AgentWrapUpSaved,
    directory.DepartmentSaved,
    directory.NoticeSaved,
    directory.DirectRulesSaved,
    directory.RightsSaved,
    directory.ResponsibleSaved,
    directory.CallbackAsked,
    directory.CallbackCancelAsked,
    directory.CallbackKeepAsked,
    directory.CallbackNotReachedAsked,
    directory.TokenSaved,
    scenario.ScenarioSaved,
    history.AccessRefused,
    telephony.CheckExtension,
    tts.RenderNotice,
)


class Directory:
    """The service's parts, put together from its ports; nothing is connected before `running.run`."""

    def __init__(
        self,
        ports: EdgePorts,
        settings: Settings,
        mailer: Mailer,
        passwords: Passwords | None = None,
        send_text: SendText | None = None,
    ) -> None:
        clock = ports.clock
        self.vault = Vault(settings.directory_key.get_secret_value())
        self.database = Database(engine(settings.directory_database))
        self.sender = Sender(self.database, ports.send, clock)
        self.passwords = passwords or Passwords(self.vault, settings.hashes_at_once_max)
        self.book = Book(self.database, clock, Answers(self.vault), self.sender.wake)
        self.letters = _letters(self.database, clock, self.vault, mailer, settings)
        self.recovery = Recovery(self.database, clock, self.passwords, send_text)
        self.employees = Employees(self.book, self.passwords, self.letters)
        self.renderings = Renderings(self.database)
        self.checking = Checking(self.book, clock, self.renderings)
        self.rolling = Rolling(self.book, clock)
        self.running = Running(self.database, self.sender, self.letters, self.rolling)
        self.api = build_api(self._parts(ports.blobs, clock, settings.token_key_checked()), self._is_up)

    def _is_up(self) -> bool:
        return self.running.is_up

    def _parts(self, blobs: Blobs, clock: Clock, token_key: str) -> Parts:
        return Parts(
            book=self.book,
            askers=Askers(self.database, clock, token_key),
            sessions=Sessions(self.database, clock, self.passwords, token_key),
            recovery=self.recovery,
            employees=self.employees,
            offices=Offices(self.book, self.employees, self.checking),
            desk=Desk(self.book, self.checking, token_key),
            uploads=Uploads(blobs),
            renderings=self.renderings,
        )


def _letters(database: Database, clock: Clock, vault: Vault, mailer: Mailer, settings: Settings) -> Letters:
    writer = Writer(
        sender_name=settings.mail_from_name,
        sender=settings.mail_from,
        softphone_url=settings.softphone_url,
    )
    return Letters(database, clock, vault, mailer, writer, sender=settings.mail_from)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together. Raises ValueError with what the settings lack."""
    send_text = sender(settings.texts_url, settings.texts_key.get_secret_value())
    mailer = SmtpMailer(server_at(settings.smtp, ca=settings.smtp_ca))
    made = Directory(ports, settings, mailer, send_text=send_text)
    return EdgeWork(
        subscriptions=(Subscription(topic=FACTS, hears=HEARS, handle=made.checking.hear),),
        background=(made.running.run,),
        on_stop=(made.recovery.settle, made.running.stop),
        is_ready=lambda: made.running.is_up,
        api=made.api,
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3", "smtp"))


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
        return asyncio.run(shell.run(options, Settings()))
    except (ValueError, shell.NotDone) as error:
        print(f"{SERVICE}: {error}", file=sys.stderr)  # noqa: T201  # a program for people
        return EXIT_MISSING
