"""Faults of the parts that services need: Redis, the broker, S3, the mail server."""

import time
from collections.abc import Callable
from typing import Final

import redis

from devtools.chaos.cluster import DECIDERS
from devtools.chaos.fault_context import Doing, IsWorking, Strike
from devtools.chaos.plan import Kind
from devtools.chaos.proxy import Mood, http_answer
from devtools.chaos.service_faults import have_all_claimed

OUTAGE_S: Final = (4.0, 9.0)
"""How long S3 or the mail server misbehaves."""
UNFELT_S_MAX: Final = 25.0
"""How long at most, if no recording or letter comes."""
DOWN_S: Final = (0.5, 3.0)
"""How long a killed Redis or broker stays away."""


class OnParts:
    """Injects faults into the parts."""

    def __init__(self, doing: Doing) -> None:
        self._doing = doing
        self._broker_outage: Strike | None = None

    @property
    def is_broker_away(self) -> bool:
        """Whether the broker was taken away and nothing has been written since."""
        return self._broker_outage is not None and self._broker_outage.recovered_s is None

    def flush(self) -> None:
        """FLUSHALL: every partition of every decider has to be claimed and loaded anew."""
        before = dict(self._doing.cluster.progress.claims)
        try:
            with redis.Redis.from_url(self._doing.cluster.stack.parts.redis.address) as client:
                client.flushall()
        except redis.ConnectionError:
            # Redis was killed and is not listening again yet.
            self._doing.soon(0.5, self.flush)
            return
        self._doing.add(
            Kind.REDIS_FLUSH,
            "",
            lambda: all(have_all_claimed(self._doing.cluster, name, before) for name in DECIDERS),
        )

    def restart_redis(self) -> None:
        """`kill -9` of Redis, and a start after a moment."""
        self._doing.held.add("redis")
        process = self._doing.cluster.stack.parts.redis.process
        process.kill()
        claimed = {name: self._doing.cluster.progress.claimed(name) for name in DECIDERS}
        strike = self._doing.add(
            Kind.REDIS_KILL,
            "",
            lambda: all(self._doing.cluster.progress.claimed(name) > claimed[name] for name in DECIDERS),
            counts=False,
        )

        def start() -> None:
            process.start()
            strike.counts_from = time.monotonic()
            self._doing.held.discard("redis")

        self._doing.soon(self._doing.chance.uniform(*DOWN_S), start)

    def restart_broker(self, kind: Kind) -> None:
        """`kill -9` or an orderly stop of the broker, and a start after a moment."""
        assert self._doing.cluster.kafka is not None
        self._doing.held.add("broker")
        process = self._doing.cluster.kafka.process
        if kind is Kind.BROKER_KILL:
            process.kill()
        else:
            self._doing.cluster.kafka.stop()
        self._broker_outage = strike = self._doing.add(kind, "", lambda: False, counts=False)

        def start() -> None:
            process.start()
            strike.counts_from = time.monotonic()
            started_at = round(time.time() * 1000)
            strike.is_working = lambda: self._doing.cluster.progress.newest_at > started_at
            self._doing.held.discard("broker")

        self._doing.soon(self._doing.chance.uniform(*DOWN_S), start)

    def _is_delivered(self, *kinds: str) -> IsWorking:
        """Whether everything that was open at the end of the fault has ended."""
        was_open = self._doing.cluster.progress.open(*kinds)

        def is_working() -> bool:
            now_open = self._doing.cluster.progress.open(*kinds)
            return not any(ids & now_open.get(kind, set()) for kind, ids in was_open.items())

        return is_working

    def _end_when_felt(self, strike: Strike, what: str, began: str, mend: Callable[[], None]) -> None:
        """End an outage after some seconds, or later if it has not affected a recording or letter yet."""
        progress, part = self._doing.cluster.progress, strike.kind.partition("-")[0]
        before = progress.types[began]

        def end() -> None:
            now = time.monotonic()
            strike.was_felt = progress.types[began] > before or bool(progress.open(what))
            if not strike.was_felt and now - strike.begun_at < UNFELT_S_MAX:
                self._doing.soon(1.0, end)
                return
            mend()
            strike.counts_from = now
            strike.is_working = self._is_delivered(what)
            self._doing.held.discard(part)

        self._doing.soon(self._doing.chance.uniform(*OUTAGE_S), end)

    def disturb_s3(self, kind: Kind) -> None:
        """Make S3 slow, cut its connections, or let it answer with errors, for some seconds."""
        proxy = self._doing.cluster.s3
        match kind:
            case Kind.S3_DELAY:
                proxy.behave(Mood.DELAY)
            case Kind.S3_CUT:
                proxy.behave(Mood.CUT)
            case _:
                proxy.behave(Mood.ANSWER, http_answer(503 if kind is Kind.S3_5XX else 403))
        strike = self._doing.add(kind, "", lambda: False, counts=False)

        self._end_when_felt(strike, "recording", "gateway.recording_spooled", lambda: proxy.behave(Mood.OPEN))

    def disturb_smtp(self, kind: Kind) -> None:
        """Make the mail server slow, cut its connections, or let it refuse, for some seconds."""
        proxy, sink = self._doing.cluster.smtp, self._doing.cluster.stack.parts.smtp
        match kind:
            case Kind.SMTP_DELAY:
                proxy.behave(Mood.DELAY)
            case Kind.SMTP_CUT:
                proxy.behave(Mood.CUT)
            case Kind.SMTP_4XX:
                proxy.behave(Mood.ANSWER, b"421 closed on demand\r\n")
                sink.refuse("*", 451)
            case _:
                sink.refuse("*", 550)
        strike = self._doing.add(kind, "", lambda: False, counts=False)

        def mend() -> None:
            proxy.behave(Mood.OPEN)
            sink.accept_all()

        self._end_when_felt(strike, "letter", "voicemail.letter_due", mend)
