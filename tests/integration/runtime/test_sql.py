"""The wire to PostgreSQL, on PostgreSQL itself: encrypted and verified, or refused with what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from sqlalchemy import text

from ringback.operator import main as operator
from ringback.stack import postgres
from ringback.stack.process import free_port
from runtime import sql
from runtime.lack import Lack
from runtime.plaintext import PlaintextRefused
from services.directory.activities.database import Database
from services.directory.activities.database import engine as directory_engine
from services.history.activities.database import connected as history_engine
from services.history.activities.database import migrate
from tests.parts import demand_postgres

SETTING = "RINGBACK_DIRECTORY_DATABASE"


@dataclass(frozen=True)
class Encrypted:
    """A PostgreSQL that takes no connection in the clear, with a certificate for `localhost`."""

    server: postgres.Postgres
    authority: Path
    stranger: Path
    """The certificate of an authority that has signed nothing."""

    def url(self, query: str = "", *, host: str = "localhost", database: str = "postgres") -> str:
        found = urlsplit(self.server.address)
        return f"postgresql://{postgres.USER}:{found.password}@{host}:{found.port}/{database}{query}"

    def verified(self, **parts: str) -> str:
        return self.url(f"?sslmode=verify-full&sslrootcert={self.authority}", **parts)


def _files(folder: Path, name: str, issued: trustme.LeafCert) -> postgres.Certificates:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return postgres.Certificates(certificate=certificate, key=key)


def _written(ca: trustme.CA, file: Path) -> Path:
    ca.cert_pem.write_to_path(file)
    return file


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def encrypted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    demand_postgres()
    run = tmp_path_factory.mktemp("postgres")
    files = _files(run, "server", authority.issue_cert("localhost"))
    server = postgres.start(run, dies_with_parent=True, certificates=files)
    server.database("book")
    server.database("history")
    server.database("verbs")
    yield Encrypted(
        server,
        authority=_written(authority, run / "ca.pem"),
        stranger=_written(trustme.CA(), run / "stranger.pem"),
    )
    server.stop()


@dataclass(frozen=True)
class Mutual:
    """A PostgreSQL that wants a certificate of its clients, and one that it takes."""

    url: str
    ours: postgres.Certificates


@pytest.fixture
def mutual(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    demand_postgres()
    run = tmp_path_factory.mktemp("mutual")
    own = _files(run, "server", authority.issue_cert("localhost"))
    ca = _written(authority, run / "ca.pem")
    wanting = postgres.Certificates(certificate=own.certificate, key=own.key, clients_ca=ca)
    server = postgres.start(run, dies_with_parent=True, certificates=wanting)
    ours = _files(run, "ours", authority.issue_cert("ringback"))
    yield Mutual(Encrypted(server, authority=ca, stranger=ca).verified(), ours)
    server.stop()


async def _asked(url: str, *, allowed_to: tuple[str, ...] = ()) -> str:
    """Connect as the directory does; the TLS version of the connection, as PostgreSQL tells it."""
    made = directory_engine(url, allowed_to)
    try:
        async with made.connect() as connection:
            found = await connection.execute(
                text("SELECT coalesce(version, 'none') FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            )
            return str(found.scalar_one())
    finally:
        await made.dispose()


async def test_both_services_migrate_and_write_over_an_encrypted_verified_wire(encrypted: Encrypted) -> None:
    assert await _asked(encrypted.verified(database="book")) in ("TLSv1.2", "TLSv1.3")
    book = Database(directory_engine(encrypted.verified(database="book")))
    await book.upgrade()
    await book.close()
    history = history_engine(encrypted.verified(database="history"))
    await migrate(history)
    await history.dispose()


async def test_a_server_whose_authority_is_not_the_named_one_is_refused(encrypted: Encrypted) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(encrypted.url(f"?sslmode=verify-full&sslrootcert={encrypted.stranger}"))
    assert f"set sslrootcert of {SETTING}" in str(refused.value)


@pytest.mark.parametrize("query", ["?sslmode=verify-full", "?sslmode=verify-full&sslrootcert=system"])
async def test_without_a_file_the_systems_authorities_decide(encrypted: Encrypted, query: str) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(encrypted.url(query))
    assert f"set sslrootcert of {SETTING}" in str(refused.value)


async def test_a_server_with_a_certificate_for_another_name_is_refused(encrypted: Encrypted) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(encrypted.verified(host="127.0.0.1"))
    assert "127.0.0.1" in str(refused.value)
    assert "name" in str(refused.value)


async def test_a_server_without_tls_gets_no_password_where_verification_is_asked_for(
    encrypted: Encrypted, postgres_database: str
) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(f"{postgres_database}?sslmode=verify-full&sslrootcert={encrypted.authority}")
    assert "it has no TLS" in str(refused.value)


async def test_a_server_that_wants_encryption_says_so_to_a_wire_in_the_clear(encrypted: Encrypted) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(encrypted.url("?sslmode=disable"))
    assert "add ?sslmode=verify-full&sslrootcert=FILE" in str(refused.value)


async def test_a_wrong_password_is_told_without_the_password(encrypted: Encrypted) -> None:
    found = urlsplit(encrypted.server.address)
    wrong = encrypted.verified().replace(f":{found.password}@", ":s3cret@")
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(wrong)
    assert SETTING in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def test_a_replaced_authority_is_read_by_the_next_connection(
    encrypted: Encrypted, tmp_path: Path
) -> None:
    """A certificate is replaced while services run: nobody restarts them for that."""
    file = tmp_path / "ca.pem"
    file.write_bytes(encrypted.stranger.read_bytes())
    made = directory_engine(encrypted.url(f"?sslmode=verify-full&sslrootcert={file}"))
    with pytest.raises(sql.NotConnected):
        await Database(made).upgrade()
    file.write_bytes(encrypted.authority.read_bytes())
    async with made.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await made.dispose()


async def test_a_server_that_wants_a_certificate_of_ours_gets_it(mutual: Mutual) -> None:
    with pytest.raises(sql.NotConnected) as refused:
        await _asked(mutual.url)
    assert f"add sslcert and sslkey to {SETTING}" in str(refused.value)
    ours = mutual.ours
    assert await _asked(f"{mutual.url}&sslcert={ours.certificate}&sslkey={ours.key}") != "none"


def test_the_operators_verbs_connect_encrypted_and_tell_what_to_do(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", "k" * 32)
    monkeypatch.setenv(SETTING, encrypted.verified(database="verbs"))
    assert operator(["list"]) == 0
    monkeypatch.setenv(SETTING, encrypted.verified(database="verbs", host="127.0.0.1"))
    assert operator(["list"]) == 3
    assert "write a name that its certificate has" in capsys.readouterr().err


async def test_whether_waiting_for_a_database_is_of_use_is_told_with_the_remedy(
    encrypted: Encrypted, postgres_database: str, tmp_path: Path
) -> None:
    """What starts, is away or is not set up yet is waited for at the start; what is refused is not."""

    async def lack(url: str) -> Lack | None:
        return await sql.lack(lambda: directory_engine(url), SETTING)

    nobody = f"127.0.0.1:{free_port()}"
    password = urlsplit(encrypted.server.address).password
    passing = {
        f"postgresql://book@{nobody}/book": "check that it runs",
        encrypted.verified(database="nothing"): "does not exist",
    }
    lasting = {
        encrypted.verified().replace(f":{password}@", ":s3cret@"): "password authentication failed",
        encrypted.verified(host="127.0.0.1"): "a name that its certificate has",
        encrypted.url("?sslmode=disable"): "it wants encryption",
        f"{postgres_database}?sslmode=verify-full&sslrootcert={encrypted.authority}": "it has no TLS",
        "mysql://book": "sqlite:///path",
        f"sqlite:///{tmp_path}/nowhere/book.db": "check that its folder exists",
    }
    for url, words in (passing | lasting).items():
        found = await lack(url)
        assert found is not None, words
        assert words in found.words
        assert SETTING in found.words
        assert found.may_pass == (url in passing), words
    assert await lack(postgres_database) is None
    assert await lack(f"sqlite:///{tmp_path}/book.db") is None


ELSEWHERE = "postgresql://book:s3cret@db.example.org/book"


@pytest.mark.parametrize("made", [directory_engine, history_engine])
@pytest.mark.parametrize(
    "url",
    [
        ELSEWHERE,
        f"{ELSEWHERE}?sslmode=disable",
        f"{ELSEWHERE}?sslmode=prefer",
        f"{ELSEWHERE}?sslmode=require",
        "postgresql://book:s3cret@/book?host=127.0.0.1:5432&host=db.example.org:5432",
        "postgresql://book:s3cret@127.0.0.1/book?host=db.example.org",
        "postgresql://book:s3cret@127.0.0.1.example.org/book",
    ],
)
def test_another_machines_database_is_reached_encrypted_and_verified_or_not_at_all(
    made: object, url: str
) -> None:
    assert callable(made)
    with pytest.raises(PlaintextRefused) as refused:
        made(url)
    assert "sslmode=verify-full" in str(refused.value)
    assert "RINGBACK_ALLOW_PLAINTEXT_TO" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    made(url, ["postgresql"])


def test_what_verifies_is_taken_for_another_machine() -> None:
    directory_engine(f"{ELSEWHERE}?sslmode=verify-full")


def test_a_socket_in_a_folder_is_on_this_machine() -> None:
    directory_engine("postgresql:///book?host=/var/run/postgresql")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://book", "sqlite:///path"),
        ("", "sqlite:///path"),
        ("postgresql:///book", "names no host"),
        (f"{ELSEWHERE}?sslmode=verify-ca", "set verify-full"),
        (f"{ELSEWHERE}?sslmode=verifyfull", "set verify-full"),
        (f"{ELSEWHERE}?ssl=require", "may have sslmode"),
        (f"{ELSEWHERE}?dsn=postgresql://elsewhere", "may have sslmode"),
        (f"{ELSEWHERE}?sslrootcert=/ca.pem", "only sslmode=verify-full reads"),
        (f"{ELSEWHERE}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
        (f"{ELSEWHERE}?sslmode=verify-full&sslcert=/nowhere/ours.pem", "/nowhere/ours.pem"),
    ],
)
def test_an_address_that_can_not_be_used_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(sql.AddressUnusable) as refused:
        directory_engine(url)
    assert told in str(refused.value)
    assert SETTING in str(refused.value)
    assert "s3cret" not in str(refused.value)
