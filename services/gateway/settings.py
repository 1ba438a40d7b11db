"""Settings of the gateway, besides those of every service (all `RINGBACK_…`)."""

from pathlib import Path

from pydantic import Field, SecretStr

from runtime.settings import RuntimeSettings, WebAddress


class Settings(RuntimeSettings):
    """The PBXs that the gateway serves, and its spool."""

    pbxs: dict[str, SecretStr] = Field(default_factory=dict)
    """`organization/pbx` → address of its adapter, as JSON: `{"vostok/cloud": "tcp://127.0.0.1:5038"}`."""
    spool: Path = Path(".run/spool")
    """A folder on a persistent volume for recordings until S3 has them. One process per folder."""
    spool_url: WebAddress = ""
    """The address of this process for other services, such as `https://gateway-0:8081`; empty: its own
    internal host and port."""

    @property
    def spool_address(self) -> str:
        """The spool's address, to which a recording's token is appended."""
        scheme = "https" if self.internal_certificate else "http"
        base = self.spool_url or f"{scheme}://{self.internal_host}:{self.internal_port}"
        return f"{base.rstrip('/')}/spool?recording="
