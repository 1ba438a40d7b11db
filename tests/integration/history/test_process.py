"""The service as a process on real parts: it projects, answers, claims through the log, survives kill -9."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts.ids import Instant, OrganizationId
from contracts.message import Fact
from ringback.stack.parts import S3
from ringback.stack.services import Service
from ringback.topics import create_topics
from runtime.edge_runner import KafkaSay
from runtime.host.identity import RefusedToStart
from runtime.kafka_log import KafkaLog
from runtime.memory import MemoryClock, MemoryLog
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.history.activities.rebuild import require_whole_log
from services.history.service import EDGE, edge
from tests.integration.history.harness import department_call
from tests.integration.history.logs import morning
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, NORTH, SALES

TOKEN_KEYS = SigningKeys.generate()
FAR = Instant(4_000_000_000_000)


@pytest.fixture
def settings(kafka_embedded: str, s3_server: S3, fresh_prefix: str, database: str) -> dict[str, str]:
    """The environment of the process."""
    asyncio.run(create_topics(kafka_embedded, f"{fresh_prefix}."))
    return {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_S3_REGION": s3_server.region,
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_HISTORY_DATABASE": database,
        "RINGBACK_TOKEN_PUBLIC_KEYS": TOKEN_KEYS.public.as_json(),
    }


@pytest.fixture
def service(settings: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """The process, ready."""
    made = Service("history", settings, tmp_path, dies_with_parent=True)
    made.start()
    made.wait_ready(60)
    yield made
    made.process.stop()


async def tell(settings: dict[str, str], *facts: Fact) -> None:
    """Facts on the real log."""
    log = KafkaLog(settings["RINGBACK_KAFKA"], prefix=settings["RINGBACK_TOPIC_PREFIX"], client_id="test")
    await log.start()
    try:
        await KafkaSay(log)(facts, organization_id=NORTH, source="test", cause="story")
    finally:
        await log.stop()


def authorization(keys: SigningKeys = TOKEN_KEYS) -> dict[str, str]:
    """The administrator's header."""
    claims = Claims(
        organization_id=OrganizationId(NORTH),
        use=TokenUse.ACCESS,
        agent_id=BORIS,
        issued_at=Instant(0),
        expires_at=FAR,
    )
    return {"Authorization": f"Bearer {sign(claims, keys)}"}


def asked(service: Service, method: str, path: str, keys: SigningKeys = TOKEN_KEYS) -> httpx.Response:
    """A request of the administrator."""
    return httpx.request(method, f"{service.address}{path}", headers=authorization(keys), timeout=30)


@pytest.mark.kafka
@pytest.mark.rule("H5", "V5")
@pytest.mark.timeout(300)
def test_a_process_projects_the_log_and_a_claim_goes_through_it(
    service: Service, settings: dict[str, str]
) -> None:
    """Facts become rows; a claim comes back through the log; a kill costs nothing."""
    asyncio.run(tell(settings, *stories.the_cards(), *department_call("in.sales", SALES)))
    service.process.wait_until(lambda: len(rows(service)) == 1, "row in history", 60)
    claimed = asked(service, "POST", "/voice-messages/vm.in.sales/claim")
    assert (claimed.status_code, claimed.json()["claimed"]["by"]) == (200, BORIS), claimed.text
    link = asked(service, "GET", "/voice-messages/vm.in.sales/audio").json()["url"]
    assert "X-Amz-Expires=300" in link
    before = rows(service)
    service.kill()
    service.restart()
    assert rows(service) == before


@pytest.mark.kafka
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.timeout(300)
def test_a_stream_follows_the_log_and_is_told_that_the_process_stops(
    service: Service, settings: dict[str, str]
) -> None:
    """Over the listener with its limits: what happens comes, and a deploy leaves no screen waiting."""
    asyncio.run(tell(settings, *stories.the_cards()))
    service.process.wait_until(lambda: asked(service, "GET", "/live").status_code == 200, "rights", 60)
    kinds = []
    address = f"{service.address}/live/events"
    with httpx.stream("GET", address, headers=authorization(), timeout=60) as answer:
        lines = answer.iter_lines()
        kinds.append(next(each for each in lines if each.startswith("event: ")))
        asyncio.run(tell(settings, stories.a_call("in1"), stories.place("in1")))
        kinds.append(next(each for each in lines if each.startswith("event: ")))
        assert "p.in1" in next(lines)
        service.process.ask_to_stop()
        assert 'data: {"reason": "restarted"}' in list(lines)
    assert kinds == ["event: snapshot", "event: changes"]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.timeout(300)
