"""The table of contents: what the directory hears and says, and what it is made of."""

from collections.abc import Coroutine
from typing import Any, Final

from contracts import callback, directory, gateway, history, scenario, telephony, tts
from contracts.message import Message
from contracts.topics import FACTS
from runtime import plaintext
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from runtime.lack import Lack
from runtime.mail.mailer import Mailer, SmtpMailer, server_of
from runtime.ports import Blobs, Clock
from runtime.quotas import Quotas
from runtime.token_keys import KeyHolder
from services.directory.activities import database
from services.directory.activities.agents import Agents
from services.directory.activities.audit_reading import AuditReading
from services.directory.activities.audit_trail import AuditTrail
from services.directory.activities.authentication import Authentication
from services.directory.activities.background import Background
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.database import Database, engine
from services.directory.activities.department_seats import Departments
from services.directory.activities.employees import Employees
from services.directory.activities.erasing import Erasing
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.fact_handler import FactHandler
from services.directory.activities.idempotency import Idempotency
from services.directory.activities.login_list import LoginList
from services.directory.activities.maintenance import Maintenance
from services.directory.activities.notice_renderings import NoticeRenderings
from services.directory.activities.office_import import OfficeImport
from services.directory.activities.openid import OpenId
from services.directory.activities.outbox_sender import Sender
from services.directory.activities.own_second_factor import OwnSecondFactor
from services.directory.activities.password_recovery import PasswordRecovery
from services.directory.activities.passwords import Passwords
from services.directory.activities.phone_links import PhoneLinks
from services.directory.activities.policed_texts import PolicedTexts
from services.directory.activities.reauthentication import Reauthentication
from services.directory.activities.repository import Repository
from services.directory.activities.responsibles import Responsibles
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.second_factor import SecondFactors
from services.directory.activities.sessions import Sessions
from services.directory.activities.text_messages import SendText, text_sender
from services.directory.activities.tokens import Tokens
from services.directory.activities.uploads import Uploads
from services.directory.activities.usages import Usages
from services.directory.activities.welcome_letters import WelcomeLetters
from services.directory.activities.welcome_text import WelcomeWriter
from services.directory.api.app import build as build_api
from services.directory.api.limits import SCHEMA_PATHS, guarded
from services.directory.api.shared import Operations
from services.directory.settings import Settings

