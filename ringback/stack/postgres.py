"""PostgreSQL for the tests: a separate cluster on loopback, from the system's package.

PostgreSQL refuses to run as root, so root starts it as the package's user `postgres`; its folder must then be
accessible to that user, which a test's own folder is not.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from ringback.stack.process import Process, StackError, free_port, is_listening
from runtime import private_files

START_S: Final = 60
USER: Final = "postgres"
PACKAGES: Final = Path("/usr/lib/postgresql")
ENCRYPTED_ONLY: Final = (
    "hostssl all all 127.0.0.1/32 scram-sha-256{wants}\nhostssl all all ::1/128 scram-sha-256{wants}\n"
)
"""The pg_hba.conf of a server with certificates: it takes no connection in the clear."""


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs, or None if it is not installed."""
    found = [path.parent for path in PACKAGES.glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def reason_missing() -> str | None:
    """Why PostgreSQL can't be started here, with the remedy; None if it can."""
    if programs() is None:
        return f"there is no {PACKAGES}/<version>/bin: apt-get install postgresql"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "root can't start PostgreSQL without setpriv: apt-get install util-linux"
    return None


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of a server that takes encrypted connections only; `clients_ca`: of known clients only."""

    certificate: Path
    key: Path
    clients_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Postgres:
    """The running cluster; its address is the URL of its server, without a database."""

    process: Process
    address: str
    folder: Path

    def database(self, name: str, *, like: str = "template1") -> str:
        """Make a database, empty or like another one that nobody uses meanwhile, and return its URL."""
        asyncio.run(_create(f"{self.address}/postgres", name, like))
        return f"{self.address}/{name}"

    def stop(self) -> None:
        """End it and remove its data."""
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


async def _create(server: str, name: str, like: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    finally:
        await connection.close()


def start(run: Path, *, dies_with_parent: bool = False, certificates: Certificates | None = None) -> Postgres:
    """Start a cluster without durability, which tests don't need. Raises StackError."""
    found = programs()
    if found is None:
        raise StackError(str(reason_missing()))
    folder = Path(tempfile.mkdtemp(prefix="ringback-postgres-"))
    password, port = secrets.token_hex(8), free_port()
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    if os.geteuid() == 0:
        owner = pwd.getpwnam(USER)
        for path in (folder, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    argv = [str(found / "initdb"), "-D", str(data), "-U", USER, "--encoding=UTF8", "--locale=C.UTF-8"]
    argv += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
    made = subprocess.run([*_as_user(), *argv], check=False, capture_output=True, text=True, cwd="/")
    if made.returncode != 0:
        raise StackError(f"initdb failed: {made.stderr}")
    settings = _settings(port)
    if certificates is not None:
        settings |= _encrypted(data, certificates)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    # SIGTERM would wait until every connection is closed, and a test's last one may linger.
    argv = [*_as_user(dies_with_parent), str(found / "postgres"), "-D", str(data), *options]
    process = Process("postgres", argv, run, grace_s=2)
    address = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
    process.start_until(
        lambda: is_listening(port) and asyncio.run(_answers(address)), "answer to a connection", START_S
    )
    return Postgres(process, address, folder)


def _settings(port: int) -> dict[str, str]:
    return {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "100",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
    }


def _encrypted(data: Path, certificates: Certificates) -> dict[str, str]:
    """The settings for TLS, with files that belong to the server's user; writes its pg_hba.conf."""
    wanted = {"ssl_cert_file": certificates.certificate, "ssl_key_file": certificates.key}
    if certificates.clients_ca is not None:
        wanted["ssl_ca_file"] = certificates.clients_ca
    owner = data.stat()
    for name, given in wanted.items():
        own = data / f"{name}.pem"
        private_files.write(own, given.read_text(encoding="utf-8"))
        os.chown(own, owner.st_uid, owner.st_gid)
    wants = " clientcert=verify-ca" if certificates.clients_ca is not None else ""
    (data / "pg_hba.conf").write_text(ENCRYPTED_ONLY.format(wants=wants), encoding="utf-8")
    return {"ssl": "on"} | {name: f"{name}.pem" for name in wanted}


async def _answers(server: str) -> bool:
    """Whether it answers: its port is open before it has started up."""
    try:
        await (await asyncpg.connect(f"{server}/postgres")).close()
    except (asyncpg.CannotConnectNowError, OSError):
        return False
    except asyncpg.InvalidAuthorizationSpecificationError:
        return True  # It wants a certificate, which the tests have.
    return True


def _as_user(dies_with_parent: bool = False) -> list[str]:
    """A command's prefix: become the package's user if root, and end with the parent if wanted."""
    user = [f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []
    # A change of user clears the parent-death signal: setpriv sets it again afterwards.
    end = ["--pdeathsig=INT"] if dies_with_parent and shutil.which("setpriv") else []
    return ["setpriv", *user, *end] if user or end else []
