"""The doctor tells when the certificates of others end: of a real Redis and a real mail server with TLS."""

import io
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr
from rich.console import Console

from ringback.doctor import certificates, mail, screen, store
from ringback.doctor.findings import Finding, Mark, Section, is_green
from ringback.doctor.scope import Settings, scope
from ringback.stack import parts
from ringback.stack.process import free_port

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("doctor")]
EVERYTHING = scope([])
MONTHS = timedelta(days=100, hours=1)
DAYS = timedelta(days=10, hours=1)
PAST = timedelta(days=-1)
LOGIN = "ringback:s3cret"

StartRedis = Callable[[timedelta], parts.Redis]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


def issued(authority: trustme.CA, folder: Path, ends_in: timedelta) -> tuple[Path, Path]:
    """Files of a certificate that ends then, and of its key."""
    now = datetime.now(UTC)
    made = authority.issue_cert(
        "127.0.0.1", "localhost", not_before=now - timedelta(days=30), not_after=now + ends_in
    )
    certificate, key = folder / "own.pem", folder / "own.key"
    made.cert_chain_pems[0].write_to_path(certificate)
    made.private_key_pem.write_to_path(key)
    return certificate, key


@pytest.fixture
def start_redis(authority: trustme.CA, ca: Path, tmp_path: Path) -> Iterator[StartRedis]:
    """Starts Redis with a certificate that ends in that time."""
    started: list[parts.Redis] = []

    def start(ends_in: timedelta) -> parts.Redis:
        certificate, key = issued(authority, tmp_path, ends_in)
        tls = parts.RedisTls(ca=ca, certificate=certificate, key=key)
        started.append(parts.start_redis(tmp_path, dies_with_parent=True, tls=tls))
        return started[-1]

    yield start
    for each in started:
        each.process.stop()


async def in_redis(redis: parts.Redis, ca: Path) -> Section:
    settings = Settings(redis=SecretStr(redis.address), redis_ca=str(ca))
    return await store.examine(settings, EVERYTHING, [])


def of_certificates(section: Section) -> list[Finding]:
    return [each for each in section.findings if each.what == certificates.WHAT]


def day(ends_in: timedelta) -> str:
    return f"{datetime.now(UTC) + ends_in:%Y-%m-%d}"


async def test_a_certificate_that_goes_on_for_months_is_green_with_its_last_day(
    start_redis: StartRedis, ca: Path
) -> None:
    redis = start_redis(MONTHS)
    [found] = of_certificates(await in_redis(redis, ca))
    assert found.mark is Mark.GREEN
    assert found.words == f"that of 127.0.0.1:{redis.port}, ends on {day(MONTHS)}, in 100 days"


async def test_a_certificate_that_ends_within_two_weeks_is_a_warning_and_nothing_red(
    start_redis: StartRedis, ca: Path
) -> None:
    """`helm test` and the exit code speak of today; the line says what is to be done in time."""
    redis = start_redis(DAYS)
    section = await in_redis(redis, ca)
    [found] = of_certificates(section)
    assert found.mark is Mark.WARNING
    assert found.words == (
        f"that of 127.0.0.1:{redis.port} ends on {day(DAYS)}, in 10 days: replace it there"
    )
    assert is_green(section.findings)
    shown = io.StringIO()
    screen.show(Console(width=120, file=shown), section.findings)
    assert "! certificate" in shown.getvalue()
    assert "nothing red, 1 to do in time" in shown.getvalue()


async def test_a_certificate_that_has_ended_is_red(start_redis: StartRedis, ca: Path) -> None:
    """Of one node among several, say: the others answer, and services go on for as long as these do."""
    redis = start_redis(PAST)
    section = Section("Redis")
    tls = ssl.create_default_context(cafile=ca)
    await certificates.examine(section, [("127.0.0.1", redis.port)], tls)
    [found] = section.findings
    assert found.mark is Mark.RED
    assert "certificate has expired: replace it there" in found.words


async def test_a_server_that_is_away_is_told_as_not_tried(start_redis: StartRedis, ca: Path) -> None:
    """That it is away is another line's to say; the certificates of the others are told."""
    redis, nobody = start_redis(MONTHS), free_port()
    section = Section("Redis")
    tls = ssl.create_default_context(cafile=ca)
    await certificates.examine(section, [("127.0.0.1", nobody), ("127.0.0.1", redis.port)], tls)
    assert {each.mark for each in section.findings} == {Mark.NOT_TRIED, Mark.GREEN}
    [away] = [each for each in section.findings if each.mark is Mark.NOT_TRIED]
    assert f"127.0.0.1:{nobody}" in away.words


async def test_of_several_servers_the_first_end_is_told(authority: trustme.CA) -> None:
    def der(ends_in: timedelta) -> bytes:
        made = authority.issue_cert("localhost", not_after=datetime.now(UTC) + ends_in)
        return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())

    section = Section("Kafka")
    certificates.tell(section, {"a:9093": der(2 * MONTHS), "b:9093": der(MONTHS)})
    [found] = section.findings
    assert found.mark is Mark.GREEN
    assert found.words == f"of 2 the first, that of b:9093, ends on {day(MONTHS)}, in 100 days"


async def test_the_certificate_behind_starttls_is_looked_at(
    authority: trustme.CA, ca: Path, tmp_path: Path
) -> None:
    certificate, key = issued(authority, tmp_path, DAYS)
    login = tmp_path / "login"
    login.write_text(f"{LOGIN}\n", encoding="utf-8")
    login.chmod(0o600)
    smtp = parts.start_smtp(tmp_path, dies_with_parent=True, closed=(certificate, key, login))
    url = f"smtp+starttls://{LOGIN}@localhost:{smtp.port}"
    section = await mail.examine(
        Settings(smtp=SecretStr(url), smtp_ca=str(ca), mail_from="ringback@localhost"), EVERYTHING
    )
    smtp.process.stop()
    print(section.findings)
    [found] = of_certificates(section)
    assert found.mark is Mark.WARNING
    assert found.words == f"that of localhost:{smtp.port} ends on {day(DAYS)}, in 10 days: replace it there"
    assert "STARTTLS" in {each.words for each in section.findings}
