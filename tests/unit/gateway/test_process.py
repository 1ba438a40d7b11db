"""The gateway's process: its spool, its uploads, its claims and its outbox."""

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client import REGISTRY

from contracts.dialling import DiallingPolicy
from contracts.gateway import (
    CommandDone,
    CommandRefused,
    LegAnswered,
    LegEnded,
    LegRequested,
    PbxClaimed,
    PbxReturned,
    RecordingFinished,
    RecordingSpooled,
)
from contracts.ids import Address, Instant, LegId, MediaKey, OrganizationId, PbxId, RecordingId
from contracts.telephony import DialLeg, HangUp, Record
from services.gateway.activities import recordings
from services.gateway.activities.spool import HEADER_BYTES, Spool, SpoolEntry, wav_header
from services.gateway.activities.upload import recording_key
from services.gateway.api import SpoolApi
from services.gateway.port import Cause
from tests import offices
from tests.contract.gateway.benches import LINE
from tests.unit.gateway.process import ORGANIZATION, PBX, GatewayProcess, gateway_process

SPOOL = ("ringback_spool_recordings", "ringback_spool_oldest_timestamp_seconds")

SLOW_BYTES_PER_S = 4_000
"""Two pieces, one and a half seconds of the network's time, for a short message."""
DAY_MS = 24 * 3_600_000
SPEAKER = Address("sip:207")
"""Says «hello there» into a recording and hangs up."""


def dial(address: str = SPEAKER, number: int = 1) -> DialLeg:
    return DialLeg(
        pbx_id=PBX,
        leg_id=LegId(f"leg-{number}"),
        address=Address(address),
        caller_id=LINE,
        ring_ms_max=20_000,
    )


def record(number: int = 1) -> Record:
    return Record(
        pbx_id=PBX,
        leg_id=LegId(f"leg-{number}"),
        recording_id=RecordingId(f"rec-{number}"),
        duration_ms_max=60_000,
        silence_ms_max=5_000,
    )


async def a_message(made: GatewayProcess, number: int = 1) -> None:
    """Somebody leaves a voice message, the first one of this process or another."""
    made.tell(dial(number=number))
    await made.until(LegAnswered, count=number)
    made.tell(record(number))


def is_a_law(data: bytes) -> bool:
    """An A-law WAV whose sizes are true."""
    return data[:HEADER_BYTES] == wav_header(len(data) - HEADER_BYTES)


@pytest.mark.rule("V3")
async def test_a_voice_message_is_in_s3_verified_and_leaves_the_spool(tmp_path: Path) -> None:
    """The original as it came, with size and checksum, under a key that tells nothing."""
    async with gateway_process(tmp_path) as made:
        await a_message(made)
        finished = await made.until(RecordingFinished)
        await made.until(LegEnded)
        assert finished.key is not None
        data = made.blobs.objects[finished.key][0]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (finished.bytes, finished.sha256)
        assert is_a_law(data)
        assert finished.duration_ms >= len("hello there") * 60
        assert finished.key.startswith("acme/recordings/")
        await made.wait(lambda: not list(tmp_path.glob("*.wav")), "an empty spool")


@pytest.mark.rule("V7")
async def test_a_recording_stays_in_the_spool_until_s3_has_it_verified(tmp_path: Path) -> None:
    """EC-62: S3 is down, then loses a byte; nothing is deleted before S3 has it, verified."""
    async with gateway_process(tmp_path) as made:
        made.blobs.is_up = False
        await a_message(made)
        spooled = await made.until(RecordingSpooled)
        await made.until(LegEnded)
        token = spooled.spool_url.rpartition("=")[2]
        data = made.spool.by_token(token)
        assert data is not None
        assert hashlib.sha256(data).hexdigest() == spooled.sha256
        made.blobs.loses, made.blobs.is_up = 1, True
        finished = await made.until(RecordingFinished)
        assert made.blobs.puts == 2
        assert finished.sha256 == spooled.sha256
        await made.wait(lambda: made.spool.by_token(token) is None, "an empty spool")


