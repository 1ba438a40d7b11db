"""Carrying out `delivery.send_letter`: each letter once, whatever is read twice (V4, V7, EC-65, EC-68).

A command may come twice: its answer was not on the log when this process died, or another process took
the partition over. So a letter leaves marks. In this process: what was accepted is answered again without
sending. In S3: `sending` before, and again and again while a slow server takes its time, `accepted` after.
Whoever finds `sending` waits until nobody can be at it any more, and then counts the letter as one that may
have arrived. What remains: the server takes a letter,
and its answer, or the mark after it, is lost; or S3 is away at the same moment. Then a second copy with
the same Message-ID goes out, and is counted (`is_repeat_possible`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from contracts.ids import OrganizationId
from contracts.voicemail import LetterAccepted, LetterDeferred, LetterFailed, Mark, SendLetter
from runtime.mail.addresses import InvalidAddress
from runtime.mail.mailer import Mailer
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.ports import Blobs, BlobsUnavailable
from services.voicemail.activities.audio import ConverterMissing, NotPlayable, Studio
from services.voicemail.activities.composing import WITHOUT_SOUND, Absence, Audio, Writer, identity
from services.voicemail.activities.fetching import Fetch, FetchFailed
from services.voicemail.activities.storing import folder_of, sha256

Result = LetterAccepted | LetterDeferred | LetterFailed

REMEMBERED_MAX: Final = 10_000
"""Letters accepted by this process: far more than can be read twice after a rebalance."""
MARK_RENEWED_S: Final = 20.0
MARK_MS_MAX: Final = 55_000
"""A mark that was not renewed for so long is of a process that is gone; the first retry of a deferred letter
comes after a minute."""
AUDIO_TRIES: Final = 3
"""A letter is deferred this often for audio that S3 has and does not give; then it goes with a link."""
SPOOL_SPEECH_MS_MIN: Final = 1
"""Audio from the spool is attached whatever is said in it: whether it is a message is not decided here."""
SPOOL_DURATION_MS_MAX: Final = 60 * 60_000


class SendingMark(msgspec.Struct, frozen=True, kw_only=True):
    """What S3 remembers of a letter."""

    state: str
    at: int
    answer: str = ""
    is_repeat_possible: bool = False


class Postman:
    """Sends letters; safe to repeat. `now` is this machine's clock in ms: only ages are taken from it."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        fetch: Fetch,
        studio: Studio,
        mailer: Mailer,
        writer: Writer,
        sender: str,
        now: Callable[[], int],
    ) -> None:
        self._blobs = blobs
        self._fetch = fetch
        self._studio = studio
        self._mailer = mailer
        self._writer = writer
        self._sender = sender
        self._now = now
        self._accepted: OrderedDict[str, LetterAccepted] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def send(self, organization_id: OrganizationId, command: SendLetter) -> Result:
        """Carry out the command; whatever happens is a fact."""
        key = mark_key(organization_id, command)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = self._accepted.get(key)
            if known is not None:
                return known
            result = await self._send_marked(organization_id, command, key)
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
        audio = await self._audio(command)
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
            # It ends by itself: a write to S3 that is cancelled may still come after the next one.
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
        self, organization_id: OrganizationId, command: SendLetter, audio: Audio
    ) -> SendResult:
        letter = self._writer.letter(organization_id, command, audio)
        recipient = command.recipient.email.strip()
        answer = await self._mailer.send(letter, sender=self._sender, recipient=recipient)
        if answer.is_too_large and audio.mp3:
            # The server's limit is below ours. It has refused this one, so a smaller one is no second.
            linked = msgspec.structs.replace(audio, mp3=b"", absence=Absence.NOT_HERE)
            letter = self._writer.letter(organization_id, command, linked)
            answer = await self._mailer.send(letter, sender=self._sender, recipient=recipient)
        return answer

    async def _audio(self, command: SendLetter) -> Audio | None:
        """The MP3 from S3, else made from the spool, else why there is none; None: try again later."""
        if command.mark in WITHOUT_SOUND:
            return Audio()
        if command.mp3_key is not None:
            is_away = False
            try:
                info = await self._blobs.info(command.mp3_key)
                if info is not None and info.bytes > self._writer.attachment_bytes_max:
                    return Audio(absence=Absence.TOO_LARGE)
                mp3 = await self._blobs.get(command.mp3_key)
                if mp3 and _is_as_told(mp3, command.mp3_sha256):
                    return Audio(mp3=mp3)
                is_away = bool(mp3)
            except BlobsUnavailable:
                is_away = True
            spooled = await self._from_spool(command)
            if spooled is not None:
                return spooled
            return None if is_away and command.tries < AUDIO_TRIES else Audio(absence=Absence.NOT_HERE)
        if command.spool_url:
            return await self._from_spool(command) or Audio(absence=Absence.NOT_YET)
        return Audio()

    async def _from_spool(self, command: SendLetter) -> Audio | None:
        if not command.spool_url:
            return None
        try:
            original = await self._fetch(command.spool_url)
            if original is None:
                return None
            if not await asyncio.to_thread(_is_as_told, original, command.spool_sha256):
                return None
            sound = await self._studio.mp3(
                original, speech_ms_min=SPOOL_SPEECH_MS_MIN, duration_ms_max=SPOOL_DURATION_MS_MAX
            )
        except (FetchFailed, ConverterMissing):
            return None
        except NotPlayable:
            return Audio(mark=Mark.NOT_PLAYABLE)
        return Audio(mp3=sound.mp3, duration_ms=sound.speech_ms, mark=sound.mark) if sound.mp3 else None

    async def _mark(self, key: str) -> SendingMark | None:
        """What S3 knows of this letter. While S3 is away letters go all the same (V7)."""
        try:
            data = await self._blobs.get(key)
        except BlobsUnavailable:
            return None
        return None if data is None else msgspec.json.decode(data, type=SendingMark)

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


def _is_as_told(data: bytes, digest: str) -> bool:
    """Whether it is what was stored: commands of before there were checksums in them name none."""
    return digest in ("", sha256(data))


def mark_key(organization_id: OrganizationId, command: SendLetter) -> str:
    """Where a letter's mark lies."""
    return f"letters/{folder_of(organization_id)}/{identity(organization_id, command)}.json"


def _accepted(command: SendLetter, answer: str, *, is_repeat_possible: bool) -> LetterAccepted:
    return LetterAccepted(letter_id=command.letter_id, answer=answer, is_repeat_possible=is_repeat_possible)


def _deferred(command: SendLetter, answer: str, *, is_answer_lost: bool = False) -> LetterDeferred:
    return LetterDeferred(
        letter_id=command.letter_id, answer=answer, tries=command.tries, is_answer_lost=is_answer_lost
    )
