"""SIP of our own phones and trunks: what they read, answer, and prove a password with."""

from devtools import sip
from devtools.sip import SipMessage, authorization

INVITE = (
    b"INVITE sip:298@127.0.0.2:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKb\r\n"
    b"From: <sip:201@127.0.0.1>;tag=f\r\n"
    b"To: <sip:298@127.0.0.2>\r\n"
    b"Call-ID: c1\r\nCSeq: 7 INVITE\r\nContact: <sip:asterisk@127.0.0.1:5060>\r\n"
    b"Content-Length: 5\r\n\r\nv=0\r\n"
)


def test_a_request_is_read_and_answered_with_its_own_headers() -> None:
    """The other side finds its transaction by every Via, in order, and the dialog by our tag."""
    found = SipMessage.read(INVITE)
    assert found is not None
    assert (found.method, found.code, found.called, found.is_in_dialog) == ("INVITE", 0, "298", False)
    answer = SipMessage.read(found.answer(200, "mine", ("Contact", "<sip:298@x>"), body="v=0\r\n").data())
    assert answer is not None
    assert (answer.code, answer.method, answer.body) == (200, "INVITE", "v=0\r\n")
    assert [value for name, value in answer.headers if name == "Via"] == [
        "SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa",
        "SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKb",
    ]
    assert answer.get("To") == "<sip:298@127.0.0.2>;tag=mine"
    assert answer.get("content-length") == "5"


def test_what_is_no_sip_is_passed_over() -> None:
    """Keep-alives are blank lines."""
    assert SipMessage.read(b"\r\n\r\n") is None
    assert SipMessage.read(b"\xff\x00garbage") is None


def test_a_challenge_is_answered_as_the_standard_shows() -> None:
    """The example of RFC 2617, 3.5 without `qop`, computed by hand from its definition."""
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"'
    said = authorization(challenge, "GET", "/dir/index.html", "Mufasa", "Circle Of Life")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in said
    assert 'opaque="5ccc"' in said


def test_the_older_example_of_the_standard_is_answered_too() -> None:
    """The example of RFC 2069 with its erratum; a wrong digest would only say that no phone can register."""
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'

    answer = authorization(challenge, "GET", "/dir/index.html", "Mufasa", "CircleOfLife")

    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer


def test_a_challenge_with_qop_is_answered_with_a_number_of_ones_own() -> None:
    """Asterisk asks so; the answer can be checked with what stands in it."""
    challenge = 'Digest realm="asterisk",nonce="n",algorithm=MD5,qop="auth"'
    said = authorization(challenge, "REGISTER", "sip:x", "298", "secret")
    given = dict(sip.PARAMETER.findall(said))
    first, second = sip._md5("298:asterisk:secret"), sip._md5("REGISTER:sip:x")
    expected = sip._md5(f"{first}:n:{given['nc']}:{given['cnonce']}:auth:{second}")
    assert given["response"] == expected