@pytest.mark.rule("V7")
async def test_a_restarted_gateway_finds_its_spool_and_uploads_it(tmp_path: Path) -> None:
    """A crash between the recording and S3 loses nothing and says nothing twice."""
    async with gateway_process(tmp_path) as made:
        made.blobs.is_up = False
        await a_message(made)
        await made.until(RecordingSpooled)
        await made.crash()
        made.blobs.is_up = True
        await made.start()
        assert (await made.until(RecordingFinished)).ok
        assert len(made.facts(RecordingSpooled)) == 1


@pytest.mark.rule("O1")
async def test_a_recording_of_another_organization_whose_pbx_has_the_same_name_is_left_alone(
    tmp_path: Path,
) -> None:
    """Both have their recordings in this spool; each PBX's own gateway uploads them and tells of them."""
    theirs = SpoolEntry(
        recording_id=RecordingId("rec-0"),
        leg_id=LegId("leg-0"),
        pbx_id=PBX,
        organization_id=OrganizationId("other"),
    )
    spool = Spool(tmp_path)
    spool.begin(theirs)
    closed = spool.close(theirs.recording_id, Cause.HANG_UP)
    assert closed is not None
    async with gateway_process(tmp_path) as made:
        await a_message(made)
        assert (await made.until(RecordingFinished)).recording_id == "rec-1"
        await made.until(LegEnded)
        assert recording_key(closed) not in made.blobs.objects
        assert [each.recording_id for each in made.facts(RecordingSpooled)] in ([], ["rec-1"])
        assert made.spool.recordings(theirs.organization_id, PBX) == [closed]


@pytest.mark.rule("V7")
async def test_a_gateway_that_starts_again_while_it_fetches_a_recording_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    """The PBX frees its copy when S3 has the recording, and not when only a disk of ours has it."""
    async with gateway_process(tmp_path, sound_bytes_per_s=SLOW_BYTES_PER_S) as made:
        made.blobs.is_up = False
        tapes = made.server.network.pbxs[PBX].recorder.tapes
        await a_message(made)
        part = tmp_path / f"{made.spool.token(RecordingId('rec-1'))}.part"
        await made.wait(lambda: part.exists() and part.stat().st_size > HEADER_BYTES, "the first sound")
        await made.crash()
        await made.start()
        spooled = await made.until(RecordingSpooled, seconds=20)
        assert not spooled.is_cut_off
        assert spooled.duration_ms >= len("hello there") * 60
        assert "rec-1" in tapes
        made.blobs.is_up = True
        assert (await made.until(RecordingFinished)).ok
        await made.wait(lambda: "rec-1" not in tapes, "a PBX that has freed it")


@pytest.mark.rule("V7")
async def test_what_a_successor_has_brought_to_s3_and_removed_is_finished(tmp_path: Path) -> None:
    """A process that slept while another one did its work: it finds the file gone, and goes on."""
    async with gateway_process(tmp_path) as made:
        made.blobs.is_up = False
        await a_message(made)
        spooled = await made.until(RecordingSpooled)
        successor = Spool(tmp_path)
        (recording,) = successor.recordings(ORGANIZATION, PBX)
        data = successor.read(recording.recording_id)
        assert data is not None
        key = recording_key(recording)
        made.blobs.objects[key] = (data, "audio/wav")
        successor.forget(recording.recording_id)
        made.blobs.is_up = True
        finished = await made.until(RecordingFinished)
        assert (finished.ok, finished.key, finished.sha256) == (True, key, spooled.sha256)
        await made.until(LegEnded)


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("is_in_s3", [False, True], ids=["s3 has none", "s3 has the good one"])
async def test_m14_a_spool_file_that_has_changed_is_never_uploaded(tmp_path: Path, is_in_s3: bool) -> None:
    """A disk that forgets: a good copy in S3 stays; without one the recording is said to be lost."""
    async with gateway_process(tmp_path) as made:
        file = tmp_path / f"{made.spool.token(RecordingId('rec-1'))}.wav"
        kept: list[tuple[MediaKey, bytes]] = []

        def change() -> None:
            """The file has been read for this try, and is another one for the next."""
            (recording,) = made.spool.recordings(ORGANIZATION, PBX)
            good = file.read_bytes()
            kept.append((recording_key(recording), good))
            file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
            if is_in_s3:
                made.blobs.objects[kept[0][0]] = (good, "audio/wav")
            made.blobs.is_up = True

        made.blobs.is_up, made.blobs.on_refusal = False, change
        await a_message(made)
        finished = await made.until(RecordingFinished)
        [(key, good)] = kept
        assert finished.ok is is_in_s3
        assert {each: data for each, (data, _) in made.blobs.objects.items() if each == key} == (
            {key: good} if is_in_s3 else {}
        )
        await made.until(LegEnded)


