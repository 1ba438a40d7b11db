"""Voicemail's table of contents: what it hears, says and decides, and the edge that stores and mails."""

import shutil
from typing import Final

from contracts.telephony import AnswerLeg, HangUp, Play, Record, StopRecording
from contracts.topics import DELIVERY, FACTS
from contracts.voicemail import (
    CallerThanked,
    GreetingPlayed,
    LetterDue,
    LetterFailed,
    LetterRetried,
    MessageMissing,
    MessageQuarantined,
    MessageTaken,
    NumberErased,
    RecordingAsked,
    SendLetter,
    StoreMessage,
    StoringAsked,
)
from runtime import plaintext
from runtime.client_tls import ClientTls
from runtime.decision import Decider
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from runtime.mail.mailer import SmtpMailer, server_of
from services.voicemail.activities import Delivery
from services.voicemail.activities.conversion import Mp3Converter
from services.voicemail.activities.letter_composer import LetterComposer
from services.voicemail.activities.letter_sender import LetterSender
from services.voicemail.activities.malloc import return_large_blocks
from services.voicemail.activities.spool import SpoolReader
from services.voicemail.activities.storage import ORIGINAL_BYTES_MAX, MessageStorage
from services.voicemail.decider import HEARD, apply, decide, owed
from services.voicemail.settings import Settings
from services.voicemail.state import VoicemailState

LINGER_MS: Final = 500
"""Letters and stored messages are minutes after the call anyhow."""


def gauges(state: VoicemailState) -> dict[str, float]:
    """One organization's share of the open letters, and when the oldest was written."""
    return {"letters_open": float(len(state.letters_open)), "letter_oldest_at": state.letters_open.at_s}


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
        NumberErased,
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
    # Before a greeting, which nobody notices.
    linger_ms=250,
    gauges=gauges,
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
    """Build the edge that stores recordings and sends letters.

    Raises ValueError for unusable settings and missing programs.
    """
    absent = [program for program in ("ffmpeg", "prlimit") if shutil.which(program) is None]
    if absent:
        raise ValueError(
            f"these programs are missing: {', '.join(absent)}. "
            "On Debian and Ubuntu: apt-get install ffmpeg util-linux"
        )
    return_large_blocks()
    converter = Mp3Converter(at_once_max=settings.conversions_at_once_max)
    fetch = SpoolReader(
        bytes_max=ORIGINAL_BYTES_MAX,
        trust=ClientTls("RINGBACK_SPOOL", ca=settings.spool_ca).context,
        allowed_to=plaintext.allowed(settings.allow_plaintext_to),
    )
    storage = MessageStorage(blobs=ports.blobs, fetch=fetch, converter=converter)
    letter_sender = LetterSender(
        blobs=ports.blobs,
        fetch=fetch,
        converter=converter,
        mailer=SmtpMailer(server_of(settings)),
        composer=LetterComposer(
            sender_name=settings.mail_from_name,
            sender=settings.mail_from,
            attachment_bytes_max=settings.attachment_bytes_max,
        ),
        sender=settings.mail_from,
        now=ports.clock.now,
    )
    delivery = Delivery(storage=storage, letter_sender=letter_sender, say=ports.say)
    return EdgeWork(
        subscriptions=(
            Subscription(
                topic=DELIVERY,
                hears=(StoreMessage, SendLetter),
                handle=delivery.handle,
                concurrency_max=settings.deliveries_at_once_max,
                # A slow server of one company's recipients leaves room for the others' letters.
                per_organization_max=max(1, settings.deliveries_at_once_max // 2),
                linger_ms=LINGER_MS,
            ),
            Subscription(topic=FACTS, hears=(LetterFailed,), handle=delivery.hear, linger_ms=LINGER_MS),
        ),
        on_stop=(delivery.stop,),
    )


EDGE: Final = Edge(name="voicemail-delivery", build=build, parts=("s3", "smtp"))
