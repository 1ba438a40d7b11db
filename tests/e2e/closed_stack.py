"""The whole stack with every wire closed, as docs/operating.md tells an operator to close it.

Certificates come from the page's own commands, and services get the settings of its own file: only folders,
ports and passwords are this run's.
"""

import asyncio
import re
import secrets
import subprocess
from pathlib import Path
from typing import Final

from ringback import acls
from ringback.stack import kafka, parts, postgres
from ringback.stack.services import ROOT, service_names
from ringback.stack.stack import Entry, Parts, Stack
from ringback.topics import create_topics
from runtime import private_files
from tests.closed_kafka import PRINCIPALS, ClosedKafka

PAGE: Final = ROOT / "docs" / "operating.md"
SHOWN_AT: Final = "/etc/ringback"
LOGIN: Final = "ringback"
DECIDERS: Final = ("routing", "queue", "callback", "voicemail")
AS_FILES: Final = re.compile(r"RINGBACK_TOKEN_")
"""Keys that the stack makes; services get them as files as well."""
NOT_FOR_ALL: Final = ("RINGBACK_REDIS", "RINGBACK_SMTP")
"""The page gives these to some services only."""


def section() -> str:
    """The page's section about wires."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("\n## Closing every wire\n")
    return rest.partition("\n## ")[0]


def block(beginning: str) -> str:
    """The section's one block of commands or settings that begins like this."""
    (found,) = [
        each for each in re.findall(r"```bash\n(.*?)```", section(), re.DOTALL) if each.startswith(beginning)
    ]
    return str(found)


