"""Every client of Kafka is made here, so that each of them has the same TLS, login and rule about plaintext.

aiokafka says «Unable to bootstrap» whatever the broker said. `Clients.refusal` asks again, and puts into
words which setting the broker does not accept.
"""

import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # noqa: TID251  # here they are made
from aiokafka.admin import AIOKafkaAdminClient  # noqa: TID251  # here they are made
from aiokafka.conn import collect_hosts, create_conn  # noqa: TID251  # here they are made
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from faststream.kafka import KafkaBroker  # noqa: TID251  # here they are made
from faststream.security import BaseSecurity, SASLScram512

from contracts.topics import Topic
from runtime import kafka_rights, plaintext
from runtime.client_tls import ClientTls
from runtime.kafka_rights import AskTopics, SeenTopic
from runtime.lack import Lack
from runtime.settings import KafkaSettings

MECHANISM: Final = "SCRAM-SHA-512"
ASK_MS_MAX: Final = 4_000
"""A broker that refuses does so at once; a start has 15 s to say why it failed (runtime/checks.py)."""
HEARTBEAT_MS_MAX: Final = 1_000
"""A member learns of a rebalance at its next heartbeat, and nobody gets partitions before all have."""
TLS_REMEDY: Final = "set RINGBACK_KAFKA_TLS=1, or RINGBACK_KAFKA_CA where an authority of your own signs"

Consumer: TypeAlias = AIOKafkaConsumer
Producer: TypeAlias = AIOKafkaProducer
Admin: TypeAlias = AIOKafkaAdminClient


class Unusable(ValueError):
    """The settings for Kafka contradict each other; the message names them."""


class Clients:
    """Makes clients of one cluster. Without `tls` the wire is in the clear, which only loopback may have.

    `tls` has one context for all clients: what is loaded into it later holds for each new connection.
    Raises PlaintextRefused.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        tls: ClientTls | None = None,
        username: str = "",
        password: str = "",
        plaintext_to: frozenset[str] = frozenset(),
    ) -> None:
        self.bootstrap = bootstrap
        self.tls = tls
        self._context = None if tls is None else tls.context
        self._username = username
        self._password = password
        self._hosts = [(host, port) for host, port, _ in collect_hosts(bootstrap)]
        if tls is None:
            hosts = [host for host, _ in self._hosts]
            plaintext.refuse("kafka", hosts, allowed_to=plaintext_to, remedy=TLS_REMEDY)

    def producer(self, **options: Any) -> Producer:
        """A producer that is not started yet."""
        return AIOKafkaProducer(bootstrap_servers=self.bootstrap, **self._security(), **options)

    def consumer(self, **options: Any) -> Consumer:
        """A consumer that is not started yet."""
        return AIOKafkaConsumer(bootstrap_servers=self.bootstrap, **self._security(), **options)

    def admin(self, **options: Any) -> Admin:
        """A client for topics that is not started yet."""
        return AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, **self._security(), **options)

    def broker(self, **options: Any) -> KafkaBroker:
        """FastStream's broker."""
        security: BaseSecurity
        if self._username:
            security = SASLScram512(self._username, self._password, self._context, self.tls is not None)
        else:
            security = BaseSecurity(self._context, self.tls is not None)
        return KafkaBroker(self.bootstrap.split(","), security=security, logger=None, **options)

    def _security(self) -> dict[str, Any]:
        wire = "PLAINTEXT" if self.tls is None else "SSL"
        if not self._username:
            return {"security_protocol": wire, "ssl_context": self._context}
        return {
            "security_protocol": f"SASL_{wire}",
            "ssl_context": self._context,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self._username,
            "sasl_plain_password": self._password,
        }

    async def refusal(self) -> Lack | None:
        """Why no broker lets us in; None if one does, or if none is there to refuse anything.

        It may pass where a broker that starts or stops does the same.
        """
        found: Lack | None = None
        for host, port in self._hosts:
            try:
                await self._asked(host, port, MetadataRequest([]))
            except (KafkaError, OSError, TimeoutError) as error:
                if found is None or found.may_pass:
                    found = self._words(f"{host}:{port}", error) or found
            else:
                return None
        return found

    async def _asked(self, host: str, port: int, question: Any) -> Any:
        """Connect, log in and ask: without a login, the question is where a broker refuses."""
        connection = await create_conn(
            host, port, client_id="ringback-ask", request_timeout_ms=ASK_MS_MAX, **self._security()
        )
        try:
            return await connection.send(question)
        finally:
            connection.close()

    async def topics(self, names: Sequence[str]) -> list[SeenTopic]:
        """Topics as the first broker that answers shows them. Raises KafkaError and OSError."""
        errors: list[Exception] = []
        for host, port in self._hosts:
            try:
                return kafka_rights.seen(await self._asked(host, port, AskTopics(names)))
            except (KafkaError, OSError, TimeoutError) as error:
                errors.append(error)
        raise errors[-1]

    async def refusal_of(self, producer: Producer) -> Lack | None:
        """Why a running producer is refused; None while it has a connection or gets one, or all is silent."""
        for each in producer.client.cluster.brokers():
            if await producer.client.ready(each.nodeId):
                return None
        return await self.refusal()

    def _words(self, where: str, error: BaseException) -> Lack | None:
        """What the broker said and which setting it is about; None for an error that is no refusal."""
        if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
            return Lack(
                f"{where} refuses the login of {self._username!r}: {_said(error)}; check "
                "RINGBACK_KAFKA_USERNAME and RINGBACK_KAFKA_PASSWORD"
            )
        if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
            return Lack(
                f"{where} takes no login with {MECHANISM} on this port: {_said(error)}; check the port in "
                "RINGBACK_KAFKA, or unset RINGBACK_KAFKA_USERNAME"
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return Lack(
                f"the certificate of {where} is not to be trusted: {error.verify_message}; RINGBACK_KAFKA_CA "
                "must hold the authority that signed it, and RINGBACK_KAFKA a name that stands in it"
            )
        cause = error if isinstance(error, ssl.SSLError) else error.__cause__
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return Lack(
                f"{where} refuses our certificate: {cause.reason}; check RINGBACK_KAFKA_CERTIFICATE and "
                "RINGBACK_KAFKA_KEY"
            )
        if isinstance(error, ConnectionRefusedError | TimeoutError):
            return None
        words = (
            self._words_in_the_clear(where, error) if self.tls is None else self._words_of_tls(where, error)
        )
        # Anything but an end is the answer of a server that speaks another protocol.
        is_end = not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError)
        return None if words is None else Lack(words, may_pass=is_end)

    def _words_in_the_clear(self, where: str, error: BaseException) -> str | None:
        if isinstance(error, KafkaError):
            return f"{where} ends a connection in the clear at once: if it wants TLS, {TLS_REMEDY}"
        return None

    def _words_of_tls(self, where: str, error: BaseException) -> str | None:
        # A broker that wants a certificate may say so in an alert, or end the connection without a word.
        ours = "RINGBACK_KAFKA_CERTIFICATE and _KEY if it asks for a certificate"
        lacks_certificate = not (self.tls and f"{self.tls.part}_CERTIFICATE" in self.tls.files)
        if isinstance(error, KafkaError) and not self._username:
            words = f"{where} ends a connection without a login: set RINGBACK_KAFKA_USERNAME and _PASSWORD"
            return f"{words}, or {ours}" if lacks_certificate else words
        if isinstance(error, KafkaError) and lacks_certificate:
            return f"{where} ends a connection at once: check that it runs, and set {ours}"
        if isinstance(error, ssl.SSLError | ConnectionError):
            words = (
                f"{where} does not answer with TLS: {error}; RINGBACK_KAFKA must name the port that has TLS"
            )
            return f"{words}; set {ours}" if lacks_certificate else words
        return None


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def leaves_when_it_stops(consumer: Consumer) -> None:
    """Let a member with a lasting name leave its group when it is stopped.

    aiokafka never does: the others would wait for the name until its session ends. It has no way to ask for
    it but this one, which `tests/adapters/test_shares.py` holds to what the broker does.
    """
    consumer._coordinator._group_instance_id = None  # noqa: SLF001  # see above


