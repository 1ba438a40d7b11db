"""Where voicemail touches the world: S3, the spool, ffmpeg and the mail server.

`Delivery` hears the commands of `ringback.delivery` and says what became of each. What it does is in
`storing` (a recording to S3), `audio` (ffmpeg), `posting` (a letter, once), `composing` and `wording` (what
it says), `mail` (SMTP) and `fetching` (the gateway's spool). Every effect is a constructor argument.
"""

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

_log = structlog.get_logger()


class Delivery:
    """The handlers of the delivery topic: each command is answered on the log, and safe to hear twice."""

    def __init__(self, *, keeper: Keeper, postman: Postman, say: Say) -> None:
        self._keeper = keeper
        self._postman = postman
        self._say = say

    async def handle(self, heard: Heard) -> None:
        """Carry out one command and answer it."""
        organization_id = heard.envelope.organization_id
        match heard.message:
            case StoreMessage() as command:
                fact = await self._keeper.store(organization_id, command)
            case SendLetter() as command:
                fact = await self._postman.send(organization_id, command)
            case other:
                raise TypeError(f"not a command of delivery: {other!r}")
        _count(fact)
        await self._say((fact,), organization_id=organization_id, source=SOURCE, cause=heard.envelope.id)


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
