"""Audio through the console: by parts, from the real S3, each time by a link that is new."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts.history import CustomerErased
from ringback.stack.parts import S3
from services.console.activities.audio_storage import AudioStorage
from services.console.activities.turns import AT_ONCE_MAX, OF_ONE_MAX
from services.console.rules.audio_ranges import PIECE_BYTES
from tests.integration.console import listening
from tests.integration.console import past as story
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.past import VOSTOK, heard, past_of
from tests.integration.console.test_history import HISTORY, text_of
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness
from tests.unit.history.stories import ANNA, CUSTOMER

CONVERSATION = f"{HOME}recordings/rec.sales/audio"
MESSAGE = f"{HOME}voice-messages/vm.anna/audio"
LINKED = "GET /recordings/rec.sales/audio"


@pytest.fixture(scope="module")
def tone() -> bytes:
    """A conversation of three minutes."""
    return listening.a_conversation()


@pytest.fixture
async def past(
    company: Company, sqlite_history: str, s3_server: S3, tone: bytes
) -> AsyncIterator[HistoryHarness]:
    """A history with a recorded conversation and a voice message, which are in S3."""
    blobs = listening.blobs_of(s3_server)
    made = await past_of(company, sqlite_history, links=blobs)
    await story.a_voice_message(made)
    await story.a_called_back_customer(made)
    await blobs.put(listening.CONVERSATION, tone, content_type="audio/wav")
    await blobs.put(listening.MESSAGE, tone[:5_000], content_type="audio/mpeg")
    yield made
    blobs.close()
    await made.engine.dispose()


@pytest.fixture
async def reading(
    company: Company, past: HistoryHarness, s3_server: S3, redis_server: str, fresh_prefix: str
) -> AsyncIterator[ConsoleApp]:
    """A console that knows the bucket, and no key to it."""
    storage = listening.storage_of(s3_server)
    made = ConsoleApp(company, redis_server, fresh_prefix, history=past.app, storage=storage)
    yield made
    await storage.aclose()
    await made.close()


@pytest.fixture
async def head(reading: ConsoleApp) -> Browser:
    """The administrator, signed in."""
    browser = reading.browser()
    await browser.sign_in()
    return browser


async def part(browser: Browser, wanted: str, address: str = CONVERSATION) -> httpx.Response:
    """What a browser is answered that asks for this range."""
    return await browser.http.get(address, headers={"Range": wanted} if wanted else {})


@pytest.mark.rule("R1")
async def test_a_recording_comes_whole_or_by_parts(head: Browser, reading: ConsoleApp, tone: bytes) -> None:
    """From an open end a piece comes, and the browser asks on; each request has a link of its own."""
    whole = await part(head, "")
    assert (whole.status_code, whole.content) == (200, tone)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["cache-control"] == "no-store"
    last = len(tone) - 1
    for wanted, first, until in (
        ("bytes=0-", 0, PIECE_BYTES - 1),
        ("bytes=100-199", 100, 199),
        (f"bytes={PIECE_BYTES * 2}-", PIECE_BYTES * 2, last),
        ("bytes=-100", last - 99, last),
    ):
        answer = await part(head, wanted)
        assert answer.status_code == 206, wanted
        assert answer.content == tone[first : until + 1], wanted
        assert answer.headers["content-range"] == f"bytes {first}-{until}/{len(tone)}"
    beyond = await part(head, f"bytes={len(tone)}-")
    assert (beyond.status_code, beyond.content) == (416, b"")
    assert (await part(head, "bytes=0-1,5-6")).content == tone, "of several ranges the whole comes"
    assert reading.history_transport.asked.count(LINKED) == 7


async def test_a_voice_message_comes_in_the_same_way(head: Browser, tone: bytes) -> None:
    answer = await part(head, "bytes=10-19", MESSAGE)
    assert (answer.status_code, answer.content) == (206, tone[10:20])
    assert answer.headers["content-type"] == "audio/mpeg"


async def test_no_link_of_s3_reaches_the_browser(head: Browser, s3_server: S3) -> None:
    """Neither on the page, nor in a header."""
    page = await head.open(f"{HISTORY}/in.sales")
    answer = await part(head, "bytes=0-9")
    said = page.text + str(answer.headers)
    assert s3_server.address not in said
    assert "X-Amz" not in said
    assert f'src="{CONVERSATION}"' in page.text


async def test_nothing_is_fetched_from_elsewhere_than_the_bucket_of_the_settings(
    company: Company, past: HistoryHarness, s3_server: S3, redis_server: str, fresh_prefix: str
) -> None:
    """Whatever link an answer of the API has."""
    asked: list[httpx.Request] = []

    class Watched(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, headers={"content-type": "audio/wav"}, content=b"secret")

    storage = AudioStorage(
        endpoint=s3_server.address, bucket="another", region=s3_server.region, transport=Watched()
    )
    console = ConsoleApp(company, redis_server, fresh_prefix, history=past.app, storage=storage)
    browser = console.browser()
    await browser.sign_in()
    answer = await part(browser, "bytes=0-")
    assert answer.status_code == 503
    assert "Нет связи с записями" in answer.text
    assert asked == []
    await console.close()


@pytest.mark.rule("P2")
async def test_whoever_may_not_hear_it_is_refused(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    """By history for what is not one's own, and by the console before that without the right at all."""
    await company.employee("Сафин Тимур", role="restricted_user")
    await company.employee("Гордин Тимур", role="user", may_hear=False)
    await heard(company, past)
    own = reading.browser()
    await own.sign_in("safin.t")
    assert (await part(own, "bytes=0-")).status_code == 403
    assert (await part(own, "bytes=0-", MESSAGE)).status_code == 403
    for unknown in ("recordings/nothing/audio", "voice-messages/nothing/audio"):
        assert (await part(own, "", HOME + unknown)).status_code in (403, 404), unknown
    deaf = reading.browser()
    await deaf.sign_in("gordin.t")
    reading.history_transport.asked.clear()
    assert (await part(deaf, "bytes=0-")).status_code == 403
    assert reading.history_transport.asked == []
    assert (await part(deaf, "bytes=0-", MESSAGE)).status_code == 403, "own messages alone"
    stranger = reading.browser()
    answer = await part(stranger, "bytes=0-")
    assert answer.status_code == 303, "to the sign-in"


