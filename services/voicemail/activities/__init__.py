"""Where voicemail touches the world: S3, the spool, ffmpeg and the mail server.

`Delivery` hears the commands of `ringback.delivery` and says what became of each. `storage` puts a recording
into S3, `conversion` makes its MP3 (with `speech_detection` and `g711`), `spool` reads from the gateway,
`letter_sender` sends each letter once, and `letter_composer` writes it (with `letter_texts`, `formats` and
`retention_warning`). Every effect is a constructor argument.

A mail server may take ten minutes for a letter. After half a minute the next command is taken, and the letter
is answered when its end is known, so that recordings and letters to other servers do not wait behind it. If
the process ends meanwhile, the decider asks for the letter again, and its mark says that it may have arrived.
"""

import asyncio
from typing import Final

import structlog

from contracts.ids import OrganizationId
from contracts.message import Fact
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterFailed,
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    SendLetter,
    StoreMessage,
    StoringDeferred,
)
from runtime import metrics
from runtime.edge import Heard, Say
from services.voicemail.activities.letter_sender import LetterSender
from services.voicemail.activities.storage import MessageStorage
from services.voicemail.decider.erasure import ERASED

SOURCE: Final = "voicemail.activities"
WAITED_S_MAX: Final = 30.0
"""How long one letter is waited for before the next command is taken."""
SLOW_LETTERS_MAX: Final = 200
"""Slow letters at the same time, each with its MP3 in memory; further letters are deferred untried."""
SLOW_LETTERS_OF_ORGANIZATION_MAX: Final = 50
"""Of one organization, so that the rest is left to the others."""
BUSY: Final = "the mail server is so slow that no more letters can wait for it"

_log = structlog.get_logger()


class Delivery:
    """Handles the delivery topic: each command is answered on the log, and safe to hear twice."""

    def __init__(
        self,
        *,
        storage: MessageStorage,
        letter_sender: LetterSender,
        say: Say,
        waited_s_max: float = WAITED_S_MAX,
    ) -> None:
        self._storage = storage
        self._letter_sender = letter_sender
        self._say = say
        self._waited_s_max = waited_s_max
        self._slow: dict[asyncio.Task[None], OrganizationId] = {}

    async def handle(self, heard: Heard) -> None:
        """Carry out one command and answer it; a slow letter is answered later."""
        match heard.message:
            case StoreMessage() as command:
                fact = await self._storage.store(heard.envelope.organization_id, command)
                await self._answer(heard, fact)
            case SendLetter() as command if self._is_full(heard.envelope.organization_id):
                deferred = LetterDeferred(letter_id=command.letter_id, answer=BUSY, tries=command.tries)
                await self._answer(heard, deferred)
            case SendLetter() as command:
                sending = asyncio.create_task(self._sent(heard, command))
                await self._wait_a_while(sending, heard.envelope.organization_id)
            case other:
                raise TypeError(f"not a command of delivery: {other!r}")

    async def hear(self, heard: Heard) -> None:
        """Note the letters that the decider has ended because their customer was erased (V6)."""
        match heard.message:
            case LetterFailed(answer=answer) as failed if answer == ERASED:
                await self._letter_sender.withdraw(heard.envelope.organization_id, failed.letter_id)
            case _:
                return

    async def stop(self) -> None:
        """Cancel the slow letters; their marks say that they may have arrived."""
        for task in self._slow:
            task.cancel()
        await asyncio.gather(*self._slow, return_exceptions=True)

    def _is_full(self, organization_id: OrganizationId) -> bool:
        of_it = sum(each == organization_id for each in self._slow.values())
        return len(self._slow) >= SLOW_LETTERS_MAX or of_it >= SLOW_LETTERS_OF_ORGANIZATION_MAX

    async def _wait_a_while(self, task: asyncio.Task[None], organization_id: OrganizationId) -> None:
        try:
            done, _ = await asyncio.wait({task}, timeout=self._waited_s_max)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            task.result()
            return
        self._slow[task] = organization_id
        task.add_done_callback(self._slow_ended)

    def _slow_ended(self, task: asyncio.Task[None]) -> None:
        self._slow.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            # The decider asks again within the hour; the mark in S3 says whether it was accepted.
            _log.warning("what became of a letter was not said", error=repr(task.exception()))

    async def _sent(self, heard: Heard, command: SendLetter) -> None:
        fact = await self._letter_sender.send(heard.envelope.organization_id, command)
        await self._answer(heard, fact)

    async def _answer(self, heard: Heard, fact: Fact) -> None:
        _count(fact)
        await self._say(
            (fact,),
            organization_id=heard.envelope.organization_id,
            source=SOURCE,
            cause=heard.envelope.id,
        )


def _count(fact: Fact) -> None:
    """Count and log for the operator, without anything that a person said or wrote."""
    match fact:
        case MessageStored():
            metrics.VOICE_MESSAGES.labels("stored").inc()
        case MessageMissing():
            metrics.VOICE_MESSAGES.labels("missing").inc()
        case MessageQuarantined():
            metrics.VOICE_MESSAGES.labels("quarantined").inc()
            _log.warning("recording quarantined", voice_message_id=fact.voice_message_id, reason=fact.reason)
        case StoringDeferred():
            metrics.VOICE_MESSAGES.labels("deferred").inc()
            _log.warning(
                "storing deferred",
                voice_message_id=fact.voice_message_id,
                reason=fact.reason,
                tries=fact.tries,
            )
        case LetterAccepted():
            metrics.LETTERS.labels("accepted").inc()
            if fact.is_repeat_possible:
                metrics.LETTERS.labels("repeat_possible").inc()
        case LetterDeferred():
            metrics.LETTERS.labels("deferred").inc()
            _log.warning("letter deferred", letter_id=fact.letter_id, tries=fact.tries)
        case LetterFailed():
            metrics.LETTERS.labels("failed").inc()
            _log.warning("letter failed", letter_id=fact.letter_id)
        case _:
            pass
