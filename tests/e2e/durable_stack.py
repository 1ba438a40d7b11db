"""The whole stack on parts that keep their data, which can be copied and lost: Apache Kafka, PostgreSQL."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import asyncpg

from ringback.stack import kafka, parts, postgres
from ringback.stack.stack import Entry, Parts, Stack
from runtime import private_files

DATABASES: Final = ("directory", "history")
SNAPSHOTS: Final = "snapshots/"
SNAPSHOT_S: Final = 2


class DurableStack(Stack):
    """Services as in production, by settings alone, and snapshots every other second in place of hourly."""

    def __init__(self, run: Path) -> None:
        super().__init__(
            run,
            dies_with_parent=True,
            overrides={
                "RINGBACK_PARTITIONS": "group",
                "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0",
                "RINGBACK_REPLICA": "e2e-0",
                "RINGBACK_SNAPSHOT_S": str(SNAPSHOT_S),
            },
        )

    def start_parts(self) -> Parts:
        """Start them all; if one fails, the others are stopped."""
        try:
            self.kafka = kafka.ApacheKafka(self.run, dies_with_parent=True)
            self._add(Entry("kafka", self.kafka.address, self.kafka.process))
            self.kafka.start()
            redis = parts.start_redis(self.run, dies_with_parent=True)
            self._add(Entry("redis", redis.shown_address, redis.process))
            smtp = parts.start_smtp(self.run, dies_with_parent=True)
            self._add(Entry("smtp", smtp.address, smtp.process))
            s3 = parts.start_s3(self.run, dies_with_parent=True)
            self._add(Entry("s3", s3.address, s3.process))
            self.postgres = postgres.start(self.run, dies_with_parent=True)
            self._add(Entry("postgres", "", self.postgres.process))
            self._databases = {name: self.postgres.database(name) for name in DATABASES}
        except BaseException:
            self.stop()
            raise
        broker = parts.Broker(self.kafka.process, self.kafka.address)
        self._parts = Parts(broker, redis, s3, smtp)
        return self._parts

    def settings(self, service: str | None = None) -> dict[str, str]:
        """The settings of a stack, with PostgreSQL's databases in place of files."""
        found = super().settings(service)
        for name, address in self._databases.items():
            if service == name:
                found[f"RINGBACK_{name.upper()}_DATABASE"] = address
        return found

    def operators_settings(self) -> dict[str, str]:
        """What `ringback operator` needs: the directory's settings, and where history is."""
        return self.settings("directory") | {"RINGBACK_HISTORY_DATABASE": self._databases["history"]}

    def backup_settings(self, backup: Path) -> dict[str, str]:
        """What the commands of docs/operating/backup.md call by name."""
        tools = postgres.programs()
        return {
            "PATH": f"{tools}:/usr/bin:/bin",
            "BACKUP": str(backup),
            "KAFKA_DATA": str(self.kafka.data),
            "DIRECTORY": self._databases["directory"],
            "HISTORY": self._databases["history"],
        }

    # The snapshots are objects, whose tool the page leaves to its reader.

    def snapshots(self) -> list[str]:
        """The keys of the snapshots in S3."""
        s3 = self.parts.s3
        listed = s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=SNAPSHOTS)
        return sorted(each["Key"] for each in listed.get("Contents", []))

    def back_up_snapshots(self, backup: Path) -> None:
        """Copy every snapshot."""
        s3 = self.parts.s3
        for key in self.snapshots():
            file = private_files.folder((backup / key).parent) / Path(key).name
            s3.client().download_file(s3.bucket, key, str(file))

    def restore_snapshots(self, backup: Path) -> None:
        """Put the copies where services look for them; what came later goes."""
        s3 = self.parts.s3
        for file in sorted(path for path in (backup / SNAPSHOTS).rglob("*") if path.is_file()):
            s3.client().upload_file(str(file), s3.bucket, str(file.relative_to(backup)))

    # Losing

    def lose_redis(self) -> None:
        """Redis comes back empty, at the same address."""
        redis = self.parts.redis
        redis.process.stop()
        for path in redis.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        redis.process.start()

    def lose_databases(self) -> None:
        """Both databases are dropped and made anew, empty."""
        asyncio.run(_drop(f"{self.postgres.address}/postgres"))
        for name in DATABASES:
            self.postgres.database(name)

    def lose_snapshots(self) -> None:
        """Every snapshot is deleted; recordings stay."""
        s3 = self.parts.s3
        for key in self.snapshots():
            s3.client().delete_object(Bucket=s3.bucket, Key=key)

    def asked(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What history's tables say."""
        return asyncio.run(_asked(self._databases["history"], query, *values))

    def stop(self) -> None:
        """End everything, and remove PostgreSQL's folder, which is not below the run's."""
        super().stop()
        if hasattr(self, "postgres"):
            self.postgres.stop()


async def _drop(server: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for name in DATABASES:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def _asked(address: str, query: str, *values: object) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(address)
    try:
        return [dict(each) for each in await connection.fetch(query, *values)]
    finally:
        await connection.close()


def run_shown(commands: str, settings: dict[str, str]) -> None:
    """Run commands of a page with what they call by name."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
