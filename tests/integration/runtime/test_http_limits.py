"""A listener ends what would keep it busy or fill its memory, and says why in words."""

import asyncio
import json
import re
import time
from typing import Any

import pytest

from runtime import http_refusals
from runtime.http_limits import LargeBody, Limits, NotAdmitted
from runtime.http_refusals import Refusal
from runtime.http_server import ConnectionLimits
from tests.integration.runtime.listeners import HEAD, WAIT_S, Answer, Echo, Endless, Slow, read, said, served

K64 = 64 * 1024
UPLOAD = {
    ("POST", "/cards"): LargeBody(bytes_max=200_000, seconds_max=0.4, is_json=False),
}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def with_length(body: bytes) -> tuple[bytes, bytes]:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body


def is_told_in_words(answer: Answer) -> bool:
    """Every refusal has the shape, the languages and the headers of the API's own errors."""
    told = json.loads(answer.body)
    return (
        re.search("[а-яё]", told["cause"]["ru"] + told["remedy"]["ru"]) is not None
        and bool(told["cause"]["en"] and told["remedy"]["en"])
        and told["field"] == ""
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["connection"] == "close"
    )


async def test_a_body_of_64_kib_is_taken_and_a_longer_one_is_refused_by_its_header() -> None:
    """Whoever promises too much is refused before anything is read."""
    app = Echo()
    async with served(app) as port:
        fits = await said(port, *with_length(b"x" * K64))
        refused = await said(port, HEAD + b"Content-Length: 65537\r\n\r\n")
    assert (fits.status, fits.body) == (200, b"65536")
    assert (refused.status, refused.code) == (413, "body_too_large")
    assert is_told_in_words(refused)
    assert len(app.bodies) == 1


