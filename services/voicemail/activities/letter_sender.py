"""Carries out `delivery.send_letter`: each letter is sent once (V4, V7, EC-65, EC-68).

A command may be read twice: its answer was not on the log when this process died, or another process took
the partition over. So this process remembers accepted letters and answers them again without sending; and S3
has a mark per letter: `sending` before, renewed while a slow server takes its time, and `accepted` after.
A process that finds `sending` defers the letter until the mark is too old for anybody to be sending, and then
counts it as one that may have arrived.

A second copy with the same Message-ID remains possible, and is counted (`is_repeat_possible`): when the
server takes a letter and its reply, or the mark after it, is lost, or S3 is away at that moment.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

import msgspec
import structlog

from contracts.audio_keys import folder_of, is_own_recording
from contracts.ids import OrganizationId
from contracts.voicemail import LetterAccepted, LetterDeferred, LetterFailed, Mark, SendLetter
from runtime.mail.addresses import InvalidAddress
from runtime.mail.mailer import Mailer
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.ports import Blobs, BlobsUnavailable
from runtime.text import one_line
from services.voicemail.activities.conversion import ConverterMissing, Mp3Converter, NotPlayable
from services.voicemail.activities.letter_composer import (
    WITHOUT_SOUND,
    AudioAbsence,
    LetterAudio,
    LetterComposer,
    identity,
)
from services.voicemail.activities.spool import Fetch, FetchFailed
from services.voicemail.activities.storage import sha256
from services.voicemail.decider.erasure import ERASED

Result = LetterAccepted | LetterDeferred | LetterFailed

REMEMBERED_MAX: Final = 10_000
"""Accepted letters that are remembered: far more than can be read twice after a rebalance."""
MARK_RENEWED_S: Final = 20.0
MARK_MS_MAX: Final = 55_000
"""A mark that was not renewed for so long belongs to a dead process. A deferred letter is first retried after
a minute."""
AUDIO_TRIES: Final = 3
"""A letter is deferred this often for audio that S3 has but does not give; then it goes with a link."""
REASON_LENGTH_MAX: Final = 300
SPOOL_SPEECH_MS_MIN: Final = 1
"""Audio from the spool is attached if anything is said in it; `storage` checks whether it is a message."""
SPOOL_DURATION_MS_MAX: Final = 60 * 60_000

_log = structlog.get_logger()


class SendingMark(msgspec.Struct, frozen=True, kw_only=True):
    """The mark of a letter in S3."""

    state: str
    at: int
    answer: str = ""
    is_repeat_possible: bool = False


class LetterSender:
    """Sends letters; safe to repeat. `now` is this machine's clock in ms, used only for the age of marks."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        fetch: Fetch,
        converter: Mp3Converter,
        mailer: Mailer,
        composer: LetterComposer,
        sender: str,
        now: Callable[[], int],
    ) -> None:
        self._blobs = blobs
        self._fetch = fetch
        self._converter = converter
        self._mailer = mailer
        self._composer = composer
        self._sender = sender
        self._now = now
        self._accepted: OrderedDict[str, LetterAccepted] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def withdraw(self, organization_id: OrganizationId, letter_id: str) -> None:
        """A letter whose customer was erased must not go, though its command may be read yet (V6).

        Raises BlobsUnavailable: the fact that says so is heard again.
        """
        key = withdrawn_key(organization_id, letter_id)
        await self._blobs.put(key, b"{}", content_type="application/json")

    async def _is_withdrawn(self, organization_id: OrganizationId, command: SendLetter) -> bool:
        try:
            return await self._blobs.info(withdrawn_key(organization_id, command.letter_id)) is not None
        except BlobsUnavailable:
            return False  # letters are sent without S3, too (V7)

    async def send(self, organization_id: OrganizationId, command: SendLetter) -> Result:
        """Carry out the command; every result is a fact."""
        key = mark_key(organization_id, command)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = self._accepted.get(key)
            if known is not None:
                return known
            try:
                result = await self._send_marked(organization_id, command, key)
            except OSError as error:
                # A full disk, a lost connection: that ends, and the letter goes then.
                result = _deferred(command, one_line(repr(error), REASON_LENGTH_MAX))
            except Exception as error:  # noqa: BLE001  # this letter's fault: it fails alone, and its row says why
                result = _broken(organization_id, command, error)
            if isinstance(result, LetterAccepted):
                self._remember(key, result)
            return result

    def _remember(self, key: str, accepted: LetterAccepted) -> None:
        self._accepted[key] = accepted
        while len(self._accepted) > REMEMBERED_MAX:
            self._accepted.popitem(last=False)

    async def _send_marked(self, organization_id: OrganizationId, command: SendLetter, key: str) -> Result:
        mark = await self._mark(key)
        if mark is not None and mark.state == "accepted":
            return _accepted(command, mark.answer, is_repeat_possible=mark.is_repeat_possible)
        if mark is not None and self._now() - mark.at < MARK_MS_MAX:
            return _deferred(command, "another process may be sending this letter")
        may_have_arrived = command.may_have_arrived or mark is not None
        if await self._is_withdrawn(organization_id, command):
            return LetterFailed(letter_id=command.letter_id, answer=ERASED)
        audio = await self._audio(organization_id, command)
        if audio is None:
            return _deferred(command, "S3 did not give the recording")
        await self._put_mark(key, SendingMark(state="sending", at=self._now()))
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew_mark(key, done))
        try:
            answer = await self._deliver(organization_id, command, audio)
        except InvalidAddress as error:
            answer = SendResult(verdict=Verdict.REFUSED, text=str(error))
        finally:
            # It is not cancelled: a cancelled write to S3 may still arrive after the next one.
            done.set()
            await renewing
        match answer.verdict:
            case Verdict.ACCEPTED:
                accepted = SendingMark(
                    state="accepted",
                    at=self._now(),
                    answer=answer.text,
                    is_repeat_possible=may_have_arrived,
                )
                await self._put_mark(key, accepted)
                return _accepted(command, answer.text, is_repeat_possible=may_have_arrived)
            case Verdict.DEFERRED:
                await self._drop_mark(key)
                lost = answer.is_answer_lost or mark is not None
                return _deferred(command, answer.text, is_answer_lost=lost)
            case Verdict.REFUSED:
                await self._drop_mark(key)
                return LetterFailed(letter_id=command.letter_id, answer=answer.text)

    async def _renew_mark(self, key: str, done: asyncio.Event) -> None:
        while True:
            try:
                await asyncio.wait_for(done.wait(), MARK_RENEWED_S)
            except TimeoutError:
                await self._put_mark(key, SendingMark(state="sending", at=self._now()))
            else:
                return

    async def _deliver(
        self, organization_id: OrganizationId, command: SendLetter, audio: LetterAudio
    ) -> SendResult:
        letter = self._composer.compose(organization_id, command, audio)
        recipient = command.recipient.email.strip()
        answer = await self._mailer.send(letter, sender=self._sender, recipient=recipient)
        if answer.is_too_large and audio.mp3:
            # The server's limit is below ours. It refused this letter, so a smaller one is not a second copy.
            linked = msgspec.structs.replace(audio, mp3=b"", absence=AudioAbsence.NOT_HERE)
            letter = self._composer.compose(organization_id, command, linked)
            answer = await self._mailer.send(letter, sender=self._sender, recipient=recipient)
        return answer

    async def _audio(self, organization_id: OrganizationId, command: SendLetter) -> LetterAudio | None:
        """The MP3 from S3, else from the spool, else why there is none; None: try again later."""
        if command.mark in WITHOUT_SOUND:
            return LetterAudio()
        if command.mp3_key is not None and not is_own_recording(organization_id, command.mp3_key):
            return LetterAudio(absence=AudioAbsence.NOT_HERE)
        if command.mp3_key is not None:
            is_away = False
            try:
                info = await self._blobs.info(command.mp3_key)
                if info is not None and info.bytes > self._composer.attachment_bytes_max:
                    return LetterAudio(absence=AudioAbsence.TOO_LARGE)
                mp3 = await self._blobs.get(command.mp3_key)
                if mp3 and _is_as_told(mp3, command.mp3_sha256):
                    return LetterAudio(mp3=mp3)
                is_away = bool(mp3)
            except BlobsUnavailable:
                is_away = True
            spooled = await self._from_spool(organization_id, command)
            if spooled is not None:
                return spooled
            return (
                None
                if is_away and command.tries < AUDIO_TRIES
                else LetterAudio(absence=AudioAbsence.NOT_HERE)
            )
        if command.spool_url:
            return await self._from_spool(organization_id, command) or LetterAudio(
                absence=AudioAbsence.NOT_YET
            )
        return LetterAudio()

    async def _from_spool(self, organization_id: OrganizationId, command: SendLetter) -> LetterAudio | None:
        if not command.spool_url:
            return None
        try:
            original = await self._fetch(command.spool_url)
            if original is None:
                return None
            if not await asyncio.to_thread(_is_as_told, original, command.spool_sha256):
                return None
            sound = await self._converter.convert(
                original,
                speech_ms_min=SPOOL_SPEECH_MS_MIN,
                duration_ms_max=SPOOL_DURATION_MS_MAX,
                organization_id=organization_id,
            )
        except (FetchFailed, ConverterMissing):
            return None
        except NotPlayable:
            return LetterAudio(mark=Mark.NOT_PLAYABLE)
        return LetterAudio(mp3=sound.mp3, duration_ms=sound.speech_ms, mark=sound.mark) if sound.mp3 else None

    async def _mark(self, key: str) -> SendingMark | None:
        """The letter's mark; None while S3 is away, because letters are sent all the same (V7)."""
        try:
            data = await self._blobs.get(key)
        except BlobsUnavailable:
            return None
        try:
            return None if data is None else msgspec.json.decode(data, type=SendingMark)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Somebody was sending it, nobody knows when: it may have arrived.
            return SendingMark(state="sending", at=0)

    async def _put_mark(self, key: str, mark: SendingMark) -> None:
        try:
            await self._blobs.put(key, msgspec.json.encode(mark), content_type="application/json")
        except BlobsUnavailable:
            # Without S3 there is no mark: a crash right now could cost a second copy, waiting would cost
            # the first one.
            return

    async def _drop_mark(self, key: str) -> None:
        try:
            await self._blobs.delete(key)
        except BlobsUnavailable:
            # It says `sending`, and will be believed for some minutes: the letter goes after that.
            return


