"""Two gateways on Apache Kafka share the PBXs; each takes the other's over, and calls go on."""

import asyncio
import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import yaml

from contracts import codec
from contracts.codec import Envelope
from contracts.gateway import (
    LegAnswered,
    LegEnded,
    LegRequested,
    PbxClaimed,
    PbxFact,
    RecordingFinished,
    RecordingRequested,
)
from contracts.ids import Address, LegId, OrganizationId, PbxId, RecordingId
from contracts.message import Fact, type_name
from contracts.telephony import DialLeg, HangUp, Record, StopRecording, TelephonyCommand
from contracts.topics import TELEPHONY
from devtools.invariants import by_gateways
from ringback import log as facts_log
from ringback.phones import control
from ringback.stack import parts
from ringback.stack.process import Process, free_port, is_listening
from ringback.stack.services import Service
from ringback.topics import create_topics
from runtime.kafka_log import KafkaLog, partition_of
from runtime.ports import Outgoing
from services.gateway.simulated import wire
from tests import offices

ORGANIZATION = OrganizationId("acme")
F = TypeVar("F", bound=PbxFact)
LIMIT_S = 120.0
"""Ends a test that stands still; nothing is measured by it."""
SESSION_MS = 10_000
"""A busy machine must not count a live gateway as dead."""
SPEAKS = [{"until": "recording"}, {"say": "please call me back tomorrow about the contract " * 20}]


def pbxs_of_all_partitions() -> list[PbxId]:
    """One PBX whose commands are in each partition, so that two gateways have two each."""
    found: dict[int, PbxId] = {}
    for number in range(1_000):
        pbx_id = PbxId(f"pbx-{number}")
        found.setdefault(partition_of(f"{ORGANIZATION}/{pbx_id}", TELEPHONY.partitions), pbx_id)
    return [found[each] for each in range(TELEPHONY.partitions)]


PBXS = pbxs_of_all_partitions()
SCRIPT = {
    "pbxs": {
        pbx_id: {"phones": {"sip:201": {"behaviours": [{"answer_after_s": 0.3, "then": SPEAKS}]}}}
        for pbx_id in PBXS
    },
    "public": {},
}


