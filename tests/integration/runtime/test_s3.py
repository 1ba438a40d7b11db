"""The wire to S3 and its credentials, on a real S3 with TLS."""

import asyncio
import http.server
import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from ringback.stack import parts
from runtime import checks, s3_blobs
from runtime.plaintext import PlaintextRefused
from runtime.settings import RuntimeSettings

AMBIENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
)


@pytest.fixture(scope="module")
def secure_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.S3]:
    run = tmp_path_factory.mktemp("s3")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificates = parts.Certificates(certificate=run / "s3.pem", key=run / "s3.key", ca=run / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(certificates.certificate)
    issued.private_key_pem.write_to_path(certificates.key)
    authority.cert_pem.write_to_path(certificates.ca)
    found = parts.start_s3(run, dies_with_parent=True, certificates=certificates)
    yield found
    found.process.stop()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No credentials from anywhere: not of this machine's owner, and not of the cloud that it may be in."""
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def _settings(s3: parts.S3, **changed: object) -> RuntimeSettings:
    given = {
        "s3_endpoint": s3.address,
        "s3_bucket": s3.bucket,
        "s3_region": s3.region,
        "s3_ca": s3.ca,
        "s3_access_key": SecretStr(s3.access_key),
        "s3_secret_key": SecretStr(s3.secret_key),
    }
    return RuntimeSettings(**given | changed)  # type: ignore[arg-type]


def _keyless(s3: parts.S3) -> RuntimeSettings:
    return _settings(s3, s3_access_key=SecretStr(""), s3_secret_key=SecretStr(""))


async def _missing(settings: RuntimeSettings) -> str:
    return "\n".join(each.words for each in await checks.missing(settings, ("s3",), service="queue"))


async def test_objects_and_links_travel_encrypted(secure_s3: parts.S3) -> None:
    blobs = s3_blobs.from_settings(_settings(secure_s3))
    await blobs.put("sound", b"audio")
    assert await blobs.get("sound") == b"audio"
    link = await blobs.link("sound", seconds=60, content_type="audio/mpeg", name="sound.mp3")
    blobs.close()
    assert link.startswith("https://localhost")
    trusted = ssl.create_default_context(cafile=secure_s3.ca)

    def fetched() -> bytes:
        with urllib.request.urlopen(link, context=trusted) as answer:  # noqa: S310  # the S3 on loopback
            return bytes(answer.read())

    assert await asyncio.to_thread(fetched) == b"audio"


async def test_an_s3_of_another_authority_is_refused_with_what_to_set(
    secure_s3: parts.S3, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    assert await _missing(_settings(secure_s3)) == ""
    assert "set RINGBACK_S3_CA" in await _missing(_settings(secure_s3, s3_ca=str(stranger)))
    assert "set RINGBACK_S3_CA" in await _missing(_settings(secure_s3, s3_ca=""))


async def test_an_s3_of_another_name_is_refused(secure_s3: parts.S3) -> None:
    by_address = secure_s3.address.replace("localhost", "127.0.0.1")
    assert "the name in RINGBACK_S3_ENDPOINT" in await _missing(_settings(secure_s3, s3_endpoint=by_address))


async def test_credentials_of_the_environment_stand_in_for_keys(
    secure_s3: parts.S3, alone: pytest.MonkeyPatch
) -> None:
    alone.setenv("AWS_ACCESS_KEY_ID", secure_s3.access_key)
    alone.setenv("AWS_SECRET_ACCESS_KEY", secure_s3.secret_key)
    assert await _missing(_keyless(secure_s3)) == ""


async def test_credentials_of_a_shared_file_stand_in_for_keys(
    secure_s3: parts.S3, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        f"[default]\naws_access_key_id = {secure_s3.access_key}\n"
        f"aws_secret_access_key = {secure_s3.secret_key}\n"
    )
    alone.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert await _missing(_keyless(secure_s3)) == ""


@contextmanager
def _container(s3: parts.S3) -> Iterator[str]:
    """What gives a container its credentials: to whoever has its token, and for an hour."""
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"AccessKeyId": s3.access_key, "SecretAccessKey": s3.secret_key, "Token": "", "Expiration": until}

    class Agent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Authorization"] == "the pod's" else 403)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Not into the tests' output."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/credentials"
    server.shutdown()
    server.server_close()


async def test_credentials_of_a_container_stand_in_for_keys(
    secure_s3: parts.S3, alone: pytest.MonkeyPatch
) -> None:
    with _container(secure_s3) as url:
        alone.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        alone.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the pod's")
        assert await _missing(_keyless(secure_s3)) == ""
        alone.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "another")
        assert "AWS_SHARED_CREDENTIALS_FILE" in await _missing(_keyless(secure_s3))


async def test_without_any_credentials_it_is_said_what_to_set(
    secure_s3: parts.S3, alone: pytest.MonkeyPatch
) -> None:
    told = await _missing(_keyless(secure_s3))
    assert "set RINGBACK_S3_ACCESS_KEY and RINGBACK_S3_SECRET_KEY" in told
    assert "AWS_ACCESS_KEY_ID" in told


async def test_one_key_without_the_other_is_a_mistake_and_no_role(secure_s3: parts.S3) -> None:
    assert "set both" in await _missing(_settings(secure_s3, s3_access_key=SecretStr("")))


async def test_an_s3_of_another_machine_is_reached_encrypted_or_not_at_all() -> None:
    elsewhere = RuntimeSettings(s3_endpoint="http://s3.example.org")
    with pytest.raises(PlaintextRefused) as refused:
        s3_blobs.from_settings(elsewhere)
    assert "RINGBACK_S3_CA" in str(refused.value)
    assert str(refused.value) == await _missing(elsewhere)
    s3_blobs.from_settings(
        RuntimeSettings(s3_endpoint="http://s3.example.org", allow_plaintext_to="s3")
    ).close()


async def test_an_address_in_the_environment_leads_no_object_elsewhere(alone: pytest.MonkeyPatch) -> None:
    """Nobody would have judged it: links show where objects would go."""
    alone.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere.example.org")
    alone.setenv("AWS_ENDPOINT_URL", "http://elsewhere.example.org")
    keyed = RuntimeSettings(s3_access_key=SecretStr("a"), s3_secret_key=SecretStr("b"))
    blobs = s3_blobs.from_settings(keyed)
    link = await blobs.link("key", seconds=60, content_type="audio/mpeg", name="x.mp3")
    blobs.close()
    assert "elsewhere" not in link
    assert link.startswith("https://")
