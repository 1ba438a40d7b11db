"""When certificates end is told before they do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from prometheus_client import REGISTRY
from pydantic import SecretStr

from runtime import certificate_ends
from runtime.settings import RuntimeSettings

ENDS = "ringback_certificate_end_timestamp_seconds"
SOON = datetime(2031, 5, 1, tzinfo=UTC)
LATER = datetime(2032, 5, 1, tzinfo=UTC)


class Settings(RuntimeSettings):
    """Those of a service with a database."""

    directory_database: SecretStr = SecretStr("")


def certificate(ends_at: datetime) -> bytes:
    """A certificate that ends on that day."""
    return trustme.CA().issue_cert("localhost", not_after=ends_at).cert_chain_pems[0].bytes()


def shown(setting: str) -> float | None:
    """What an alert sees."""
    return REGISTRY.get_sample_value(ENDS, {"setting": setting})


def test_the_end_of_a_listeners_certificate_is_told_and_follows_the_file(tmp_path: Path) -> None:
    """Files are replaced while the service runs; the alert ends with the new one."""
    file = tmp_path / "tls.pem"
    file.write_bytes(certificate(SOON))
    settings = Settings(http_certificate=str(file))
    certificate_ends.show(settings)
    assert shown("RINGBACK_HTTP_CERTIFICATE") == SOON.timestamp()
    file.write_bytes(certificate(LATER))
    certificate_ends.show(settings)
    assert shown("RINGBACK_HTTP_CERTIFICATE") == LATER.timestamp()


def test_of_a_chain_the_first_end_counts_and_of_authorities_the_last(tmp_path: Path) -> None:
    """A chain breaks with its weakest part; an old authority stays beside the new one for a while."""
    both = tmp_path / "both.pem"
    both.write_bytes(certificate(LATER) + certificate(SOON))
    certificate_ends.show(Settings(kafka_certificate=str(both), kafka_ca=str(both)))
    assert shown("RINGBACK_KAFKA_CERTIFICATE") == SOON.timestamp()
    assert shown("RINGBACK_KAFKA_CA") == LATER.timestamp()


def test_files_that_a_databases_address_names_are_looked_at(tmp_path: Path) -> None:
    """PostgreSQL's client certificate has no setting of its own."""
    file = tmp_path / "client.pem"
    file.write_bytes(certificate(SOON))
    url = f"postgresql://ringback@db/name?sslmode=verify-full&sslrootcert=system&sslcert={file}"
    certificate_ends.show(Settings(directory_database=SecretStr(url)))
    assert shown("RINGBACK_DIRECTORY_DATABASE sslcert") == SOON.timestamp()
    assert shown("RINGBACK_DIRECTORY_DATABASE sslrootcert") is None


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_file_that_can_not_be_read_keeps_the_last_figure(tmp_path: Path, content: bytes | None) -> None:
    """The former content is in use then; the log tells about the file."""
    file = tmp_path / "tls.pem"
    file.write_bytes(certificate(SOON))
    settings = Settings(redis_certificate=str(file))
    certificate_ends.show(settings)
    file.unlink() if content is None else file.write_bytes(content)
    certificate_ends.show(settings)
    assert shown("RINGBACK_REDIS_CERTIFICATE") == SOON.timestamp()
