"""What the settings for Kafka may say, and what is refused in words before anything connects."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from runtime import kafka_clients
from runtime.client_tls import CertificatesUnusable
from runtime.kafka_clients import Clients, Unusable
from runtime.plaintext import PlaintextRefused

LOOPBACK = {"RINGBACK_KAFKA": "127.0.0.1:9092"}
ELSEWHERE = {"RINGBACK_KAFKA": "127.0.0.1:9092,kafka.example.org:9092"}


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TLS", "CA", "CERTIFICATE", "KEY", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"RINGBACK_KAFKA_{name}", raising=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEM files: an authority, a certificate with its key, another's key, an encrypted key."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    ours, theirs = authority.issue_cert("client.example.org"), authority.issue_cert("other.example.org")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(folder / "client.pem")
    ours.private_key_pem.write_to_path(folder / "client.key")
    ours.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    theirs.private_key_pem.write_to_path(folder / "other.key")
    key = serialization.load_pem_private_key(ours.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    (folder / "encrypted.key").write_bytes(encrypted)
    (folder / "text.pem").write_text("no certificate", encoding="utf-8")
    return folder


def _clients(settings: Mapping[str, str], files: Path, **more: str) -> Clients:
    """The clients of these settings; a value that names a file of the folder becomes its path."""
    set_here = {f"RINGBACK_KAFKA_{name}": _path(value, files) for name, value in more.items()}
    return kafka_clients.from_environment({**settings, **set_here})


def _path(value: str, files: Path) -> str:
    return str(files / value) if value.endswith((".pem", ".key")) else value


def test_a_broker_on_another_machine_wants_tls(files: Path) -> None:
    """One address of the list suffices to refuse, and a login makes the wire no more private."""
    for more in ({}, {"USERNAME": "queue", "PASSWORD": "secret"}):
        with pytest.raises(PlaintextRefused) as refused:
            _clients(ELSEWHERE, files, **more)
        assert "kafka at kafka.example.org is on another machine" in str(refused.value)
        assert "RINGBACK_KAFKA_TLS" in str(refused.value)
        assert "RINGBACK_ALLOW_PLAINTEXT_TO" in str(refused.value)
    assert _clients({**ELSEWHERE, "RINGBACK_ALLOW_PLAINTEXT_TO": "redis, kafka"}, files).tls is None


def test_an_address_alone_is_for_this_machine(files: Path) -> None:
    """Programs that know no settings are under the same rule."""
    assert kafka_clients.of("localhost:9092").tls is None
    with pytest.raises(PlaintextRefused):
        kafka_clients.of("192.0.2.7:9092")


@pytest.mark.parametrize(
    "more",
    [
        {"TLS": "1"},
        {"CA": "ca.pem"},
        {"CA": "ca.pem", "CERTIFICATE": "client.pem", "KEY": "client.key"},
        {"CA": "ca.pem", "CERTIFICATE": "both.pem", "KEY": "both.pem"},
        {"CA": "ca.pem", "USERNAME": "queue", "PASSWORD": "secret"},
    ],
)
def test_tls_is_on_when_it_is_asked_for_or_an_authority_is_named(files: Path, more: dict[str, str]) -> None:
    """Certificates and host names are verified, and the version is a recent one."""
    tls = _clients(ELSEWHERE, files, **more).tls
    assert tls is not None
    assert tls.context.check_hostname
    assert tls.context.verify_mode.name == "CERT_REQUIRED"
    assert tls.context.minimum_version.name == "TLSv1_2"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"USERNAME": "queue"}, "RINGBACK_KAFKA_USERNAME is set and RINGBACK_KAFKA_PASSWORD is not"),
        ({"PASSWORD": "secret"}, "RINGBACK_KAFKA_PASSWORD is set and RINGBACK_KAFKA_USERNAME is not"),
        ({"CA": "ca.pem", "KEY": "client.key"}, "RINGBACK_KAFKA_KEY belong together"),
        ({"CERTIFICATE": "both.pem"}, "RINGBACK_KAFKA_CERTIFICATE and _KEY are for TLS, which is off"),
        ({"TLS": "0", "CA": "ca.pem"}, "RINGBACK_KAFKA_TLS is off and RINGBACK_KAFKA_CA is set"),
        ({"CA": "absent.pem"}, "RINGBACK_KAFKA_CA"),
        ({"CA": "text.pem"}, "not usable as PEM files"),
        ({"CA": "ca.pem", "CERTIFICATE": "absent.pem", "KEY": "client.key"}, "No such file or directory"),
        ({"CA": "ca.pem", "CERTIFICATE": "client.pem", "KEY": "ca.pem"}, "not usable as PEM files"),
        ({"CA": "ca.pem", "CERTIFICATE": "client.pem", "KEY": "other.key"}, "KEY_VALUES_MISMATCH"),
        ({"CA": "ca.pem", "CERTIFICATE": "client.pem", "KEY": "encrypted.key"}, "not usable as PEM files"),
    ],
)
def test_settings_that_contradict_each_other_are_named(files: Path, more: dict[str, str], said: str) -> None:
    """Whoever starts a service reads which setting is wrong, and never a secret."""
    with pytest.raises((Unusable, CertificatesUnusable)) as refused:
        _clients(LOOPBACK, files, **more)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_member_hears_of_a_rebalance_within_a_second_and_may_lose_five_heartbeats() -> None:
    """A sixth of a session of 20 s was more than three seconds in which nobody decided for a killed owner."""
    assert [kafka_clients.heartbeat_ms(session_ms) for session_ms in (20_000, 6_000, 3_000)] == [
        1000,
        1000,
        500,
    ]
