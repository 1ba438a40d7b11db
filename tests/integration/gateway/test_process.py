"""`python -m services.gateway` on a real broker and S3, its phones in another process, killed in mid-call."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from contracts import codec
from contracts.codec import Envelope
from contracts.gateway import (
    CallArrived,
    LegAnswered,
    LegEnded,
    LegRinging,
    PbxClaimed,
    PlayFinished,
    RecordingFinished,
)
from contracts.ids import Address, LegId, MediaKey, OrganizationId, PbxId, PlayId, RecordingId
from contracts.message import Fact, type_name
from contracts.telephony import AnswerLeg, DialLeg, HangUp, Play, Record, StopRecording, TelephonyCommand
from contracts.topics import TELEPHONY
from ringback import log as facts_log
from ringback.phones import control
from ringback.stack import parts
from ringback.stack.process import Process, free_port, is_listening
from ringback.stack.services import Service
from ringback.topics import create_topics
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing
from services.gateway.simulated import Call, Step, wire
from services.gateway.simulated.script import Until
from tests import offices
from tests.contract.gateway.benches import wav

PBX = PbxId("cloud")
ORGANIZATION = OrganizationId("acme")
LINE = "+74951230001"
CUSTOMER = "+79161234567"
F = TypeVar("F", bound=Fact)

SCRIPT = {
    "pbxs": {
        "cloud": {
            "phones": {"sip:201": {"behaviours": [{"answer_after_s": 0.5}]}, "sip:202": {"behaviours": [{}]}}
        }
    },
    "public": {CUSTOMER: {"behaviours": [{"answer_after_s": 0.5}]}},
}
# Some 40 s: whatever the machine does, the gateway is back before the end.
SPEAKS = (
    Step(until=Until.RECORDING),
    Step(say="Добрый день. Перезвоните мне, пожалуйста, завтра утром по поводу договора. " * 8),
)


class Works:
    """Broker, S3, phones and one gateway process."""

    def __init__(self, log: KafkaLog, service: Service, phones_port: int) -> None:
        self.log = log
        self.service = service
        self._port = phones_port
        self._seq = 0
        self._partition = 0
        self._offset = 0
        self.heard: list[Fact] = []

    async def begin(self) -> None:
        self._partition = await self.log.partition_of("facts", ORGANIZATION)
        saved = offices.pbx(PBX, LINE, name="Volga")
        await facts_log.say(self.log, self._partition, ORGANIZATION, [("saved", saved)])

    def phones(self, **told: object) -> dict[str, int]:
        return control(self._port, wire.Control(**told))  # type: ignore[arg-type]

    async def tell(self, command: TelephonyCommand) -> None:
        self._seq += 1
        made = Envelope(
            id=f"queue/{self._seq}",
            type=type_name(command),
            source="queue",
            organization_id=ORGANIZATION,
            seq=self._seq,
        )
        record = Outgoing(
            TELEPHONY.name, command.key(ORGANIZATION), tuple(codec.headers(made)), codec.encode(command)
        )
        await self.log.send([record])

    async def until(self, kind: type[F], count: int = 1, seconds: float = 30) -> F:
        end = time.monotonic() + seconds
        while len(found := [each for each in self.heard if isinstance(each, kind)]) < count:
            assert time.monotonic() < end, (
                f"never {kind.__name__}: {[type_name(each) for each in self.heard]}"
            )
            for record in await self.log.read(self._partition, self._offset, records_max=100, wait_ms=200):
                self._offset = record.offset + 1
                reading = facts_log.reading(record)
                if reading is not None and isinstance(reading.fact, Fact):
                    self.heard.append(reading.fact)
        return found[count - 1]


@asynccontextmanager
async def cluster(folder: Path, kafka: str, s3: parts.S3, prefix: str) -> AsyncIterator[Works]:
    """Everything, ended again whatever happens."""
    await create_topics(kafka, f"{prefix}.")
    script = folder / "phones.yaml"
    script.write_text(yaml.safe_dump(SCRIPT, allow_unicode=True), encoding="utf-8")
    settings = {
        "RINGBACK_KAFKA": kafka,
        "RINGBACK_TOPIC_PREFIX": f"{prefix}.",
        "RINGBACK_S3_ENDPOINT": s3.address,
        "RINGBACK_S3_BUCKET": s3.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3.access_key,
        "RINGBACK_S3_SECRET_KEY": s3.secret_key,
        "RINGBACK_S3_REGION": s3.region,
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_SPOOL": str(folder / "spool"),
    }
    port = free_port()
    argv = [sys.executable, "-m", "ringback", "phones", "--port", str(port), "--script", str(script)]
    phones = Process("phones", argv, folder, env=settings, dies_with_parent=True)
    service = Service(
        "gateway",
        {**settings, "RINGBACK_PBXS": f'{{"{ORGANIZATION}/cloud": "tcp://127.0.0.1:{port}"}}'},
        folder,
        dies_with_parent=True,
    )
    log = KafkaLog(kafka, prefix=f"{prefix}.")
    phones.start()
    try:
        service.start()
        phones.wait_until(lambda: is_listening(port), "open port", 20)
        await asyncio.to_thread(service.wait_ready, 30)
        await log.start()
        try:
            made = Works(log, service, port)
            await made.begin()
            yield made
        finally:
            await log.stop()
    finally:
        service.process.stop()
        phones.stop()


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.rule("G2", "G3", "V7")
async def test_calls_survive_the_death_of_the_gateway(
    tmp_path: Path, kafka_embedded: str, s3_server: parts.S3, fresh_prefix: str
) -> None:
    """A talk, a ringing phone, a voice message in mid-sentence: kill -9, and each ends as if nothing was."""
    s3_server.client().put_object(Bucket=s3_server.bucket, Key=f"{fresh_prefix}.wav", Body=wav(600))
    async with cluster(tmp_path, kafka_embedded, s3_server, fresh_prefix) as made:
        await made.until(PbxClaimed)
        await made.tell(_dial("sip:201", "talking"))
        await made.tell(_dial("sip:202", "ringing"))
        await made.until(LegAnswered)
        await made.until(LegRinging, count=2)
        made.phones(pbx_id=PBX, call=Call(line=LINE, caller=CUSTOMER, then=SPEAKS))
        caller = (await made.until(CallArrived)).leg_id
        await made.tell(AnswerLeg(pbx_id=PBX, leg_id=caller))
        key = MediaKey(f"{fresh_prefix}.wav")
        await made.tell(Play(pbx_id=PBX, leg_id=caller, play_id=PlayId("greeting"), media=(key,)))
        assert (await made.until(PlayFinished)).ok
        await made.tell(
            Record(
                pbx_id=PBX,
                leg_id=caller,
                recording_id=RecordingId("rec"),
                duration_ms_max=60_000,
                silence_ms_max=5_000,
            )
        )
        await asyncio.sleep(2)

        made.service.kill()
        await made.tell(HangUp(pbx_id=PBX, leg_id=LegId("talking")))
        made.service.start()
        await asyncio.to_thread(made.service.wait_ready)

        await made.until(PbxClaimed, count=2)
        ended = await made.until(LegEnded)
        assert (ended.leg_id, ended.outcome) == ("talking", "completed")
        await made.tell(StopRecording(pbx_id=PBX, leg_id=caller, recording_id=RecordingId("rec")))
        finished = await made.until(RecordingFinished)
        assert (finished.ok, finished.is_cut_off) == (True, False)
        stored = s3_server.client().get_object(Bucket=s3_server.bucket, Key=finished.key or "")
        assert abs(_length_ms(stored["Body"].read(), tmp_path / "original.wav") - finished.duration_ms) < 10
        assert 2_000 < finished.duration_ms < 60_000
        await made.tell(HangUp(pbx_id=PBX, leg_id=caller))
        await made.tell(HangUp(pbx_id=PBX, leg_id=LegId("ringing")))
        ended = await made.until(LegEnded, count=3)
        assert (ended.leg_id, ended.outcome) == ("ringing", "cancelled")
        assert made.phones()["dials"] == 2


def _length_ms(data: bytes, file: Path) -> float:
    """What another program finds."""
    file.write_bytes(data)
    told = subprocess.run(["sox", "--i", "-D", file], stdout=subprocess.PIPE, check=True).stdout
    return float(told) * 1000


def _dial(address: str, leg_id: str) -> DialLeg:
    return DialLeg(
        pbx_id=PBX, leg_id=LegId(leg_id), address=Address(address), caller_id=LINE, ring_ms_max=120_000
    )