class Gateways:
    """Two gateways, their phones, and a reader of the log."""

    def __init__(self, log: KafkaLog, services: dict[str, Service], phones_port: int) -> None:
        self.log = log
        self.services = services
        self._port = phones_port
        self._seqs: Counter[PbxId] = Counter()
        self._partition = 0
        self._offset = 0
        self.facts: list[Any] = []

    async def begin(self) -> None:
        self._partition = await self.log.partition_of("facts", ORGANIZATION)
        saved = [(f"saved {each}", offices.pbx(each, name=each)) for each in PBXS]
        await facts_log.say(self.log, self._partition, ORGANIZATION, saved)

    async def tell(self, command: TelephonyCommand) -> None:
        self._seqs[command.pbx_id] += 1
        seq = self._seqs[command.pbx_id]
        made = Envelope(
            id=f"queue/{command.pbx_id}/{seq}",
            type=type_name(command),
            source="queue",
            organization_id=ORGANIZATION,
            seq=seq,
        )
        value = codec.encode(command)
        await self.log.send(
            [Outgoing(TELEPHONY.name, command.key(ORGANIZATION), tuple(codec.headers(made)), value)]
        )

    def dials(self) -> int:
        return control(self._port, wire.Control())["dials"]

    async def read(self) -> None:
        records = await self.log.read(self._partition, self._offset, records_max=500, wait_ms=100)
        for record in records:
            self._offset = record.offset + 1
            reading = facts_log.reading(record)
            if reading is not None and isinstance(reading.fact, Fact):
                self.facts.append(reading)

    def of(self, kind: type[F]) -> list[F]:
        """The facts as every reader accepts them: of each PBX's newest owner, each number once."""
        log: Any = SimpleNamespace(facts=self.facts)
        return [each for each in by_gateways(log) if isinstance(each, kind)]

    async def until(self, what: str, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < end, f"never: {what}; {[type_name(each.fact) for each in self.facts]}"
            await self.read()

    def owned(self, name: str) -> set[PbxId]:
        """The PBXs that a gateway says it is connected to."""
        address = f"{self.services[name].internal_address}/metrics"
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
        found = [
            each for each in lines if each.startswith("ringback_pbx_connected{") and each.endswith(" 1.0")
        ]
        return {pbx_id for pbx_id in PBXS if any(f'pbx="{pbx_id}"' in each for each in found)}

    async def until_owned(self, **counts: int) -> None:
        await self.until(
            f"PBXs are shared {counts}",
            lambda: all(len(self.owned(name.replace("_", "-"))) == count for name, count in counts.items()),
        )


@asynccontextmanager
async def gateways(folder: Path, kafka: str, s3: parts.S3, prefix: str) -> AsyncIterator[Gateways]:
    """Broker, S3, phones and two gateways with a volume each, the second not started; ended in any case."""
    await create_topics(kafka, f"{prefix}.")
    script = folder / "phones.yaml"
    script.write_text(yaml.safe_dump(SCRIPT, allow_unicode=True), encoding="utf-8")
    port = free_port()
    settings = {
        "RINGBACK_KAFKA": kafka,
        "RINGBACK_TOPIC_PREFIX": f"{prefix}.",
        "RINGBACK_S3_ENDPOINT": s3.address,
        "RINGBACK_S3_BUCKET": s3.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3.access_key,
        "RINGBACK_S3_SECRET_KEY": s3.secret_key,
        "RINGBACK_S3_REGION": s3.region,
        "RINGBACK_PARTITIONS": "group",
        "RINGBACK_SESSION_MS": str(SESSION_MS),
        "RINGBACK_PBXS": json.dumps({f"{ORGANIZATION}/{each}": f"tcp://127.0.0.1:{port}" for each in PBXS}),
    }
    argv = [sys.executable, "-m", "ringback", "phones", "--port", str(port), "--script", str(script)]
    phones = Process("phones", argv, folder, env=settings, dies_with_parent=True)
    services = {
        f"gateway-{number}": Service(
            "gateway",
            {
                **settings,
                "RINGBACK_REPLICA": f"gateway-{number}",
                "RINGBACK_SPOOL": str(folder / f"spool-{number}"),
            },
            folder,
            replica=number + 1,
            dies_with_parent=True,
        )
        for number in range(2)
    }
    log = KafkaLog(kafka, prefix=f"{prefix}.")
    phones.start()
    try:
        services["gateway-0"].start()
        phones.wait_until(lambda: is_listening(port), "open port", LIMIT_S)
        await log.start()
        try:
            made = Gateways(log, services, port)
            await made.begin()
            await asyncio.to_thread(services["gateway-0"].wait_ready)
            yield made
        finally:
            await log.stop()
    finally:
        for service in services.values():
            service.process.stop()
        phones.stop()


async def a_talk_on_each_pbx(made: Gateways) -> None:
    before = len(made.of(LegAnswered))
    for pbx_id in PBXS:
        await made.tell(
            DialLeg(
                pbx_id=pbx_id,
                leg_id=LegId(f"{pbx_id}-{before}"),
                address=Address("sip:201"),
                caller_id="",
                ring_ms_max=60_000,
            )
        )
    await made.until("talks on every PBX", lambda: len(made.of(LegAnswered)) == before + len(PBXS))


async def hang_up_all(made: Gateways) -> None:
    """End every talk, and wait until the log has all ends."""
    ended = {each.leg_id for each in made.of(LegEnded)}
    for requested in made.of(LegRequested):
        if requested.leg_id not in ended:
            await made.tell(HangUp(pbx_id=requested.pbx_id, leg_id=requested.leg_id))
    await made.until("the end of all talks", lambda: len(made.of(LegEnded)) == len(made.of(LegRequested)))


def assert_nothing_lost_or_doubled(made: Gateways) -> None:
    ends = made.of(LegEnded)
    assert {each.outcome for each in ends} == {"completed"}
    assert {each.cause for each in ends} == {""}
    assert Counter(each.leg_id for each in ends) == Counter(each.leg_id for each in made.of(LegRequested))
    assert made.dials() == len(ends)


def record(pbx_id: PbxId) -> Record:
    return Record(
        pbx_id=pbx_id,
        leg_id=LegId(f"{pbx_id}-0"),
        recording_id=RecordingId("rec"),
        duration_ms_max=120_000,
        silence_ms_max=60_000,
    )


@pytest.mark.slow
@pytest.mark.timeout(480)
@pytest.mark.rule("G2", "G3", "V7")
async def test_gateways_share_the_pbxs_and_a_drain_or_a_death_ends_no_call(
    tmp_path: Path, kafka_apache: str, s3_server: parts.S3, fresh_prefix: str
) -> None:
    """A second one gets half, is drained in mid-call and mid-recording, comes back, and is killed."""
    async with gateways(tmp_path, kafka_apache, s3_server, fresh_prefix) as made:
        first, second = made.services["gateway-0"], made.services["gateway-1"]
        await made.until_owned(gateway_0=4)
        await a_talk_on_each_pbx(made)
        second.start()
        await asyncio.to_thread(second.wait_ready)
        await made.until_owned(gateway_0=2, gateway_1=2)
        assert made.owned("gateway-0") | made.owned("gateway-1") == set(PBXS)
        moved = sorted(made.owned("gateway-1"))
        await made.tell(record(moved[0]))
        await made.until("a recording", lambda: bool(made.of(RecordingRequested)))

        claims = len(made.of(PbxClaimed))
        drained_at = time.monotonic()
        draining = asyncio.create_task(asyncio.to_thread(second.stop, LIMIT_S))
        await made.tell(HangUp(pbx_id=moved[1], leg_id=LegId(f"{moved[1]}-0")))
        await made.until("the other's claims", lambda: len(made.of(PbxClaimed)) >= claims + 2)
        await made.until("the end of a talk", lambda: bool(made.of(LegEnded)))
        print(f"drained gateway → its PBX is served again: {time.monotonic() - drained_at:.1f} s")
        assert await draining == 0
        await made.until_owned(gateway_0=4)
        await made.tell(
            StopRecording(pbx_id=moved[0], leg_id=LegId(f"{moved[0]}-0"), recording_id=RecordingId("rec"))
        )
        await made.until("the recording in S3", lambda: bool(made.of(RecordingFinished)))
        (finished,) = made.of(RecordingFinished)
        assert (finished.ok, finished.is_cut_off) == (True, False)
        await hang_up_all(made)
        assert_nothing_lost_or_doubled(made)

        second.start()
        await asyncio.to_thread(second.wait_ready)
        await made.until_owned(gateway_0=2, gateway_1=2)
        await a_talk_on_each_pbx(made)
        killed_at = time.monotonic()
        second.kill()
        await made.until_owned(gateway_0=4)
        print(f"killed gateway → its PBXs are with the other: {time.monotonic() - killed_at:.1f} s")
        await hang_up_all(made)
        assert_nothing_lost_or_doubled(made)
        assert first.process.is_alive()