@pytest.mark.rule("V7")
async def test_a_file_that_is_in_neither_place_is_told_as_lost_and_the_next_recording_is_kept(
    tmp_path: Path,
) -> None:
    """Somebody has emptied the volume: one recording is lost and said to be, and no process ends."""
    async with gateway_process(tmp_path) as made:
        made.blobs.is_up = False
        # The file has been read for this try, and is missing for the next one.
        made.blobs.on_refusal = lambda: Spool(tmp_path).forget(RecordingId("rec-1"))
        await a_message(made)
        await made.until(RecordingSpooled)
        finished = await made.until(RecordingFinished)
        assert (finished.ok, finished.cause) == (False, "lost")
        made.blobs.is_up = True
        await a_message(made, 2)
        assert (await made.until(RecordingFinished, count=2)).ok


@pytest.mark.rule("V7")
async def test_a_full_disk_costs_a_recording_and_no_call(tmp_path: Path) -> None:
    """Others' calls are on this gateway, too: the one recording is told as lost, and the next one is kept."""
    async with gateway_process(tmp_path) as made:
        part = tmp_path / f"{made.spool.token(RecordingId('rec-1'))}.part"
        part.symlink_to("/dev/full")
        await a_message(made)
        finished = await made.until(RecordingFinished)
        await made.until(LegEnded)
        assert (finished.ok, finished.cause) == (False, "lost")
        part.unlink(missing_ok=True)
        await a_message(made, 2)
        assert (await made.until(RecordingFinished, count=2)).ok
        assert not any(task.done() for task in made._running)


