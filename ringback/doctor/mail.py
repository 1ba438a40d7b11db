"""The mail server: EHLO, encryption, login, and whether a letter with a recording fits; none is sent."""

from typing import Final

from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from runtime import checks
from runtime.mail.mailer import Offer, SmtpMailer, server_of

PART: Final = "smtp"
ANSWER_S_MAX: Final = 30.0
"""A letter waits five minutes for each answer; whoever watches, less."""
LINE_BYTES, WRAPPED_BYTES = 57, 78
"""A line of Base64 has 57 bytes of the file in 76 letters and a line's end (RFC 2045)."""
TEXT_BYTES_MAX: Final = 64 * 1024
"""A letter beside its attachment: text, HTML and headers."""


async def examine(settings: Settings, scope: Scope) -> Section:
    """Talk to the mail server until it would take a letter."""
    section = Section("mail")
    if not settings.smtp:
        section.not_configured("RINGBACK_SMTP", is_needed=PART in scope.needed)
        return section
    lack = await checks.smtp(settings)
    if lack is not None:
        section.red("answers", lack.words)
        return section
    mailer = SmtpMailer(server_of(settings), timeout_s=ANSWER_S_MAX, end_timeout_s=ANSWER_S_MAX)
    offer = await mailer.offer()
    if not isinstance(offer, Offer):
        section.red(
            "answers", f"{offer.text}; check RINGBACK_SMTP, its user and password, and RINGBACK_SMTP_CA"
        )
        return section
    server = server_of(settings)
    section.green("answers", f"{server.host}:{server.port}, as {settings.mail_from}")
    if offer.is_encrypted:
        section.green("encryption", "TLS" if server.use_tls else "STARTTLS")
    else:
        section.not_tried("encryption", "the server offers none, and RINGBACK_SMTP (smtp://) accepts that")
    if server.username:
        section.green("login", f"as {server.username}")
    else:
        section.not_tried("login", "RINGBACK_SMTP has no user")
    _examine_size(section, settings, offer)
    return section


def _examine_size(section: Section, settings: Settings, offer: Offer) -> None:
    letter = settings.attachment_bytes_max * WRAPPED_BYTES // LINE_BYTES + TEXT_BYTES_MAX
    if offer.letter_bytes_max is None or offer.letter_bytes_max >= letter:
        most = "no limit is told" if offer.letter_bytes_max is None else f"{offer.letter_bytes_max:,} bytes"
        section.green("size", f"{most}; a letter has {letter:,} at most")
        return
    fits = max(0, (offer.letter_bytes_max - TEXT_BYTES_MAX) * LINE_BYTES // WRAPPED_BYTES)
    section.red(
        "size",
        f"the server takes {offer.letter_bytes_max:,} bytes, and a letter may have {letter:,}: raise its "
        f"limit, or set RINGBACK_ATTACHMENT_BYTES_MAX to {fits} or less, and longer messages come as links",
    )