async def test_a_body_that_says_no_length_is_counted_while_it_comes() -> None:
    """Chunks have no header to be believed."""
    app = Echo()
    pieces = [chunk(b"x" * 8_000)] * 9
    async with served(app) as port:
        refused = await said(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n")
    assert (refused.status, refused.code) == (413, "body_too_large")
    assert app.bodies == []


async def test_who_sends_a_refused_body_to_its_end_still_reads_why() -> None:
    """A connection that is cut on unread bytes loses the answer with them."""
    async with served(Echo()) as port:
        refused = await said(port, *with_length(b"x" * 900_000))
    assert (refused.status, refused.code) == (413, "body_too_large")


@pytest.mark.parametrize("head", [b"Content-Length: 10\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_a_body_that_drips_ends_after_its_time(head: bytes) -> None:
    """One byte a second would hold a place for ever."""
    app = Echo()
    began = time.monotonic()
    async with served(app, Limits(body_s_max=0.3)) as port:
        refused = await said(port, HEAD + head)
    assert (refused.status, refused.code) == (408, "body_too_slow")
    assert is_told_in_words(refused)
    assert time.monotonic() - began < WAIT_S
    assert app.bodies == []


async def test_a_large_body_has_its_own_limits_and_is_read_by_its_route() -> None:
    """An audio file is streamed, and limited by size and time as it comes."""
    app, limits = Echo(), Limits(large=UPLOAD)
    async with served(app, limits) as port:
        fits = await said(port, *with_length(b"x" * 200_000))
        lied = await said(
            port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk(b"x" * 50_000)] * 5, b"0\r\n\r\n"
        )
        slow = await said(port, HEAD + b"Content-Length: 10\r\n\r\nx")
    assert (fits.status, fits.body) == (200, b"200000")
    assert (lied.status, lied.code) == (413, "body_too_large")
    assert (slow.status, slow.code) == (408, "body_too_slow")
    assert len(app.bodies) == 1, "the route never takes a part for the whole"


async def test_only_so_many_large_bodies_are_taken_at_once() -> None:
    """Ten megabytes each: their number is what limits memory."""
    limits = Limits(large=UPLOAD, large_at_once_max=1)
    async with served(Echo(), limits) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 10\r\n\r\nx")
        await asyncio.sleep(0.1)
        busy = await said(port, *with_length(b"y"))
        writer.write(b"x" * 9)
        first = await read(reader)
        writer.close()
        after = await said(port, *with_length(b"y"))
    assert (busy.status, busy.code, busy.headers["retry-after"]) == (503, "service_busy", "5")
    assert (first.status, after.status) == (200, 200)


async def test_one_sender_of_large_bodies_leaves_places_for_the_others() -> None:
    """Whoever drips two files into the API keeps nobody else's waiting."""
    limits = Limits(large=UPLOAD, large_at_once_max=4, large_of_one_max=2)
    started = HEAD + b"Authorization: %s\r\nContent-Length: 10\r\n\r\nx"
    async with served(Echo(), limits, admit=lambda whose: str(whose)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for _, writer in held:
            writer.write(started % b"north")
        await asyncio.sleep(0.1)
        own = await said(port, HEAD + b"Authorization: north\r\nContent-Length: 1\r\n\r\ny")
        others = await said(port, HEAD + b"Authorization: south\r\nContent-Length: 1\r\n\r\ny")
        for _, writer in held:
            writer.close()
    assert (own.status, own.code) == (503, "service_busy")
    assert others.status == 200


async def test_a_large_body_is_not_read_without_a_login() -> None:
    """Else anybody could hold the places with bodies that never end."""

    def nobody(_authorization: str | None) -> str:
        raise NotAdmitted(401, [(b"www-authenticate", b"Bearer")], b'{"code": "token_refused"}')

    app, limits = Echo(), Limits(large=UPLOAD, large_at_once_max=1)
    async with served(app, limits, admit=nobody) as port:
        answers = [await said(port, HEAD + b"Content-Length: 100000\r\n\r\nx") for _ in range(2)]
    assert [(each.status, each.code) for each in answers] == [(401, "token_refused")] * 2
    assert answers[0].headers["cache-control"] == "no-store"
    assert app.bodies == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 33, Refusal.BODY_TOO_DEEP),
        (b'{"a":' * 40 + b"1" + b"}" * 40, Refusal.BODY_TOO_DEEP),
        (b"[" + b"1," * 5_001 + b"1]", Refusal.BODY_TOO_MANY_ITEMS),
        (b"[" + b"{}," * 3_000 + b"1]", Refusal.BODY_TOO_MANY_ITEMS),
    ],
)
async def test_json_is_limited_in_depth_and_number_before_it_is_decoded(body: bytes, code: Refusal) -> None:
    """A small body can hold a structure that is dear to decode and to check."""
    app = Echo()
    async with served(app) as port:
        refused = await said(port, *with_length(body))
    assert (refused.status, refused.code) == (400, code)
    assert is_told_in_words(refused)
    assert app.bodies == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 32 + b"]" * 32,
        json.dumps({"text": "[{,," * 2_000}).encode(),
        json.dumps({"text": 'quoted \\" [' * 60, "more": "\\"}).encode(),
        b"no json at all, \xff",
    ],
)
async def test_what_only_looks_nested_or_long_is_the_routes_matter(body: bytes) -> None:
    """Brackets and commas in a text are text; what is no JSON is refused by the route in its own words."""
    app = Echo()
    async with served(app) as port:
        assert (await said(port, *with_length(body))).status == 200
    assert app.bodies == [body]