@pytest.mark.rule("V7")
async def test_a_recording_waits_for_room_on_the_disk_and_is_kept_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sound is there: only what closes the file did not fit."""
    monkeypatch.setattr(recordings, "SPACE_S", 0.05)
    async with gateway_process(tmp_path) as made:
        made.tell(dial("sip:201"))
        await made.until(LegAnswered)
        made.tell(record())
        token = made.spool.token(RecordingId("rec-1"))
        part, beside = tmp_path / f"{token}.part", tmp_path / f"{token}.new"
        await made.wait(lambda: part.exists() and part.stat().st_size > 8_000, "a second of sound")
        beside.symlink_to("/dev/full")
        made.tell(HangUp(pbx_id=PBX, leg_id=LegId("leg-1")))
        await made.until(LegEnded)
        assert made.facts(RecordingSpooled) == []
        beside.unlink()
        finished = await made.until(RecordingFinished)
        assert finished.ok
        assert finished.duration_ms >= 1_000


def test_sound_that_comes_after_another_has_removed_the_file_makes_no_new_one(tmp_path: Path) -> None:
    """A file without its header would be taken for a recording."""
    mine = Spool(tmp_path)
    spooled = SpoolEntry(
        recording_id=RecordingId("rec-1"), leg_id=LegId("leg-1"), pbx_id=PBX, organization_id=ORGANIZATION
    )
    mine.begin(spooled)
    mine.append(spooled.recording_id, 0, bytes(800))
    Spool(tmp_path).forget(spooled.recording_id)
    mine.append(spooled.recording_id, 800, bytes(800))
    assert mine.size(spooled.recording_id) == 0
    assert mine.close(spooled.recording_id, Cause.HANG_UP) is None
    assert mine.read(spooled.recording_id) is None
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


@pytest.mark.rule("V8")
async def test_a_half_written_file_is_closed_into_a_playable_one(tmp_path: Path) -> None:
    """EC-63: gateway and PBX died in mid-message; what is on disk is a whole A-law WAV, flagged."""
    async with gateway_process(tmp_path) as made:
        made.tell(dial("sip:201"))
        await made.until(LegAnswered)
        made.tell(record())
        part = tmp_path / f"{made.spool.token(RecordingId('rec-1'))}.part"
        await made.wait(lambda: part.exists() and part.stat().st_size > 8_000, "a second of sound")
        await made.crash()
        pbx = made.server.network.pbxs[PBX]
        pbx.vanish(made.server.now(), for_ms=100, drops=1.0)
        pbx.recorder.tapes.clear()
        await made.start()
        finished = await made.until(RecordingFinished)
        assert (finished.ok, finished.is_cut_off) == (True, True)
        assert finished.key is not None
        assert is_a_law(made.blobs.objects[finished.key][0])
        assert finished.duration_ms >= 1_000


@pytest.mark.rule("G2")
async def test_nothing_goes_past_a_fact_that_was_not_acknowledged(tmp_path: Path) -> None:
    """The broker is away for a while: the same facts go again under the same numbers, in order."""
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        made.says_fail = 4
        made.tell(dial("sip:201"))
        await made.until(LegAnswered)
        seqs = [each.envelope.seq for each in made.log if each.envelope.incarnation]
        assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.rule("G2")
async def test_a_restarted_process_adopts_the_call_and_answers_what_was_left_open(tmp_path: Path) -> None:
    """kill -9 of the gateway: the call lives in the PBX, the new process finds it and ends it on command."""
    async with gateway_process(tmp_path) as made:
        made.tell(dial("sip:201"))
        await made.until(LegAnswered)
        await made.crash()
        await made.start()
        assert (await made.until(PbxReturned, count=2)).live_legs == ("leg-1",)
        settled = made.tell(HangUp(pbx_id=PBX, leg_id=LegId("leg-1")))
        await made.until(LegEnded)
        await settled
        assert made.facts(CommandDone)[-1].seq == 2
        assert made.server.network.counts["dialled sip:201"] == 1


@pytest.mark.rule("G3")
async def test_who_still_holds_the_pbx_claims_it_again_after_anothers_claim(tmp_path: Path) -> None:
    """A new process claimed and died before it connected: the calls do not stay without a gateway."""
    async with gateway_process(tmp_path) as made:
        made.tell(dial("sip:201"))
        await made.until(LegAnswered)
        made.claim("a newcomer that dies")
        await made.until(PbxClaimed, count=3)
        assert (await made.until(PbxReturned, count=2)).live_legs == ("leg-1",)
        made.tell(HangUp(pbx_id=PBX, leg_id=LegId("leg-1")))
        await made.until(LegEnded)


async def test_a_pbx_that_the_directory_does_not_know_waits(tmp_path: Path) -> None:
    """It is claimed as soon as it is known whose it is; until then its commands wait, too."""
    async with gateway_process(tmp_path, is_known=False) as made:
        assert made.registry.is_ready
        assert not made.facts(PbxClaimed)
        made.know()
        await made.until(PbxClaimed)
        await made.wait(lambda: made.registry.is_ready, "readiness")


async def _get(api: SpoolApi, query: bytes) -> tuple[int, bytes]:
    sent: list[dict[str, object]] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {}

    await api({"type": "http", "query_string": query}, receive, send)
    status, body = sent[0]["status"], b""
    assert isinstance(status, int)
    for each in sent[1:]:
        piece = each["body"]
        assert isinstance(piece, bytes)
        body += piece
    return status, body


@pytest.mark.parametrize(
    "query", [b"", b"recording=", b"recording=../secret", b"recording=" + b"a" * 40, b"x=%ff"]
)
async def test_the_spool_shows_nothing_to_who_does_not_know_the_token(tmp_path: Path, query: bytes) -> None:
    """A voice message is personal; there is no list and no path to guess."""
    async with gateway_process(tmp_path) as made:
        made.blobs.is_up = False
        await a_message(made)
        spooled = await made.until(RecordingSpooled)
        api = SpoolApi(made.spool.opened)
        assert await _get(api, query) == (404, b"")
        status, body = await _get(api, b"recording=" + spooled.spool_url.rpartition("=")[2].encode())
        assert status == 200
        assert hashlib.sha256(body).hexdigest() == spooled.sha256


def test_other_programs_read_what_the_spool_closes(tmp_path: Path) -> None:
    """The letter's MP3 is made from this file; a crash before its closing changes nothing about that."""
    spool = Spool(tmp_path)
    recording_id = RecordingId("rec-1")
    spool.begin(
        SpoolEntry(recording_id=recording_id, leg_id=LegId("l"), pbx_id=PBX, organization_id=ORGANIZATION)
    )
    spool.append(recording_id, 0, bytes(8_000))
    spool.append(recording_id, 4_000, bytes(8_000))
    spool.append(recording_id, 99_000, bytes(8_000))
    again = Spool(tmp_path)
    assert [each.cause for each in again.recordings(ORGANIZATION, PBX)] == [None]
    closed = again.close(recording_id, Cause.CUT_OFF)
    assert closed is not None
    assert closed.duration_ms == 1_500
    file = tmp_path / f"{again.token(recording_id)}.wav"
    told = subprocess.run(["sox", "--i", "-D", file], stdout=subprocess.PIPE, check=True).stdout
    assert float(told) == 1.5


