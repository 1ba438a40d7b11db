"""What every service is told by its environment. A service's own settings are a subclass in its folder.

Only process limits and addresses live here; what the business sets travels as facts.
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
    """Before every key of the store and of snapshots: installations may share a Redis and a bucket."""
    s3_endpoint: str = ""
    """Empty: the provider's own, by region."""
    s3_bucket: str = "ringback"
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_encryption: bool = True
    """Ask for encryption at rest (SSE-S3); off for a server that refuses the request."""
    smtp: str = ""
    """URL of the mail server: `smtp://host:port`, `smtps://user:password@host:port`."""
    smtp_ca: str = ""
    """File with the certificates by which `smtps` and `smtp+starttls` verify; empty: the system's."""
    mail_from: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    log_format: Literal["json", "console"] = "json"
    partitions: Literal["group", "all"] = "group"
    """`group`: replicas share the partitions. `all`: this process takes them all (embedded broker)."""
    allow_broker_without_time: bool = False
    """Only with brokers on loopback, for a demo: deadlines then follow the writers' clocks."""
    replica: str = ""
    """This replica's lasting name (a StatefulSet's pod name), for static membership in the group."""
    session_ms: int = Field(default=20_000, ge=1_000)
    """A replica that is killed or frozen loses its partitions after that; a roll of one takes less."""
    version: str = "1"
    """Of the deployed code: organizations parked by another version are tried again."""
    snapshot_s: float = Field(default=3600.0, gt=0)
    otlp_endpoint: str = ""
    """Where traces go; empty: nowhere."""
