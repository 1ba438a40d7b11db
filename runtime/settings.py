"""The settings that every service reads from its environment. A service subclasses them in its folder.

Only process limits and addresses are here; business limits travel as facts.
"""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """Addresses of the parts, and how this process behaves. Every name has the prefix `RINGBACK_`."""

    model_config = SettingsConfigDict(env_prefix="RINGBACK_", extra="ignore", frozen=True)

    kafka: str = ""
    """Bootstrap servers of the log, `host:port[,host:port]`."""
    topic_prefix: str = "ringback."
    redis: str = ""
    """URL of the store; only services with a decider need it."""
    store_prefix: str = "ringback"
    """Prefix of every key of the store and of snapshots: installations may share a Redis and a bucket."""
    s3_endpoint: str = ""
    """URL of the S3 server; empty: the provider's own, by region."""
    s3_bucket: str = "ringback"
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_encryption: bool = True
    """Ask for encryption at rest (SSE-S3); off for a server that refuses the request."""
    smtp: str = ""
    """URL of the mail server: `smtp://host:port`, `smtps://user:password@host:port`."""
    smtp_ca: str = ""
    """File with the certificates that `smtps` and `smtp+starttls` verify with; empty: the system's."""
    mail_from: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    log_format: Literal["json", "console"] = "json"
    partitions: Literal["group", "all"] = "group"
    """`group`: replicas share the partitions. `all`: this process takes all of them (embedded broker)."""
    allow_broker_without_time: bool = False
    """Accept a broker on loopback that sets no time, for a demo: deadlines follow the writers' clocks."""
    replica: str = ""
    """This replica's lasting name (a StatefulSet's pod name), for static membership in the group."""
    session_ms: int = Field(default=20_000, ge=1_000)
    """After how long a killed or frozen replica loses its partitions; a rolling restart of one takes less."""
    version: str = "1"
    """Version of the deployed code: organizations parked by another version are tried again."""
    snapshot_s: float = Field(default=3600.0, gt=0)
    otlp_endpoint: str = ""
    """URL of the OTLP receiver of traces; empty: no traces are sent."""
