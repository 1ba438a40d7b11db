"""Voicemail's table of contents: what it hears, says and decides, and the edge that delivers for it."""

import shutil
from typing import Final

from contracts.telephony import AnswerLeg, HangUp, Play, Record, StopRecording
from contracts.topics import DELIVERY
from contracts.voicemail import (
    CallerThanked,
    GreetingPlayed,
    LetterDue,
    LetterFailed,
    LetterRetried,
    MessageMissing,
    MessageQuarantined,
    MessageTaken,
    RecordingAsked,
    SendLetter,
    StoreMessage,
    StoringAsked,
)
from runtime.decision import Decider
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from runtime.mail.mailer import SmtpMailer, server_at
from services.voicemail.activities import Delivery
from services.voicemail.activities.audio import Studio
from services.voicemail.activities.composing import Writer
from services.voicemail.activities.fetching import SpoolReader
from services.voicemail.activities.memory import give_back_large_blocks
from services.voicemail.activities.posting import Postman
from services.voicemail.activities.storing import ORIGINAL_BYTES_MAX, Keeper
from services.voicemail.decider import HEARD, apply, decide, owed
from services.voicemail.settings import Settings
from services.voicemail.state import VoicemailState

SERVICE: Final = Decider[VoicemailState](
    name="voicemail",
    hears=HEARD,
    says=(
        GreetingPlayed,
        RecordingAsked,
        MessageTaken,
        CallerThanked,
        MessageMissing,
        MessageQuarantined,
        StoringAsked,
        LetterDue,
        LetterRetried,
        LetterFailed,
        AnswerLeg,
        Play,
        Record,
        StopRecording,
        HangUp,
        StoreMessage,
        SendLetter,
    ),
    new_state=VoicemailState,
    apply=apply,
    decide=decide,
    owed=owed,
    counts={
        "voicemail.message_taken": ("voice_messages", "taken"),
        "voicemail.message_missing": ("voice_messages", "missing"),
        "voicemail.message_quarantined": ("voice_messages", "quarantined"),
        "voicemail.letter_due": ("letters", "due"),
        "voicemail.letter_retried": ("letters", "retried"),
        "voicemail.letter_failed": ("letters", "failed"),
    },
)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """The edge that stores recordings and sends letters.

    Raises ValueError for unusable settings, and for programs without which no voice message is ever stored.
    """
    absent = [program for program in ("ffmpeg", "prlimit") if shutil.which(program) is None]
    if absent:
        raise ValueError(
            f"these programs are missing: {', '.join(absent)}. "
            "On Debian and Ubuntu: apt-get install ffmpeg util-linux"
        )
    give_back_large_blocks()
    studio = Studio(at_once_max=settings.conversions_at_once_max)
    fetch = SpoolReader(bytes_max=ORIGINAL_BYTES_MAX)
    keeper = Keeper(blobs=ports.blobs, fetch=fetch, studio=studio)
    postman = Postman(
        blobs=ports.blobs,
        fetch=fetch,
        studio=studio,
        mailer=SmtpMailer(server_at(settings.smtp, ca=settings.smtp_ca)),
        writer=Writer(
            sender_name=settings.mail_from_name,
            sender=settings.mail_from,
            attachment_bytes_max=settings.attachment_bytes_max,
        ),
        sender=settings.mail_from,
        now=ports.clock.now,
    )
    delivery = Delivery(keeper=keeper, postman=postman, say=ports.say)
    return EdgeWork(
        subscriptions=(
            Subscription(
                topic=DELIVERY,
                hears=(StoreMessage, SendLetter),
                handle=delivery.handle,
                concurrency_max=settings.deliveries_at_once_max,
            ),
        ),
        on_stop=(delivery.stop,),
    )


EDGE: Final = Edge(name="voicemail-delivery", build=build, parts=("s3", "smtp"))