def redis_rule(service: str, prefix: str, password: str) -> str:
    """The line that the page gives for a service's user, with this run's prefix and password."""
    (line,) = re.findall(r"^user ringback-queue .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    rule = str(line).replace("ringback-queue", f"ringback-{service}")
    rule = rule.replace("{ringback/queue", f"{{{prefix}/{service}").replace(">PASSWORD", f">{password}")
    return f"{rule}\n"


class ClosedStack(Stack):
    """Apache Kafka, Redis, S3, PostgreSQL and a mail server with TLS and logins, and services with TLS."""

    def __init__(self, run: Path) -> None:
        self.folder = private_files.folder(run.absolute() / "etc")
        self._authority = self.folder / "ca.pem"
        super().__init__(
            run,
            dies_with_parent=True,
            ca=str(self._authority),
            overrides={
                "RINGBACK_PARTITIONS": "group",
                "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0",
                "RINGBACK_REPLICA": "closed-0",
            },
        )

    def start_parts(self) -> Parts:
        """Make the certificates, and start each part with its own."""
        self._run_shown(block("umask"))
        try:
            self.kafka = self._start_kafka()
            redis = self._start_redis()
            smtp = self._start_smtp()
            s3 = parts.start_s3(
                self.run,
                dies_with_parent=True,
                certificates=parts.Certificates(*self._pair("s3"), self._authority),
            )
            self._add(Entry("s3", s3.address, s3.process))
            self.postgres = postgres.start(
                self.run,
                dies_with_parent=True,
                certificates=postgres.Certificates(*self._pair("postgresql")),
            )
            self._add(Entry("postgres", "", self.postgres.process))
        except BaseException:
            self.stop()
            raise
        broker = parts.Broker(self.kafka.node.process, self.kafka.node.address)
        self._parts = Parts(broker, redis, s3, smtp)
        self._write_secrets()
        return self._parts

    def _start_kafka(self) -> ClosedKafka:
        passwords = {f"{PRINCIPALS}{user}": secrets.token_hex(16) for user in acls.users()}
        passwords[kafka.ADMIN] = secrets.token_hex(16)
        closed = kafka.Closed(self.folder / "kafka-node.pem", self._authority, passwords)
        node = kafka.ApacheKafka(self.run, dies_with_parent=True, closed=closed)
        self._add(Entry("kafka", node.address, node.process))
        node.start()
        return ClosedKafka(
            node=node,
            authority=self._authority,
            stranger=self._authority,
            client=self._authority,
            strangers_client=self._authority,
            passwords=passwords,
        )

    def _start_redis(self) -> parts.Redis:
        self._redis_passwords = {each: secrets.token_hex(16) for each in DECIDERS}
        prefix = f"ringback-{self.run_id}"
        rules = (redis_rule(each, prefix, word) for each, word in self._redis_passwords.items())
        certificate, key = self._pair("redis")
        tls = parts.RedisTls(ca=self._authority, certificate=certificate, key=key)
        redis = parts.start_redis(self.run, dies_with_parent=True, tls=tls, more="".join(rules))
        self._add(Entry("redis", redis.shown_address, redis.process))
        return redis

    def _start_smtp(self) -> parts.Smtp:
        self._smtp_password = secrets.token_hex(16)
        login = self.folder / "smtp-login"
        private_files.write(login, f"{LOGIN}:{self._smtp_password}\n")
        smtp = parts.start_smtp(self.run, dies_with_parent=True, closed=(*self._pair("smtp"), login))
        self._add(Entry("smtp", smtp.address, smtp.process))
        return smtp

    def _pair(self, part: str) -> tuple[Path, Path]:
        return self.folder / f"{part}.pem", self.folder / f"{part}.key"

    def _write_secrets(self) -> None:
        """The files of each service that has them."""
        s3, smtp = self.parts.s3, self.parts.smtp
        for service in (*service_names(), acls.OPERATOR):
            wanted = {
                "kafka": self.kafka.passwords[PRINCIPALS + service],
                "s3-access-key": s3.access_key,
                "s3-secret-key": s3.secret_key,
                "smtp": f"smtp+starttls://{LOGIN}:{self._smtp_password}@localhost:{smtp.port}",
            }
            if word := self._redis_passwords.get(service):
                wanted["redis"] = f"rediss://ringback-{service}:{word}@127.0.0.1:{self.parts.redis.port}/0"
            if service in ("directory", "history"):
                verified = f"sslmode=verify-full&sslrootcert={self.ca}"
                wanted["database"] = f"{self.postgres.database(service)}?{verified}"
            for name, secret in wanted.items():
                self._write_secret(service, name, secret)

    def _write_secret(self, service: str, name: str, secret: str) -> Path:
        file = private_files.folder(self.folder / "secrets" / service) / name
        private_files.write(file, secret + "\n")
        return file

    def create_topics(self) -> None:
        """Run the rules that the verb prints, and make the topics as the user who may."""
        prefix = f"ringback-{self.run_id}."
        self.kafka.allow(prefix)
        asyncio.run(create_topics(self.kafka.clients(PRINCIPALS + acls.TOPICS_USER), prefix))

    def settings(self, service: str | None = None) -> dict[str, str]:
        """The page's settings for a service (None: for operators), and what belongs to this run alone."""
        name = service or acls.OPERATOR
        found = self._shown_settings(name)
        for setting, value in super().settings(service).items():
            if setting == "RINGBACK_DIRECTORY_KEY":
                self._write_secret(name, "key", value)
            if setting in found or f"{setting}_FILE" in found or setting in NOT_FOR_ALL:
                continue
            if AS_FILES.match(setting):
                file = self._write_secret(name, setting.lower(), value)
                found[f"{setting}_FILE"] = str(file)
            else:
                found[setting] = value
        return found

    def _shown_settings(self, service: str) -> dict[str, str]:
        """What a shell makes of the page's file."""
        shown = self.here(block("# /etc/ringback/ringback.env"))
        shown = shown.replace("127.0.0.1:9093", self.kafka.node.address)
        shown = shown.replace("https://localhost:8333", self.parts.s3.address)
        told = subprocess.run(
            ["bash", "-euc", f"set -a\n{shown}\nenv"],
            env={"SERVICE": service, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        pairs = (line.partition("=") for line in told.stdout.splitlines() if line.startswith("RINGBACK_"))
        return {setting: value for setting, _, value in pairs}

    def _run_shown(self, commands: str) -> None:
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(commands)], check=True, capture_output=True
        )

    def here(self, shown: str) -> str:
        """The page's text with this run's folder."""
        return shown.replace(SHOWN_AT, str(self.folder))

    def stop(self) -> None:
        """End everything, and remove PostgreSQL's folder, which is not below the run's."""
        super().stop()
        if hasattr(self, "postgres"):
            self.postgres.stop()