def test_what_lies_in_the_spool_and_since_when_is_a_metric(tmp_path: Path) -> None:
    """Recordings that do not reach S3 are seen before the volume is full, after a restart as well."""
    spool = Spool(tmp_path)
    first, second = RecordingId("rec-1"), RecordingId("rec-2")
    for recording_id in (first, second):
        spool.begin(
            SpoolEntry(recording_id=recording_id, leg_id=LegId("l"), pbx_id=PBX, organization_id=ORGANIZATION)
        )
    os.utime(tmp_path / f"{spool.token(second)}.json", (2_000, 2_000))
    os.utime(tmp_path / f"{spool.token(first)}.json", (3_000, 3_000))
    again = Spool(tmp_path)
    assert [REGISTRY.get_sample_value(name) for name in SPOOL] == [2.0, 2_000.0]
    again.forget(second)
    assert [REGISTRY.get_sample_value(name) for name in SPOOL] == [1.0, 3_000.0]
    again.forget(first)
    assert [REGISTRY.get_sample_value(name) for name in SPOOL] == [0.0, 0.0]


async def test_whether_the_gateway_has_its_pbx_is_a_metric(tmp_path: Path) -> None:
    """Whoever is woken at night sees at once which PBX is away."""
    pbx = {"organization": ORGANIZATION, "pbx": PBX}
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        assert REGISTRY.get_sample_value("ringback_pbx_connected", pbx) == 1.0
        made.server.network.pbxs[PBX].vanish(made.server.now(), for_ms=60_000, drops=1.0)
        await made.wait(
            lambda: REGISTRY.get_sample_value("ringback_pbx_connected", pbx) == 0.0, "an absence to be shown"
        )


@pytest.mark.rule("C10")
async def test_the_minutes_of_a_pbx_that_another_process_serves_count_too(tmp_path: Path) -> None:
    """The ceiling is the organization's, and whoever reads the log from its start knows what was talked."""
    async with gateway_process(tmp_path) as made:
        policy = DiallingPolicy(minutes_per_day_max=1)
        made.append(offices.organization(ORGANIZATION, dialling_policy=policy))
        await made.until(PbxReturned)
        pbx_id, leg_id = PbxId("elsewhere"), LegId("far")
        requested = LegRequested(pbx_id=pbx_id, leg_id=leg_id, address=Address("tel:+79161234567"))
        noon = (time.time_ns() // 1_000_000 // DAY_MS + 1) * DAY_MS + DAY_MS // 2
        answered = LegAnswered(pbx_id=pbx_id, leg_id=leg_id)
        later = PbxReturned(pbx_id=pbx_id, live_legs=(leg_id,))
        for minute, fact in enumerate((requested, answered, later)):
            made.append(fact, source="gateway/elsewhere")
            made.log[-1] = structs.replace(made.log[-1], at=Instant(noon + minute * 60_000))
        minutes = made.registry._minutes.of(ORGANIZATION)
        await made.wait(lambda: minutes.used_ms(made.log[-1].at) >= 60_000, "the minutes are heard of")
        made.tell(dial(Address("tel:+79161234567"), number=7))
        refused = await made.until(CommandRefused)
        assert (refused.leg_id, refused.reason) == ("leg-7", "minutes_used_up")
