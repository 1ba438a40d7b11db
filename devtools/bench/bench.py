"""What every group of figures gets: the real parts, started at first use, and a way to report progress."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devtools.bench.prepared import Prepared, filled, kept
from devtools.bench.traffic import Traffic
from ringback.stack import kafka, parts
from ringback.stack.services import Service
from ringback.topics import create_topics


class Bench:
    """One run. `size(full, quick)` picks how much to measure; parts end with the `with`."""

    def __init__(self, run: Path, *, is_quick: bool, say: Callable[[str], None]) -> None:
        self.run = run
        self.is_quick = is_quick
        self._say = say
        self._began = time.monotonic()
        self._broker: parts.Broker | None = None
        self._redis: parts.Redis | None = None
        self._s3: parts.S3 | None = None
        self._smtp: parts.Smtp | None = None
        self._apache: kafka.ApacheKafka | None = None
        self._services: list[Service] = []
        self._mornings: dict[int, Traffic] = {}
        self._prepared: dict[int, Prepared] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._services:
            service.process.kill()
        for part in (self._smtp, self._s3, self._redis, self._broker):
            if part is not None:
                part.process.stop()
        if self._apache is not None:
            self._apache.kill()

    def say(self, words: str) -> None:
        """Report progress."""
        self._say(f"{time.monotonic() - self._began:6.0f} s  {words}")

    def morning(self, waiting: int) -> Traffic:
        """A department with so many waiting callers, made once a run."""
        self.prepared(waiting)
        return self._mornings[waiting]

    def prepared(self, waiting: int) -> Prepared:
        """The stored records of that morning, as first made."""
        if waiting not in self._prepared:
            self.say(f"{waiting:,} callers arrive")
            self._mornings[waiting] = filled(waiting)
            self._prepared[waiting] = kept(self._mornings[waiting])
        return self._prepared[waiting]

    def size(self, full: int, quick: int) -> int:
        """A count for a full or a quick run."""
        return quick if self.is_quick else full

    @property
    def broker(self) -> str:
        """`host:port` of the embedded broker."""
        if self._broker is None:
            self._broker = parts.start_broker(self.run, dies_with_parent=True)
        return self._broker.address

    @property
    def redis(self) -> str:
        """URL of the embedded Redis."""
        if self._redis is None:
            self._redis = parts.start_redis(self.run, dies_with_parent=True)
        return self._redis.address

    @property
    def s3(self) -> parts.S3:
        """The embedded S3."""
        if self._s3 is None:
            self.say("the embedded S3 starts")
            self._s3 = parts.start_s3(self.run, dies_with_parent=True)
        return self._s3

    @property
    def smtp(self) -> parts.Smtp:
        """The embedded mail server."""
        if self._smtp is None:
            self._smtp = parts.start_smtp(self.run, dies_with_parent=True)
        return self._smtp

    @property
    def apache(self) -> str | None:
        """`host:port` of Apache Kafka; None in a quick run, or if it can't be started."""
        if self._apache is None:
            reason = "a quick run" if self.is_quick else kafka.reason_missing()
            if reason is not None:
                self.say(f"without Apache Kafka: {reason}")
                return None
            self.say("Apache Kafka starts")
            self._apache = kafka.ApacheKafka(self.run, dies_with_parent=True)
            self._apache.start()
        return self._apache.address

    def fresh_settings(self, broker: str) -> dict[str, str]:
        """A service's environment with its own topics, which exist, and its own keys."""
        name = f"bench-{secrets.token_hex(4)}"
        asyncio.run(create_topics(broker, f"{name}."))
        found = {
            "RINGBACK_KAFKA": broker,
            "RINGBACK_TOPIC_PREFIX": f"{name}.",
            "RINGBACK_REDIS": self.redis,
            "RINGBACK_STORE_PREFIX": name,
            "RINGBACK_S3_ENDPOINT": self.s3.address,
            "RINGBACK_S3_BUCKET": self.s3.bucket,
            "RINGBACK_S3_ACCESS_KEY": self.s3.access_key,
            "RINGBACK_S3_SECRET_KEY": self.s3.secret_key,
            "RINGBACK_S3_REGION": self.s3.region,
            "RINGBACK_HTTP_HOST": "127.0.0.1",
        }
        if broker == self.broker:
            found |= {"RINGBACK_PARTITIONS": "all", "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1"}
        return found

    def service(self, name: str, settings: dict[str, str], *, replica: int = 1) -> Service:
        """Start a service's process, which ends with the run."""
        made = Service(name, settings, self.run, replica=replica, dies_with_parent=True)
        self._services.append(made)
        made.start()
        return made
