"""On a machine with other users, a run keeps its files, secrets and ports to itself."""

import contextlib
import ipaddress
import stat
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ringback.stack.stack import Stack
from ringback.up import name_addresses
from runtime import private_files
from services.directory.activities import database as directory_database
from services.directory.settings import Settings as DirectorySettings
from services.gateway.activities.spool import Spool
from services.history.activities import database as history_database
from services.history.settings import Settings as HistorySettings

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Parts and the services that keep files, started by a process that lets everybody read its own."""
    run = tmp_path_factory.mktemp("shared") / "deep" / "run"
    with Stack(run, dies_with_parent=True) as made:
        made.start_parts()
        made.create_topics()
        made.start_services(("directory", "history", "gateway"), not_awaited=("gateway",))
        made.write_env(run / "env")
        name_addresses(run / "env", {"directory": made.service("directory").address})
        yield made


def too_open(folder: Path) -> list[str]:
    """Files and folders that others than their owner may do anything with."""
    # SeaweedFS sets the mode of its `.vif` itself: sizes of its volumes, in a folder that nobody may enter.
    every = [folder, *(path for path in folder.rglob("*") if path.suffix != ".vif")]
    return [
        f"{stat.filemode(path.stat().st_mode)} {path.relative_to(folder)}"
        for path in every
        if path.stat().st_mode & 0o077
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_file_of_a_run_is_its_owners_alone(stack: Stack) -> None:
    """Recordings, databases with their journals, logs, keys, letters."""
    names = {path.name for path in stack.run.rglob("*")}
    database = f"book-{stack.run_id}.db"
    assert {"env", "identities.json", "redis.conf", "secret", "directory.log", database} <= names
    assert f"{database}-wal" in names
    assert too_open(stack.run) == []
    parents = [stack.run.parent]
    assert [path for path in parents if path.stat().st_mode & 0o077] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_secret_of_a_run_is_on_a_command_line_or_in_a_log(stack: Stack) -> None:
    """`ps` shows every user of the machine what a process was started with."""
    secrets = secrets_of(stack)
    assert len(secrets) == 5
    for entry in stack.entries:
        command = Path(f"/proc/{entry.process.pid}/cmdline").read_text(encoding="utf-8")
        log = entry.process.log.read_text(encoding="utf-8", errors="replace")
        for name, secret in secrets.items():
            assert secret not in command, f"{entry.name} was started with {name}"
            assert secret not in log, f"the log of {entry.name} has {name}"
            assert secret not in entry.address, f"the table of addresses has {name}"
            assert secret not in repr(stack.parts), name


def secrets_of(stack: Stack) -> dict[str, str]:
    settings = stack.settings("directory")
    found = {
        name: settings[f"RINGBACK_{name}"]
        for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "TOKEN_KEYS", "DIRECTORY_KEY")
    }
    return found | {"REDIS": settings["RINGBACK_REDIS"].partition(":@")[0].split("@")[0].rpartition(":")[2]}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_port_of_a_run_is_on_loopback(stack: Stack) -> None:
    """The embedded parts have no place on a network; the embedded broker knows no logins at all."""
    pids = {entry.name: entry.process.pid for entry in stack.entries}
    open_ = {name: listening(pid) for name, pid in pids.items()}
    assert all(open_[name] for name in ("broker", "redis", "s3", "smtp", "directory", "history"))
    elsewhere = {name: [each for each in ports if each[0] not in LOOPBACK] for name, ports in open_.items()}
    assert not any(elsewhere.values()), elsewhere


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_embedded_parts_give_nothing_without_their_secrets(stack: Stack) -> None:
    """Each run makes its own: nobody knows them who can't read its files."""
    bare = redis.Redis(host="127.0.0.1", port=stack.parts.redis.port)
    with pytest.raises(redis.AuthenticationError):
        bare.get("anything")
    bare.close()
    stack.parts.s3.client().put_object(Bucket=stack.parts.s3.bucket, Key="north/secret.wav", Body=b"sound")
    answers = {}
    for host, port in listening(pids_of(stack)["s3"]):
        for path in ("/ringback/north/secret.wav", "/buckets/ringback/north/secret.wav"):
            answers[f"{host}:{port}{path}"] = status_of(f"http://127.0.0.1:{port}{path}")
    assert 200 not in answers.values(), answers
    assert len(answers) >= 6


def pids_of(stack: Stack) -> dict[str, int]:
    return {entry.name: entry.process.pid for entry in stack.entries}


def status_of(url: str) -> int:
    """The status of an answer; 0 where no HTTP is spoken."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own, on loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return 0


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses on which a process takes connections, by the kernel's tables."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(
            FileNotFoundError
        ):  # it was closed since it was listed: a busy process does that
            sockets.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                host, _, port = fields[1].partition(":")
                found.append((address(host), int(port, 16)))
    return found


def address(text: str) -> str:
    """An address as the kernel writes it: words of 32 bits in the machine's order."""
    packed = b"".join(bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8))
    return str(ipaddress.ip_address(packed))


def test_files_of_an_earlier_version_are_tightened(tmp_path: Path) -> None:
    """A folder that was made before is not left as it was."""
    spool, database = tmp_path / "spool", tmp_path / "book.db"
    spool.mkdir(mode=0o755)
    (spool / "secret").write_bytes(b"s" * 32)
    for name in ("book.db", "book.db-wal"):
        (tmp_path / name).touch(mode=0o644)
    Spool(spool)
    private_files.tighten_database(str(database))
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in (database, spool / "secret")} == {0o600}
    assert stat.S_IMODE((tmp_path / "book.db-wal").stat().st_mode) == 0o600


@pytest.mark.parametrize("made", [directory_database.engine, history_database.connected])
async def test_an_error_of_the_database_quotes_no_value(
    made: Callable[[str], AsyncEngine], tmp_path: Path
) -> None:
    """It is logged whole: a number, a hash or a sealed secret would stand in the log for ever."""
    engine = made(f"sqlite:///{tmp_path / 'book.db'}")
    number = "+" + "7916" * 3
    with pytest.raises(SQLAlchemyError) as failed:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT :number FROM nowhere"), {"number": number})
    await engine.dispose()
    assert "nowhere" in str(failed.value)
    assert number not in "".join(traceback.format_exception(failed.value))


def test_no_settings_object_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings object that gets into a log or a traceback, and a value that is refused."""
    told = {
        "REDIS": "redis://:s3cret@cache:6379/0",
        "SMTP": "smtps://bot:s3cret@mail",
        "S3_SECRET_KEY": "s3cret",
        "S3_ACCESS_KEY": "s3cret",
        "DIRECTORY_DATABASE": "postgresql://book:s3cret@db/book",
        "HISTORY_DATABASE": "postgresql://history:s3cret@db/history",
        "DIRECTORY_KEY": "s3cret",
        "TOKEN_KEYS": "s3cret",
        "TEXTS_URL": "https://texts.example/?key=s3cret",
        "TEXTS_KEY": "s3cret",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"RINGBACK_{name}", value)
    for kind in (DirectorySettings, HistorySettings):
        assert "s3cret" not in f"{kind()} {kind()!r}"
    monkeypatch.setenv("RINGBACK_HTTP_PORT", "s3cret")
    with pytest.raises(ValueError, match="http_port") as refused:
        DirectorySettings()
    assert "s3cret" not in str(refused.value)
