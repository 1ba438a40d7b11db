"""What a mail server's reply means: one table for all letters (V4, E3).

A letter is deferred after 4xx, after a lost connection, and when the fault is *ours*: our EHLO, our login, a
block list that names us, our sender's address. Such a fault is not the recipient's, so it raises an alarm for
an operator. A letter is refused when the fault is the recipient's or the letter's, which no retry mends; a
letter that is too large may be sent again without its attachment.

Servers complain of the sender at any stage: Postfix delays its verdict on client, HELO and sender until RCPT.
So the enhanced code (RFC 3463) takes precedence over the stage, and where it is vague (5.7.1) the words
decide.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec

from runtime.text import as_text, one_line

ANSWER_LENGTH_MAX: Final = 500


class Stage(StrEnum):
    """What the server replied to; END is the dot after the letter."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"


class Fault(StrEnum):
    """What a final reply complains of."""

    OURS = "ours"
    RECIPIENT = "recipient"
    LETTER = "letter"
    SIZE = "size"


class Verdict(StrEnum):
    """What became of a letter."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter, with the server's own words.

    `is_answer_lost`: the whole letter was sent but no reply came, so it may have arrived. `is_too_large`: a
    smaller letter may be accepted. `is_our_fault`: an operator must mend our side.
    """

    verdict: Verdict
    text: str
    is_answer_lost: bool = False
    is_too_large: bool = False
    is_our_fault: bool = False


_STAGES_OF_OURS: Final = frozenset({Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
"""At these stages the server does not know the recipient yet."""

_DETAILS: Final[tuple[tuple[str, Fault], ...]] = (
    # RFC 3463, and Microsoft's 5.2.3: the letter is larger than the mailbox or the system allows.
    (r"2\.3|3\.4", Fault.SIZE),
    # The sender's address, as the server sees it (RFC 3463, 7505).
    (r"1\.[789]|7\.27", Fault.OURS),
    # The address, its mailbox, a system that accepts no mail, a route that does not exist.
    (r"[1234]\.\d+", Fault.RECIPIENT),
    (r"6\.\d+", Fault.LETTER),
    # A mailbox or a domain that has a new owner; a list that is closed (RFC 3463, 7293).
    (r"7\.(2|17|18|19)", Fault.RECIPIENT),
    # Logging in, encryption, SPF, DKIM, reverse names, and Microsoft's lists of senders.
    (r"7\.(?!0$|1$)\d+", Fault.OURS),
)
_WORDS: Final[tuple[tuple[str, Fault], ...]] = (
    (r"too (large|big)|size limit|exceed\w* .*\bsize|size exceed|message size", Fault.SIZE),
    (r"authenticat|log ?in\b|credential|starttls|\bspf\b|\bdkim\b|\bdmarc\b", Fault.OURS),
    (r"black ?list|block ?list|blocked (using|by)|\b(dns|r)bl\b|(?<!not )listed (in|on|at|by)", Fault.OURS),
    (r"banned|reputation", Fault.OURS),
    (
        r"recipient (address )?rejected|RESOLVER\.RST|user unknown|unknown user|unknown recipient",
        Fault.RECIPIENT,
    ),
    (r"no such (user|mailbox|recipient)|mailbox (unavailable|not found)|does ?n[o']t exist", Fault.RECIPIENT),
    (r"relay|\bsender\b|\bhelo\b|\behlo\b|\bclient\b|fully.qualified|\bptr\b|reverse", Fault.OURS),
    (r"\b(your|the) (host|ip|address|server|domain)\b.*(reject|denied|refus|not allowed|block)", Fault.OURS),
)
_CODES: Final[dict[int, Fault]] = {
    # The protocol: our command was not understood, or came at the wrong time.
    **dict.fromkeys((500, 502, 503, 504, 555), Fault.OURS),
    # Logging in, and encryption before that (RFC 4954).
    **dict.fromkeys((530, 534, 535, 538), Fault.OURS),
    # RFC 5321: the server or the mailbox has too little room.
    **dict.fromkeys((523, 552), Fault.SIZE),
    # RFC 7504: the recipient's domain accepts no mail.
    **dict.fromkeys((521, 556), Fault.RECIPIENT),
}
_BY_STAGE: Final = {
    Stage.MAIL: Fault.OURS,
    Stage.RCPT: Fault.RECIPIENT,
    Stage.DATA: Fault.RECIPIENT,
    Stage.END: Fault.LETTER,
}
_VAGUE: Final = re.compile(r"7\.[01]|5\.\d+")
"""Before the letter is sent, policy and protocol codes without known words concern the sender."""
_ENHANCED: Final = re.compile(r"(?:^|\n)\s*[245]\.(\d{1,3}\.\d{1,3})\b")


def result_of_reply(stage: Stage, code: int, words: str) -> SendResult:
    """What a reply means; `words` come without the code, one line each."""
    said = reply_text(words)
    text = one_line(f"{code} {said}", ANSWER_LENGTH_MAX)
    if 200 <= code < 300:
        return SendResult(verdict=Verdict.ACCEPTED, text=text)
    fault = fault_of(stage, code, said)
    is_final = 500 <= code < 600
    return SendResult(
        verdict=Verdict.REFUSED if is_final and fault is not Fault.OURS else Verdict.DEFERRED,
        text=text,
        is_too_large=fault is Fault.SIZE,
        is_our_fault=is_final and fault is Fault.OURS,
    )


def fault_of(stage: Stage, code: int, said: str) -> Fault:
    """What a final reply complains of, by its most specific part first."""
    if stage in _STAGES_OF_OURS:
        return Fault.OURS
    found = _ENHANCED.search(said)
    detail = found[1] if found else ""
    for pattern, fault in _DETAILS:
        if re.fullmatch(pattern, detail):
            return fault
    for pattern, fault in _WORDS:
        if re.search(pattern, said, re.IGNORECASE):
            return fault
    if code in _CODES:
        return _CODES[code]
    if _VAGUE.fullmatch(detail) and stage is not Stage.END:
        return Fault.OURS
    return _BY_STAGE[stage]


def reply_text(words: str) -> str:
    """A server's words as text; the library keeps bytes that are not UTF-8 as surrogates."""
    return as_text(words.encode("utf-8", "surrogateescape"))


def result_without_reply(stage: Stage, why: str) -> SendResult:
    """The result when a server is unreachable, closes the connection, or is silent for RFC 5321's timeout."""
    is_lost = stage is Stage.END
    text = one_line(f"{why} (at {stage})", ANSWER_LENGTH_MAX)
    return SendResult(verdict=Verdict.DEFERRED, text=text, is_answer_lost=is_lost)
