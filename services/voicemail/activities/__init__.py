"""Where voicemail touches the world: S3, the spool, ffmpeg and the mail server.

`Delivery` hears the commands of `ringback.delivery` and says what became of each. What it does is in
`storing` (a recording to S3), `audio` (ffmpeg), `posting` (a letter, once), `composing` and `wording` (what
it says) and `fetching` (the gateway's spool). Every effect is a constructor argument.

A mail server may take ten minutes for a letter. Beyond half a minute such a letter is left to itself, and
says what became of it when it is known: recordings, and letters to other servers, do not wait behind it. If
the process ends meanwhile, the decider asks for the letter again, and its mark says that it may have
arrived.
"""

import asyncio
from typing import Final

import structlog

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
from services.voicemail.activities.posting import Postman
from services.voicemail.activities.storing import Keeper

SOURCE: Final = "voicemail.activities"
WAITED_S_MAX: Final = 30.0
"""For one letter, before the next command is taken in its place."""
SLOW_LETTERS_MAX: Final = 200
"""Left to themselves at once: each holds its MP3. Beyond them letters are deferred without a try."""
BUSY: Final = "the mail server is so slow that no more letters can wait for it"

_log = structlog.get_logger()


class Delivery:
    """The handlers of the delivery topic: each command is answered on the log, and safe to hear twice."""

    def __init__(
        self, *, keeper: Keeper, postman: Postman, say: Say, waited_s_max: float = WAITED_S_MAX
    ) -> None:
        self._keeper = keeper
        self._postman = postman
        self._say = say
        self._waited_s_max = waited_s_max
        self._slow: set[asyncio.Task[None]] = set()

    async def handle(self, heard: Heard) -> None:
        """Carry out one command and answer it; a letter that takes long is answered later."""
        match heard.message:
            case StoreMessage() as command:
                fact = await self._keeper.store(heard.envelope.organization_id, command)
                await self._answer(heard, fact)
            case SendLetter() as command if len(self._slow) >= SLOW_LETTERS_MAX:
                deferred = LetterDeferred(letter_id=command.letter_id, answer=BUSY, tries=command.tries)
                await self._answer(heard, deferred)
            case SendLetter() as command:
                await self._soon(asyncio.create_task(self._sent(heard, command)))
            case other:
                raise TypeError(f"not a command of delivery: {other!r}")

    async def stop(self) -> None:
        """End what is left to itself: its marks say that it may have arrived."""
        for task in self._slow:
            task.cancel()
        await asyncio.gather(*self._slow, return_exceptions=True)

    async def _soon(self, task: asyncio.Task[None]) -> None:
        try:
            done, _ = await asyncio.wait({task}, timeout=self._waited_s_max)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            task.result()
            return
        self._slow.add(task)
        task.add_done_callback(self._slow_ended)

    def _slow_ended(self, task: asyncio.Task[None]) -> None:
        self._slow.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Nobody tries this again but the decider, within the hour; S3 knows whether it was accepted.
            _log.warning("what became of a letter was not said", error=repr(task.exception()))

    async def _sent(self, heard: Heard, command: SendLetter) -> None:
        fact = await self._postman.send(heard.envelope.organization_id, command)
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
    """Metrics and the lines that an operator looks for; what a person said or wrote is in none of them."""
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
