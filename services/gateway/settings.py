"""Settings of the gateway, besides those of every service (all `RINGBACK_…`)."""

from pathlib import Path

from pydantic import Field

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """The PBXs that the gateway serves, and its spool."""

    pbxs: dict[str, str] = Field(default_factory=dict)
    """PBX id → address of its adapter, as JSON: `{"cloud": "tcp://127.0.0.1:5038"}`."""
    spool: Path = Path(".run/spool")
    """A folder on a persistent volume for recordings until S3 has them. One process per folder."""
    spool_url: str = ""
    """The address of this process for other services, such as `http://gateway-0:8080`; empty: its own HTTP
    host and port."""

    @property
    def spool_address(self) -> str:
        """The spool's address, to which a recording's token is appended."""
        base = self.spool_url or f"http://{self.http_host}:{self.http_port}"
        return f"{base.rstrip('/')}/spool?recording="