@pytest.mark.rule("V6")
async def test_of_erased_audio_the_page_says_why_it_is_gone(head: Browser, past: HistoryHarness) -> None:
    """There is no player, and the address says the same."""
    await past.tell(
        CustomerErased(erasure_id="e", number=CUSTOMER, by=ANNA), organization_id=VOSTOK, at_s=900
    )
    for contact, address in (("in.sales", CONVERSATION), ("in.anna", MESSAGE)):
        page = await head.open(f"{HISTORY}/{contact}")
        assert "<audio" not in page.text
        assert "Запись стёрта вместе с данными клиента." in text_of(page.text)
        answer = await part(head, "bytes=0-", address)
        assert answer.status_code == 410
        assert "данные клиента стёрты" in answer.text


async def test_relays_have_a_limit_and_give_their_place_back(head: Browser, reading: ConsoleApp) -> None:
    """Of one person and of all; pages and files are not concerned."""
    listening_ = reading.parts.listening
    whose = "vostok/gusev.r"
    places = [listening_.one(whose) for _ in range(OF_ONE_MAX)]
    for each in places:
        each.__enter__()
    assert (await part(head, "bytes=0-9")).status_code == 503
    assert (await head.open(f"{HISTORY}/in.sales")).status_code == 200
    assert (await head.open(f"{HOME}history.csv")).status_code == 200
    for each in places:
        each.__exit__(None, None, None)
    answers = await asyncio.gather(*(part(head, "bytes=0-9") for _ in range(OF_ONE_MAX)))
    assert {each.status_code for each in answers} == {206}
    assert (await part(head, "bytes=0-9")).status_code == 206
    others = [listening_.one(f"vostok/{number}") for number in range(AT_ONCE_MAX)]
    for each in others:
        each.__enter__()
    assert (await part(head, "bytes=0-9")).status_code == 503


async def test_what_s3_refuses_is_said_without_its_words(
    company: Company, past: HistoryHarness, s3_server: S3, redis_server: str, fresh_prefix: str
) -> None:
    """They quote what was asked, and with it the signature."""
    blobs = listening.blobs_of(s3_server)
    await blobs.delete(listening.CONVERSATION)
    blobs.close()
    storage = listening.storage_of(s3_server)
    console = ConsoleApp(company, redis_server, fresh_prefix, history=past.app, storage=storage)
    browser = console.browser()
    await browser.sign_in()
    answer = await part(browser, "")
    assert answer.status_code == 503
    assert "Нет связи с записями" in answer.text
    assert "X-Amz" not in answer.text
    await storage.aclose()
    await console.close()