def _broken(organization_id: OrganizationId, command: SendLetter, error: Exception) -> LetterFailed:
    """What becomes of a letter that can't be written or sent for a fault in it, or of ours."""
    # Without a traceback, which may show numbers and names.
    _log.error(
        "alarm: a letter can't be written or sent, and has failed",
        organization_id=organization_id,
        letter_id=command.letter_id,
        error=type(error).__name__,
    )
    reason = f"the letter could not be written or sent: {type(error).__name__}: {error}"
    return LetterFailed(letter_id=command.letter_id, answer=one_line(reason, REASON_LENGTH_MAX))


def _is_as_told(data: bytes, digest: str) -> bool:
    """Whether it is what was stored: commands of before there were checksums in them name none."""
    return digest in ("", sha256(data))


def mark_key(organization_id: OrganizationId, command: SendLetter) -> str:
    """The key of a letter's mark in S3."""
    return f"letters/{folder_of(organization_id)}/{identity(organization_id, command)}.json"


def withdrawn_key(organization_id: OrganizationId, letter_id: str) -> str:
    """The key of the note that a letter must not go."""
    return f"letters/{folder_of(organization_id)}/withdrawn/{sha256(letter_id.encode())}.json"


def _accepted(command: SendLetter, answer: str, *, is_repeat_possible: bool) -> LetterAccepted:
    return LetterAccepted(letter_id=command.letter_id, answer=answer, is_repeat_possible=is_repeat_possible)


def _deferred(command: SendLetter, answer: str, *, is_answer_lost: bool = False) -> LetterDeferred:
    return LetterDeferred(
        letter_id=command.letter_id, answer=answer, tries=command.tries, is_answer_lost=is_answer_lost
    )