SERVICE: Final = "directory"
LINGER_MS: Final = 100
"""What an employee sees of these facts comes with the next page."""
HEARS: Final[tuple[type[Message], ...]] = (
    callback.CallbackOrdered,
    gateway.ExtensionChecked,
    gateway.CommandRefused,
    history.Accessed,
    history.AccessRefused,
    history.CustomerErased,
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
    directory.NumberErased,
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
        quotas: Quotas | None = None,
    ) -> None:
        clock = ports.clock
        secret_box = SecretBox(settings.directory_key.get_secret_value(), settings.older_keys())
        self.database = Database(
            engine(
                settings.directory_database.get_secret_value(), plaintext.allowed(settings.allow_plaintext_to)
            )
        )
        self.sender = Sender(self.database, ports.send, clock)
        self.passwords = passwords or Passwords(secret_box, settings.hashes_at_once_max)
        self.trail = AuditTrail(self.database, clock)
        self.repository = Repository(
            self.database, clock, Idempotency(secret_box), self.sender.wake, self.trail
        )
        self.welcome_letters = _welcome_letters(self.database, clock, secret_box, mailer, settings)
        texts = None if send_text is None else PolicedTexts(self.database, clock, send_text)
        self.password_recovery = PasswordRecovery(self.database, clock, self.passwords, texts, self.trail)
        self.phone_links = PhoneLinks(self.database, clock, self.passwords, self.trail)
        self.second_factors = SecondFactors(secret_box)
        self.employees = Employees(self.repository, self.passwords, self.welcome_letters)
        self.callbacks = Callbacks(self.repository)
        self.notice_renderings = NoticeRenderings(self.database)
        self.extension_checks = ExtensionChecks(self.repository, clock)
        self.fact_handler = FactHandler(
            self.extension_checks,
            self.callbacks,
            self.notice_renderings,
            self.trail,
            Erasing(self.repository),
        )
        self.maintenance = Maintenance(self.repository, clock, self.trail)
        self.usages = Usages(self.database, clock)
        self.background = Background(self.database, self.sender, self.welcome_letters, self.maintenance)
        self.token_keys = KeyHolder(settings.signing_keys())
        self.sessions = Sessions(self.database, clock, self.passwords, self.token_keys, self.trail)
        self.openid = OpenId(self.repository, clock, secret_box, self.sessions, self.trail)
        operations = self._operations(ports.blobs, clock)
        self.api = build_api(operations, self._is_up, quotas or Quotas(settings.quota_factor))
        keys = settings.console_keys_checked()
        self.guarded_api = guarded(self.api, operations.authentication, keys, clock)

    def _is_up(self) -> bool:
        return self.background.is_up

    def _operations(self, blobs: Blobs, clock: Clock) -> Operations:
        return Operations(
            repository=self.repository,
            authentication=Authentication(self.database, clock, self.token_keys, self.trail),
            sessions=self.sessions,
            login_list=LoginList(self.repository, clock),
            openid=self.openid,
            own_second_factor=OwnSecondFactor(
                self.database, clock, self.second_factors, self.sessions, self.trail
            ),
            reauthentication=Reauthentication(
                self.database, clock, self.passwords, self.second_factors, self.trail
            ),
            password_recovery=self.password_recovery,
            agents=Agents(self.repository),
            audit_reading=AuditReading(self.database),
            callbacks=self.callbacks,
            departments=Departments(self.repository, self.extension_checks),
            employees=self.employees,
            extension_checks=self.extension_checks,
            notice_renderings=self.notice_renderings,
            office_import=OfficeImport(self.repository, self.employees, self.extension_checks),
            phone_links=self.phone_links,
            responsibles=Responsibles(self.repository),
            tokens=Tokens(self.repository, self.token_keys),
            uploads=Uploads(blobs),
            usages=self.usages,
        )


def _welcome_letters(
    database: Database, clock: Clock, secret_box: SecretBox, mailer: Mailer, settings: Settings
) -> WelcomeLetters:
    writer = WelcomeWriter(
        sender_name=settings.mail_from_name,
        sender=settings.mail_from,
        softphone_url=settings.softphone_url,
        directory_url=settings.directory_url,
    )
    return WelcomeLetters(database, clock, secret_box, mailer, writer, sender=settings.mail_from)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together. Raises ValueError with what the settings lack."""
    allowed_to = plaintext.allowed(settings.allow_plaintext_to)
    send_text = text_sender(
        settings.texts_url.get_secret_value(), settings.texts_key.get_secret_value(), allowed_to
    )
    mailer = SmtpMailer(server_of(settings))
    made = Directory(ports, settings, mailer, send_text=send_text)
    return EdgeWork(
        subscriptions=(
            Subscription(topic=FACTS, hears=HEARS, handle=made.fact_handler.hear, linger_ms=LINGER_MS),
        ),
        background=(made.background.run,),
        on_stop=(made.password_recovery.settle, made.background.stop),
        is_ready=lambda: made.background.is_up and not made.sender.is_late(),
        routes=tuple((path, made.api) for path in SCHEMA_PATHS),
        api=made.guarded_api,
        rereads={"RINGBACK_TOKEN_KEYS": made.token_keys.read_again},
    )


def _database(settings: Settings) -> Coroutine[Any, Any, Lack | None]:
    allowed_to = plaintext.allowed(settings.allow_plaintext_to)
    return database.lack(settings.directory_database.get_secret_value(), allowed_to)


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3", "smtp"), own_parts={database.DATABASE: _database})
