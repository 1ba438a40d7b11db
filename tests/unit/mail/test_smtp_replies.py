"""One table of servers' replies for all letters: whose fault it is, and whether a retry helps (V4, E3)."""

import pytest

from runtime.mail.smtp_replies import Stage, Verdict, result_of_reply, result_without_reply

OURS = (
    (Stage.CONNECT, 554, "5.7.1 no SMTP service for you"),
    (Stage.CONNECT, 550, "blocked"),
    (Stage.EHLO, 501, "5.5.4 invalid domain name"),
    (Stage.EHLO, 504, "5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"),
    (Stage.STARTTLS, 554, "5.7.3 unable to initialize security subsystem"),
    (Stage.AUTH, 535, "5.7.8 authentication failed"),
    (Stage.AUTH, 534, "5.7.9 mechanism is too weak"),
    (Stage.MAIL, 530, "5.7.0 authentication required"),
    (Stage.MAIL, 530, "5.7.0 Must issue a STARTTLS command first"),
    (Stage.MAIL, 550, "5.7.1 client was not authenticated"),
    (Stage.MAIL, 553, "5.7.1 <rb@volga.example>: Sender address rejected: not owned by user"),
    (Stage.MAIL, 550, "5.1.8 <rb@volga.example>: Sender address rejected: Domain not found"),
    (Stage.MAIL, 501, "5.1.7 bad sender address syntax"),
    (Stage.MAIL, 555, "5.5.4 parameters not recognized"),
    (Stage.MAIL, 503, "bad sequence"),
    (Stage.RCPT, 554, "5.7.1 <unknown[10.0.0.1]>: Client host rejected: Access denied"),
    (Stage.RCPT, 504, "5.5.2 <host>: Helo command rejected: need fully-qualified hostname"),
    (Stage.RCPT, 554, "5.7.1 Service unavailable; Client host [10.0.0.1] blocked using zen.example"),
    (Stage.RCPT, 554, "5.7.1 <anna@elsewhere.example>: Relay access denied"),
    (Stage.RCPT, 550, "relay not permitted"),
    (Stage.RCPT, 530, "authentication required"),
    (Stage.RCPT, 550, "5.7.1 Unable to relay"),
    (Stage.RCPT, 550, "5.7.23 <a@b>: Recipient address rejected: Message rejected due to: SPF fail"),
    (Stage.RCPT, 550, "5.7.25 no reverse DNS"),
    (Stage.RCPT, 550, "5.7.606 Access denied, banned sending IP [10.0.0.1]"),
    (Stage.RCPT, 553, "5.7.1 <rb@volga.example>: Sender address rejected: not logged in"),
    (Stage.RCPT, 550, "5.7.1 delivery not authorized"),
    (Stage.DATA, 530, "5.7.0 authentication required"),
    (Stage.DATA, 503, "5.5.1 out of order"),
    (Stage.END, 550, "5.7.26 this mail is unauthenticated: SPF and DKIM did not pass"),
    (Stage.END, 550, "5.7.1 our system has detected that your IP is listed at rbl.example"),
)
THEIRS = (
    (Stage.RCPT, 550, "5.1.1 <nobody@volga.example>: Recipient address rejected: User unknown"),
    (Stage.RCPT, 550, "no such user here"),
    (Stage.RCPT, 551, "user not local"),
    (Stage.RCPT, 553, "mailbox name not allowed"),
    (Stage.RCPT, 501, "5.1.3 bad recipient address syntax"),
    (Stage.RCPT, 550, "5.2.1 the mailbox is disabled"),
    (Stage.RCPT, 552, "5.2.2 mailbox full"),
    (Stage.RCPT, 554, "5.7.1 <anna@volga.example>: Recipient address rejected: Access denied"),
    (Stage.RCPT, 504, "5.5.2 <anna@volga>: Recipient address rejected: need fully-qualified address"),
    (Stage.RCPT, 556, "5.1.10 recipient address has null MX"),
    (Stage.RCPT, 550, "5.5.0 Requested action not taken: mailbox unavailable"),
    (Stage.RCPT, 550, "почтовый ящик не найден"),
    (Stage.DATA, 554, "5.5.1 no valid recipients: user unknown"),
    (Stage.END, 554, "5.7.1 spam message rejected"),
    (Stage.END, 550, "5.6.0 headers are malformed"),
    (Stage.END, 550, "content rejected"),
)
SIZES = (
    (Stage.MAIL, 552, "5.3.4 message size exceeds fixed limit"),
    (Stage.MAIL, 552, "too big"),
    (Stage.RCPT, 550, "5.2.3 message too large for this recipient"),
    (Stage.RCPT, 552, "5.2.3 message exceeds the size"),
    (Stage.END, 550, "5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient"),
    (Stage.END, 554, "5.3.4 message too big for system"),
    (Stage.END, 523, "the message length exceeds what the recipient takes"),
    (Stage.END, 550, "Message size exceeds the limit of this server"),
)


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize(("stage", "code", "words"), OURS)
def test_l5_an_answer_about_us_defers_with_an_alarm(stage: Stage, code: int, words: str) -> None:
    """Our own fault is not the recipient's: the letter waits until somebody mends our side."""
    answer = result_of_reply(stage, code, words)
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, True)
    assert answer.text == f"{code} {words}"


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize(("stage", "code", "words"), THEIRS)
def test_l5_an_answer_about_recipient_or_letter_is_final(stage: Stage, code: int, words: str) -> None:
    """No retry mends it, and the server's words are kept."""
    answer = result_of_reply(stage, code, words)
    assert (answer.verdict, answer.is_our_fault, answer.is_too_large) == (Verdict.REFUSED, False, False)


@pytest.mark.rule("V4")
@pytest.mark.parametrize(("stage", "code", "words"), SIZES)
def test_p2_whatever_code_says_too_large_a_smaller_letter_may_go(stage: Stage, code: int, words: str) -> None:
    """By the enhanced code, the code or the words: the recipient still learns, with a link."""
    answer = result_of_reply(stage, code, words)
    assert (answer.verdict, answer.is_too_large) == (Verdict.REFUSED, True)


@pytest.mark.rule("V4")
@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (421, "4.7.0 too many"),
        (450, "4.7.1 greylisted"),
        (451, "later"),
        (452, "4.3.1 full"),
        (-1, "xyz"),
        (354, ""),
    ],
)
def test_l5_time_may_help_with_4xx_and_with_what_is_no_answer(stage: Stage, code: int, words: str) -> None:
    """At any stage; it raises no alarm."""
    answer = result_of_reply(stage, code, words)
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, False)


@pytest.mark.rule("V4")
def test_l5_only_behind_the_dot_may_a_letter_without_an_answer_have_arrived() -> None:
    """A failure before the dot never causes a second copy."""
    lost = {stage for stage in Stage if result_without_reply(stage, "cut").is_answer_lost}
    assert lost == {Stage.END}
