"""Debian's Redis with TLS, users, Sentinels and a cluster, for the tests of the wire to it."""

import asyncio
import os
import secrets
import shutil
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from redis.asyncio import Redis

from ringback.stack import parts
from ringback.stack.process import Process, free_port, is_listening
from runtime import private_files
from runtime.client_tls import ClientTls
from runtime.ports import Loaded, StoreUnavailable
from runtime.redis_store import RedisStore

PATIENCE_S = 60


def needs_redis() -> None:
    """Skip without Debian's Redis, not in CI."""
    if shutil.which(parts.REDIS_PROGRAM) is None:
        if os.environ.get("CI") == "true":
            pytest.fail("in CI the tests on Redis with TLS must run: redis-server is missing")
        pytest.skip("redis-server is missing: apt-get install redis-server")


class Authority:
    """An authority of the tests, with files of what it signed."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = private_files.folder(folder)
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """Files of a new certificate and its key."""
        made = self._ca.issue_cert(*hosts)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
        made.private_key_pem.write_to_path(key)
        return certificate, key

    def server(self, name: str, *hosts: str, asks_for_certificate: bool = False) -> parts.RedisTls:
        """Files of a server."""
        certificate, key = self.issue(name, *hosts)
        return parts.RedisTls(
            ca=self.ca, certificate=certificate, key=key, asks_for_certificate=asks_for_certificate
        )


COMMON = """\
bind 127.0.0.1
dir {folder}
requirepass {password}
masterauth {password}
appendonly yes
save ""
maxmemory-policy noeviction
repl-diskless-sync-delay 0
tls-replication yes
"""


class Servers:
    """Servers of one installation, with one password and TLS on every wire."""

    def __init__(self, run: Path) -> None:
        self.authority = Authority(run / "authority")
        self.password = secrets.token_hex(16)
        self.processes: dict[int, Process] = {}
        self.buses: dict[int, int] = {}
        self._run = run
        self._tls = self.authority.server("server", "127.0.0.1")

    def start(self, config: str, *options: str) -> int:
        """Start a server of this configuration; its port."""
        port = free_port()
        folder = private_files.folder(self._run / str(port))
        file = folder / "redis.conf"
        # By default the bus of a cluster is 10,000 ports higher, where somebody else may be.
        bus = self.buses[port] = free_port()
        text = config.format(folder=folder, password=self.password, bus=bus) + self._tls.config(port)
        private_files.write(file, text)
        process = Process(
            f"redis-{port}", [parts.REDIS_PROGRAM, str(file), *options], self._run, dies_with_parent=True
        )
        self.processes[port] = process
        process.start_until(lambda: is_listening(port), "open port", PATIENCE_S)
        return port

    def client(self, port: int) -> Redis:
        """An administrator's client of one server."""
        return Redis(
            host="127.0.0.1", port=port, password=self.password, ssl=True, ssl_ca_certs=str(self.authority.ca)
        )

    def tls(self) -> ssl.SSLContext:
        """What clients of the product verify with."""
        return ClientTls("RINGBACK_REDIS", ca=str(self.authority.ca)).context

    def stop(self) -> None:
        """End every server."""
        for each in self.processes.values():
            each.stop(grace_s=1)


async def comes_true(asked: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not await asked():
            await asyncio.sleep(0.05)


async def claimed_again(store: RedisStore, epoch: str) -> Loaded:
    """Claim as the host does, again and again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await store.claim(0, epoch, new_version="unused")
            except StoreUnavailable:
                await asyncio.sleep(0.1)
