"""The table of contents: what the directory hears and says, and what it is made of."""

from typing import Final

from contracts import callback, directory, gateway, history, scenario, telephony, tts
from contracts.message import Message
from contracts.topics import FACTS
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from runtime.mail.mailer import Mailer, SmtpMailer, server_at
from runtime.ports import Blobs, Clock
from services.directory.activities.agents import Agents
from services.directory.activities.authentication import Authentication
from services.directory.activities.background import Background
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.database import Database, engine
from services.directory.activities.department_seats import Departments
from services.directory.activities.employees import Employees
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.fact_handler import FactHandler
from services.directory.activities.idempotency import Idempotency
from services.directory.activities.maintenance import Maintenance
from services.directory.activities.notice_renderings import NoticeRenderings
from services.directory.activities.office_import import OfficeImport
from services.directory.activities.outbox import Sender
from services.directory.activities.password_recovery import PasswordRecovery
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.responsibles import Responsibles
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.sessions import Sessions
from services.directory.activities.text_messages import SendText, text_sender
from services.directory.activities.tokens import Tokens
from services.directory.activities.uploads import Uploads
from services.directory.activities.welcome_letters import WelcomeLetters
from services.directory.activities.welcome_text import WelcomeWriter
from services.directory.api.app import build as build_api
from services.directory.api.shared import Operations
from services.directory.settings import Settings

SERVICE: Final = "directory"
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
    """The service's parts, put together from its ports; nothing is connected before `background.run`."""

    def __init__(
        self,
        ports: EdgePorts,
        settings: Settings,
        mailer: Mailer,
        passwords: Passwords | None = None,
        send_text: SendText | None = None,
    ) -> None:
        clock = ports.clock
        secret_box = SecretBox(settings.directory_key.get_secret_value())
        self.database = Database(engine(settings.directory_database))
        self.sender = Sender(self.database, ports.send, clock)
        self.passwords = passwords or Passwords(secret_box, settings.hashes_at_once_max)
        self.repository = Repository(self.database, clock, Idempotency(secret_box), self.sender.wake)
        self.welcome_letters = _welcome_letters(self.database, clock, secret_box, mailer, settings)
        self.password_recovery = PasswordRecovery(self.database, clock, self.passwords, send_text)
        self.employees = Employees(self.repository, self.passwords, self.welcome_letters)
        self.callbacks = Callbacks(self.repository)
        self.notice_renderings = NoticeRenderings(self.database)
        self.extension_checks = ExtensionChecks(self.repository, clock)
        self.fact_handler = FactHandler(self.extension_checks, self.callbacks, self.notice_renderings)
        self.maintenance = Maintenance(self.repository, clock)
        self.background = Background(self.database, self.sender, self.welcome_letters, self.maintenance)
        self.api = build_api(self._operations(ports.blobs, clock, settings.token_key_checked()), self._is_up)

    def _is_up(self) -> bool:
        return self.background.is_up

    def _operations(self, blobs: Blobs, clock: Clock, token_key: str) -> Operations:
        return Operations(
            repository=self.repository,
            authentication=Authentication(self.database, clock, token_key),
            sessions=Sessions(self.database, clock, self.passwords, token_key),
            password_recovery=self.password_recovery,
            agents=Agents(self.repository),
            callbacks=self.callbacks,
            departments=Departments(self.repository, self.extension_checks),
            employees=self.employees,
            extension_checks=self.extension_checks,
            notice_renderings=self.notice_renderings,
            office_import=OfficeImport(self.repository, self.employees, self.extension_checks),
            responsibles=Responsibles(self.repository),
            tokens=Tokens(self.repository, token_key),
            uploads=Uploads(blobs),
        )


def _welcome_letters(
    database: Database, clock: Clock, secret_box: SecretBox, mailer: Mailer, settings: Settings
) -> WelcomeLetters:
    writer = WelcomeWriter(
        sender_name=settings.mail_from_name,
        sender=settings.mail_from,
        softphone_url=settings.softphone_url,
    )
    return WelcomeLetters(database, clock, secret_box, mailer, writer, sender=settings.mail_from)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together. Raises ValueError with what the settings lack."""
    send_text = text_sender(settings.texts_url, settings.texts_key.get_secret_value())
    mailer = SmtpMailer(server_at(settings.smtp, ca=settings.smtp_ca))
    made = Directory(ports, settings, mailer, send_text=send_text)
    return EdgeWork(
        subscriptions=(Subscription(topic=FACTS, hears=HEARS, handle=made.fact_handler.hear),),
        background=(made.background.run,),
        on_stop=(made.password_recovery.settle, made.background.stop),
        is_ready=lambda: made.background.is_up,
        api=made.api,
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3", "smtp"))