def test_a_changed_file_of_token_keys_is_used_without_a_restart_and_another_asks_for_one(
    settings: dict[str, str], tmp_path: Path
) -> None:
    keys, database = tmp_path / "keys", tmp_path / "database"
    keys.write_text(settings.pop("RINGBACK_TOKEN_PUBLIC_KEYS"), encoding="utf-8")
    database.write_text(settings.pop("RINGBACK_HISTORY_DATABASE"), encoding="utf-8")
    files = {"RINGBACK_TOKEN_PUBLIC_KEYS_FILE": str(keys), "RINGBACK_HISTORY_DATABASE_FILE": str(database)}
    made = Service("history", {**settings, **files}, tmp_path, dies_with_parent=True)
    made.start()
    try:
        made.wait_ready(60)
        pid = made.process.pid
        asyncio.run(tell(settings, *stories.the_cards()))
        made.process.wait_until(lambda: asked(made, "GET", "/history").status_code == 200, "rights", 60)
        later = SigningKeys.generate()
        assert asked(made, "GET", "/history", later).status_code == 401
        keys.write_text('{"keys": [{"kid": "broken-one"}]}', encoding="utf-8")
        database.write_text("sqlite:///elsewhere-s3cret.db", encoding="utf-8")
        made.process.wait_until(lambda: "former content stays" in made.process.log.read_text(), "refusal", 60)
        assert asked(made, "GET", "/history").status_code == 200
        keys.write_text(later.public.as_json(), encoding="utf-8")
        made.process.wait_until(
            lambda: asked(made, "GET", "/history", later).status_code == 200, "use of the new keys", 60
        )
        assert asked(made, "GET", "/history").status_code == 401
        metrics = httpx.get(f"{made.internal_address}/metrics").text
        assert 'ringback_restart_needed{setting="RINGBACK_HISTORY_DATABASE_FILE"} 1.0' in metrics
        said = made.process.log.read_text(encoding="utf-8")
        assert said.count("a file has changed: restart to use it") == 1
        assert "s3cret" not in said
        assert made.process.pid == pid
    finally:
        made.process.stop()


def rows(service: Service) -> list[dict[str, object]]:
    """The first page, or nothing while nobody has rights yet."""
    answer = asked(service, "GET", "/history")
    return list(answer.json()["rows"]) if answer.status_code == 200 else []


def test_other_words_after_the_program_are_refused_in_words() -> None:
    """A typing error must not start a rebuild."""
    assert edge([]) is EDGE
    assert edge(["rebuild"]) is not EDGE
    with pytest.raises(SystemExit, match="rebuild"):
        edge(["rebuilt"])


async def test_a_log_without_its_beginning_is_not_rebuilt_from_by_mistake() -> None:
    """Rows older than the log can't be rebuilt: they stay until somebody asks for their loss."""
    log = MemoryLog(MemoryClock())
    log.facts[0] = list(morning(3))
    await require_whole_log(log)
    log.trim_before(0, 10)
    with pytest.raises(RefusedToStart, match="begins at offset 10"):
        await require_whole_log(log)


@pytest.mark.kafka
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_public_port_has_the_api_and_nothing_else(service: Service) -> None:
    """Who may reach the API learns nothing of the process; who watches the process needs no login."""
    for path in ("/health/live", "/health/ready", "/metrics", "/schema", "/schema/openapi.json", "//schema/"):
        public = httpx.get(f"{service.address}{path}")
        assert (public.status_code, public.json()["code"]) == (404, "address_unknown"), path
        assert public.headers["cache-control"] == "no-store"
    for path in ("/health/live", "/health/ready", "/metrics", "/schema/openapi.json"):
        assert httpx.get(f"{service.internal_address}{path}").status_code == 200, path
    refused = asked(service, "GET", "/history")
    assert (refused.status_code, refused.headers["x-content-type-options"]) == (401, "nosniff")
    assert httpx.get(f"{service.internal_address}/history").status_code == 404
    large = httpx.post(f"{service.address}/erase", content=b"x" * 70_000)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
