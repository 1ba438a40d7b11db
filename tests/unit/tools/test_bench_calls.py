"""The bench's own SIP: what its phones say must be what a PBX reads."""

from devtools.bench.calls import sip
from devtools.bench.calls.processes import Reading, shares

INVITE = (
    "INVITE sip:201@127.0.0.2:5060 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n"
    'f: "Sales" <sip:+79120000001@127.0.0.1>;tag=one\r\n'
    "t: <sip:201@127.0.0.2>\r\n"
    "i: a-call\r\n"
    "CSeq: 7 INVITE\r\n"
    "m: <sip:asterisk@127.0.0.1:5060>\r\n"
    "\r\n"
    "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 10000 RTP/AVP 8\r\n"
)


def test_a_call_is_read_with_short_names_of_headers_and_where_its_sound_goes() -> None:
    """Asterisk may be told to send them, and other PBXs do."""
    read = sip.read(INVITE.encode())

    assert read is not None
    assert (read.method, read.user, read.caller) == ("INVITE", "201", "+79120000001")
    assert (read["call-id"], read.target) == ("a-call", "sip:asterisk@127.0.0.1:5060")
    assert sip.audio_of(read.body) == ("127.0.0.1", 10_000)


def test_an_answer_belongs_to_its_request_and_gets_a_tag_once() -> None:
    request = sip.read(INVITE.encode())
    assert request is not None

    ringing = sip.answer(request, "180 Ringing", tag="ours", contact="sip:201@127.0.0.2:5060")
    again = sip.read(sip.write(ringing))

    assert again is not None
    assert (again.status, again.method) == (180, "INVITE")
    assert (again.tag("from"), again.tag("to")) == ("one", "ours")
    assert again["via"] == request["via"]


def test_a_keep_alive_is_no_message() -> None:
    assert sip.read(b"\r\n\r\n") is None


def test_a_sum_is_told_by_its_largest_parts() -> None:
    earlier = Reading({"queue": 1.0, "redis": 1.0, "s3": 1.0}, {"queue": 0, "redis": 0, "s3": 0})
    later = Reading({"queue": 4.0, "redis": 2.0, "s3": 1.01}, {"queue": 5, "redis": 0, "s3": 0})

    added = later.since(earlier)

    assert shares(added.processor_s) == "queue 3, redis 1, others 0.01"
    assert added.rss_bytes == {"queue": 5, "redis": 0, "s3": 0}
