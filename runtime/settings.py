"""The settings that every service reads from its environment. A service subclasses them in its folder.

Only process limits and addresses are here; business limits travel as facts.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from runtime import plaintext, secret_files, urls


def _usable(url: str) -> str:
    if url:
        urls.parsed(url)
    return url


def _parts(named: str) -> str:
    plaintext.allowed(named)
    return named


def _addresses(named: str) -> str:
    for each in filter(None, (part.strip() for part in named.split(","))):
        # «*» would believe the first address of a header, which any client writes; a name is never believed.
        ip_network(each)
    return named


WebAddress = Annotated[str, AfterValidator(_usable)]
"""An address that is http or https by what it parses to, without user and password; or empty."""


class KafkaSettings(BaseSettings):
    """How the log is reached; operators' programs read these alone. Every name has the prefix `RINGBACK_`.

    Every setting may come as a file, whose name is in `RINGBACK_…_FILE` (`runtime/secret_files.py`).
    """

    model_config = SettingsConfigDict(
        env_prefix="RINGBACK_", extra="ignore", frozen=True, hide_input_in_errors=True
    )
    # What may hold a password is a SecretStr, a URL too: a settings object in a log must not tell it.

    kafka: str = ""
    """Bootstrap servers of the log, `host:port[,host:port]`."""
    kafka_tls: bool | None = None
    """Encrypt the wire to the log; not set: if there is a CA."""
    kafka_ca: str = ""
    """PEM file with the authorities that sign the brokers' certificates; empty: the system's."""
    kafka_certificate: str = ""
    """PEM file with this client's certificate, for brokers that ask for one."""
    kafka_key: str = ""
    """PEM file with that certificate's key; it may be the same file."""
    kafka_username: str = ""
    """User of the login with SCRAM-SHA-512; empty: no login."""
    kafka_password: SecretStr = SecretStr("")
    allow_plaintext_to: Annotated[str, AfterValidator(_parts)] = ""
    """Parts on other machines to which wires may stay unencrypted, with commas between; empty: none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment with the files it names. Raises SecretFileUnusable."""
        assert isinstance(env_settings, EnvSettingsSource)
        texts = {
            name.lower(): secret_files.read(name, path) for name, path in _files_of(settings_cls).items()
        }
        # The source keeps its names in lower case, and reads a file's JSON as it does the environment's.
        env_settings.env_vars = {**env_settings.env_vars, **texts}
        return (init_settings, env_settings, dotenv_settings, file_secret_settings)

    @classmethod
    def files(cls) -> dict[str, Path]:
        """The files of those settings that come from files, by setting. Raises SecretFileUnusable."""
        return _files_of(cls)


class RuntimeSettings(KafkaSettings):
    """Addresses of the parts, and how this process behaves."""

    topic_prefix: str = "ringback."
    redis: SecretStr = SecretStr("")
    """URL of the store, whose shapes `runtime/redis_client.py` has; only services with a decider need it."""
    redis_ca: str = ""
    """File with the authorities that `rediss` verifies with; empty: the system's."""
    redis_certificate: str = ""
    """File with our certificate for servers that ask for one."""
    redis_key: str = ""
    """File with the key of `redis_certificate`."""
    redis_sentinel_login: SecretStr = SecretStr("")
    """`user:password` or `:password` of the Sentinels, whose logins are their own; empty: they ask none."""
    store_prefix: str = "ringback"
    """Prefix of every key of the store and of snapshots: installations may share a Redis and a bucket."""
    s3_endpoint: WebAddress = ""
    """URL of the S3 server; empty: the provider's own, by region."""
    s3_ca: str = ""
    """File with the certificates that an `https` endpoint is verified with; empty: the system's."""
    s3_bucket: str = "ringback"
    # Without both, the SDK finds credentials by itself: environment, shared file, web identity, container.
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_encryption: bool = True
    """Ask for encryption at rest (SSE-S3); off for a server that refuses the request."""
    smtp: SecretStr = SecretStr("")
    """URL of the mail server: `smtp+starttls://user:password@host:port`, `smtps://…`, `smtp://…`."""
    smtp_ca: str = ""
    """File with the certificates that `smtps` and `smtp+starttls` verify with; empty: the system's."""
    mail_from: str = ""
    http_host: str = "127.0.0.1"
    """Where the API listens, of a service that has one: the only address that others than operators need."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    http_certificate: str = ""
    """PEM file with the API's certificate and those between it and its authority; empty: no TLS."""
    http_key: str = ""
    """PEM file with its key. Both are read again when they change."""
    http_connections_max: int = Field(default=500, ge=1)
    """Connections of a listener at once; more are answered with 503."""
    http_proxies: Annotated[str, AfterValidator(_addresses)] = ""
    """Addresses or networks, with commas between, of the proxies whose `X-Forwarded-For` says who asks.

    Empty: this machine's. Tries of passwords are counted by that address: the last one of the header that is
    no proxy of yours, because clients write whatever they like before it.
    """
    internal_host: str = "127.0.0.1"
    """Where health, metrics, the API's description and the gateway's spool listen: never for the public."""
    internal_port: int = Field(default=8081, ge=0, le=65535)
    internal_certificate: str = ""
    """PEM file with the internal listener's certificate, as `http_certificate`; empty: no TLS."""
    internal_key: str = ""
    log_format: Literal["json", "console"] = "json"
    partitions: Literal["group", "all"] = "group"
    """`group`: replicas share the partitions. `all`: this process takes all of them (embedded broker)."""
    allow_broker_without_time: bool = False
    """Accept a broker on loopback that sets no time, for a demo: deadlines follow the writers' clocks."""
    replica: str = ""
    """This replica's lasting name (a StatefulSet's pod name), for static membership in the group."""
    session_ms: int = Field(default=20_000, ge=1_000)
    """After how long a killed or frozen replica loses its partitions; a rolling restart of one takes less."""
    linger_ms: int | None = Field(default=None, ge=0, le=1_000)
    """While records keep coming, how long a service that decides lets them gather (ms): more saves processor
    time, less is quicker. Not set: the service's own, from 100 to 250; queue's is 15 while somebody waits."""
    version: str = "1"
    """Version of the deployed code: organizations parked by another version are tried again."""
    snapshot_s: float = Field(default=3600.0, gt=0)
    wait_for_parts_s: float = Field(default=300.0, ge=0)
    """How long a start waits for a part that is away (log, store, bucket, mail server, database); 0: it ends
    at once. What only other settings or rights can mend always ends it at once."""
    otlp_endpoint: WebAddress = ""
    """URL of the OTLP receiver of traces; empty: no traces are sent."""


UNREADABLE: Final = (ValidationError, SettingsError, secret_files.SecretFileUnusable)
"""What reading settings raises."""


def why_unreadable(error: BaseException) -> list[str]:
    """Which settings can't be read and why, a line each, without what they have in them."""
    match error:
        case ValidationError():
            return [f"RINGBACK_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()]
        case SettingsError():
            # pydantic-settings names the field between the first two quotation marks, and nowhere else.
            setting = str(error).partition('"')[2].partition('"')[0].upper()
            return [f"RINGBACK_{setting}: the value is not valid JSON"]
        case _:
            return [str(error)]


def _files_of(settings: type[BaseSettings]) -> dict[str, Path]:
    names = [f"RINGBACK_{name.upper()}" for name in settings.model_fields]
    return secret_files.paths(os.environ, names)
