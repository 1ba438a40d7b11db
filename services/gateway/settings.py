"""What the gateway is told by its environment, beside what every service is (all `RINGBACK_…`)."""

from pathlib import Path

from pydantic import Field

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Which PBXs it serves, and where its spool is."""

    pbxs: dict[str, str] = Field(default_factory=dict)
    """PBX id → address of its adapter, as JSON: `{"cloud": "tcp://127.0.0.1:5038"}`."""
    spool: Path = Path(".run/spool")
    """A folder on a persistent volume: recordings lie there until S3 has them. One process per folder."""
    spool_url: str = ""
    """Where other services reach this process's spool, such as `http://gateway-0:8080`; empty: by host and
    port of its own HTTP."""

    @property
    def spool_address(self) -> str:
        """The address to which a recording's token is appended."""
        base = self.spool_url or f"http://{self.http_host}:{self.http_port}"
        return f"{base.rstrip('/')}/spool?recording="