async def test_a_client_that_leaves_in_the_middle_has_asked_for_nothing() -> None:
    """Half a body can be whole JSON."""
    app = Echo()
    async with served(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 10\r\n\r\n{}")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.1)
        assert (await said(port, *with_length(b"{}"))).status == 200
    assert app.bodies == [b"{}"]


async def test_addresses_and_headers_have_a_length() -> None:
    """A thousand ids in a filter are refused in words; a head without end is not kept in memory."""
    async with served(Echo()) as port:
        ids = b"department=" + b",".join(b"department-%d" % each for each in range(700))
        long = await said(port, b"GET /history?%s HTTP/1.1\r\nHost: test\r\n\r\n" % ids)
        longer = await said(port, b"GET /history?%s HTTP/1.1\r\nHost: test\r\n\r\n" % (ids * 3))
        lines = [b"X-Header-%d: %s\r\n" % (each, b"x" * 1_000) for each in range(40)]
        endless = await said(port, HEAD, *lines)
        whole = await said(port, HEAD + b"".join(lines) + b"\r\n")
    assert (long.status, long.code) == (414, "address_too_long")
    assert (longer.status, longer.code) == (414, "address_too_long")
    assert (endless.status, endless.code) == (431, "headers_too_large")
    assert (whole.status, whole.code) == (431, "headers_too_large")
    assert is_told_in_words(long)
    assert is_told_in_words(endless)


async def test_an_address_has_so_many_parameters_and_no_more() -> None:
    """Thousands of unknown ones would be looked up in the words that they resemble."""
    app = Echo()
    async with served(app) as port:
        many = b"&".join(b"p%d=1" % each for each in range(65))
        refused = await said(port, b"GET /?%s HTTP/1.1\r\nHost: test\r\n\r\n" % many)
        fits = await said(port, b"GET /?%s HTTP/1.1\r\nHost: test\r\n\r\n" % many.rpartition(b"&")[0])
    assert (refused.status, refused.code, fits.status) == (414, "address_too_long", 200)


@pytest.mark.parametrize("target", [b"/cards?search=%00", b"/cards/a%0d%0ab", b"/?cursor=%7f"])
async def test_an_address_has_no_control_characters(target: bytes) -> None:
    """They would reach a database, a log or a header."""
    app = Echo()
    async with served(app) as port:
        refused = await said(port, b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % target)
    assert (refused.status, refused.code) == (400, "address_unreadable")
    assert app.bodies == []


@pytest.mark.parametrize("host", [b"a b", b"evil/@x", b"\xc3\xa9", b"a,b"])
async def test_a_host_that_is_none_is_refused_before_anything_is_done(host: bytes) -> None:
    """No routing, link or log gets to see it; nobody needs a login to send it."""
    app = Echo()
    async with served(app) as port:
        refused = await said(port, b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
        named = [
            await said(port, b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % each)
            for each in (b"", b"book", b"ringback_directory:8080", b"[::1]:8080", b"127.0.0.1")
        ]
    assert (refused.status, refused.code) == (400, "request_unreadable")
    assert is_told_in_words(refused)
    assert {each.status for each in named} == {200}


async def test_a_body_with_two_lengths_is_refused_since_a_proxy_may_see_two_requests() -> None:
    """One that goes by Content-Length would take the rest of this body for a request of its own."""
    app = Echo()
    smuggled = b"0\r\n\r\nGET /other HTTP/1.1\r\nHost: test\r\n\r\n"
    head = HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(smuggled)
    async with served(app) as port:
        refused = await said(port, head, smuggled)
    assert (refused.status, refused.code) == (400, "request_unreadable")
    assert refused.headers["connection"] == "close"
    assert app.bodies == []


async def test_a_service_that_fails_answers_in_words_and_nobody_keeps_the_answer() -> None:
    """Also where the fault is outside of what the service itself catches; the cause is for its log alone."""

    async def broken(_scope: object, _receive: object, _send: object) -> None:
        raise RuntimeError("the number +74950001000")

    async with served(broken) as port:
        answer = await said(port, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert (answer.status, answer.code) == (500, "service_failed")
    assert is_told_in_words(answer)
    assert b"+7495" not in answer.body


@pytest.mark.parametrize(
    ("proxies", "client"),
    [("192.0.2.1", "127.0.0.1"), ("192.0.2.1, 127.0.0.0/8", "203.0.113.7"), ("", "203.0.113.7")],
    ids=["another machine", "a named network", "this machine"],
)
async def test_only_a_proxy_is_believed_about_who_asks(proxies: str, client: str) -> None:
    """Whoever could say it himself would have tries without end; a proxy adds the last address."""
    seen: list[str] = []

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await Echo()(scope, receive, send)

    forwarded = b"X-Forwarded-For: 198.51.100.9, 203.0.113.7"
    async with served(asked, proxies=proxies) as port:
        await said(port, b"GET / HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n" % forwarded)
    assert seen == [client]


async def test_what_is_no_http_is_told_so() -> None:
    """A client of another protocol reads one answer, and the connection ends."""
    async with served(Echo()) as port:
        answer = await said(port, b"\x16\x03\x01 hello\r\n\r\n")
        app, limits = Echo(), Limits(large=UPLOAD)
        async with served(app, limits) as second:
            broken = await said(second, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"this is no chunk\r\n")
    assert (answer.status, answer.code) == (400, "request_unreadable")
    assert (broken.status, broken.code) == (400, "request_unreadable")
    assert is_told_in_words(answer)
    assert app.bodies == []


async def test_headers_that_drip_end_after_their_time() -> None:
    """Slowloris: each line comes in time, the head never ends."""
    limits = ConnectionLimits(head_s_max=0.4)
    async with served(Echo(), connections=limits) as port:
        slow = await said(port, HEAD, *[b"X-%d: y\r\n" % each for each in range(8)], pause_s=0.1)
        second = await said(port, *with_length(b""), HEAD, *[b"X: y\r\n"] * 8, pause_s=0.1)
    assert (slow.status, slow.code) == (408, "headers_too_slow")
    assert is_told_in_words(slow)
    assert second.status == 200, "the answer to the first request of that connection"


@pytest.mark.parametrize("first", [b"", b"GET /cards HTTP/1.1\r\nHost: test\r\n\r\n"])
async def test_a_connection_that_says_nothing_more_is_closed(first: bytes) -> None:
    """Silence costs a place as well, before the first request and after any."""
    limits = ConnectionLimits(head_s_max=0.3, idle_s_max=1)
    async with served(Echo(), connections=limits) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        left = await asyncio.wait_for(reader.read(), WAIT_S)
        writer.close()
    assert left.count(b"HTTP/1.1") == (1 if first else 0)


async def test_one_connection_too_many_is_told_to_come_back() -> None:
    """Nobody hangs without an answer, and a place that is given back is given away again."""
    limits = ConnectionLimits(connections_max=2)
    async with served(Echo(), connections=limits) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.1)
        busy = await said(port, *with_length(b"{}"))
        held[0][1].close()
        await asyncio.sleep(0.1)
        after = await said(port, *with_length(b"{}"))
        held[1][1].close()
    assert (busy.status, busy.code, busy.headers["retry-after"]) == (503, "service_busy", "5")
    assert is_told_in_words(busy)
    assert after.status == 200


async def test_who_does_not_read_an_answer_is_cut_off() -> None:
    """A download without a reader holds a connection and what feeds it."""
    endless = Endless()
    async with served(endless, connections=ConnectionLimits(unread_s_max=0.3)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await asyncio.wait_for(endless.has_ended.wait(), WAIT_S)
        writer.transport.abort()


async def test_a_listener_that_stops_sends_an_answer_to_its_end() -> None:
    """A download that has begun is finished within the grace."""
    slow = Slow()
    async with served(slow, is_patient=True) as port:
        answering = asyncio.create_task(said(port, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"))
        await slow.has_begun.wait()
    answer = await answering
    assert (answer.status, answer.body) == (200, b"late")


async def test_a_listener_that_stops_does_not_wait_for_an_event_stream() -> None:
    """It has no end of its own; whoever follows it comes back, to another process."""
    endless = Endless("text/event-stream", pause_s=0.1)
    async with served(endless, is_patient=True) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        reading = asyncio.create_task(reader.read())
    await reading
    writer.close()
    # Told that nobody reads any more; at the end of the grace it would have been cancelled.
    assert endless.has_ended.is_set()


async def test_every_answer_may_be_kept_by_nobody_and_is_taken_for_what_it_says() -> None:
    """What is personal stays in no cache, and no browser guesses a type."""
    async with served(Echo()) as port:
        answer = await said(port, *with_length(b"{}"))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in answer.headers


async def test_a_body_that_its_route_did_not_read_ends_the_connection() -> None:
    """What follows on it would be read as the next request."""
    app, limits = (
        Echo(),
        Limits(large={("POST", "/cards"): LargeBody(bytes_max=10, seconds_max=1, is_json=False)}),
    )
    app.is_reading = False
    async with served(app, limits) as port:
        answer = await said(port, HEAD + b"Content-Length: 10\r\n\r\n", b"x" * 10)
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize(
    "path", [b"/schema", b"/schema/openapi.json", b"//schema/", b"/%73chema//openapi.json"]
)
async def test_a_hidden_path_is_not_there(path: bytes) -> None:
    """The description of the API is for the internal port."""
    asked = []

    async def app(scope: dict[str, str], receive: object, send: object) -> None:
        asked.append(scope["path"])
        await Echo()(scope, receive, send)

    async with served(app, hidden="/schema") as port:
        await said(port, b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % path)
        await said(port, b"GET /schemas HTTP/1.1\r\nHost: test\r\n\r\n")
    assert asked == ["/-", "/schemas"]


def test_every_refusal_has_its_words() -> None:
    """A code without words would be a refusal that nobody understands."""
    assert set(http_refusals.WORDS) == set(Refusal)