def group_of(prefix: str, service: str, topic: Topic | None = None) -> str:
    """The consumer group that shares the log among a service's deciders, or a topic among its edges."""
    return f"{prefix}{service}" if topic is None else f"{prefix}{service}.{topic.name}"


def heartbeat_ms(session_ms: int) -> int:
    """How often a member shows that it lives; five may be lost before its session ends."""
    return min(session_ms // 6, HEARTBEAT_MS_MAX)


def of(kafka: Clients | str) -> Clients:
    """The clients of a cluster; an address alone is a broker in the clear on this machine."""
    return Clients(kafka) if isinstance(kafka, str) else kafka


def from_settings(settings: KafkaSettings) -> Clients:
    """The clients that the settings name. Raises Unusable, CertificatesUnusable and PlaintextRefused."""
    username, password = settings.kafka_username, settings.kafka_password.get_secret_value()
    if bool(username) != bool(password):
        given, lacks = ("USERNAME", "PASSWORD") if username else ("PASSWORD", "USERNAME")
        raise Unusable(f"RINGBACK_KAFKA_{given} is set and RINGBACK_KAFKA_{lacks} is not: set both or none")
    return Clients(
        settings.kafka,
        tls=_tls(settings),
        username=username,
        password=password,
        plaintext_to=plaintext.allowed(settings.allow_plaintext_to),
    )


def from_environment(environment: Mapping[str, str]) -> Clients:
    """The same for a program that has its settings as a mapping of `RINGBACK_…`."""
    named = {name.removeprefix("RINGBACK_").lower(): value for name, value in environment.items()}
    fields = {name: named[name] for name in KafkaSettings.model_fields if name in named}
    return from_settings(KafkaSettings.model_validate(fields))


def _tls(settings: KafkaSettings) -> ClientTls | None:
    """How the wire is encrypted; None for plaintext."""
    if settings.kafka_tls is False and settings.kafka_ca:
        raise Unusable("RINGBACK_KAFKA_TLS is off and RINGBACK_KAFKA_CA is set: unset one of them")
    if settings.kafka_tls or settings.kafka_ca:
        return ClientTls(
            "RINGBACK_KAFKA",
            ca=settings.kafka_ca,
            certificate=settings.kafka_certificate,
            key=settings.kafka_key,
        )
    if settings.kafka_certificate or settings.kafka_key:
        raise Unusable(f"RINGBACK_KAFKA_CERTIFICATE and _KEY are for TLS, which is off: {TLS_REMEDY}")
    return None
