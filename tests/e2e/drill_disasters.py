"""Everything is lost and restored from a backup; then Kafka alone is lost, and nothing of it was kept.

The commands are those of docs/operating/backup.md and docs/operating/disasters.md. Whenever it runs it is
night where its companies are: what a customer ordered by key is dialled in quiet hours, as without a loss.
"""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts.directory import DepartmentSaved
from ringback.stack.process import is_listening
from ringback.stack.services import ROOT
from tests.e2e import expect
from tests.e2e.cluster import SETTLE_S, Cluster
from tests.e2e.company import CUSTOMERS, Company
from tests.e2e.durable_stack import SNAPSHOTS, DurableStack, run_shown
from tests.e2e.stories import alisas_morning
from tests.parts import demand_apache_kafka, demand_postgres

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("apache"),
]

PAGES: Final = ROOT / "docs" / "operating"
EASTERNMOST_H: Final = 14
"""No zone is further ahead of UTC."""
STEP_S: Final = 900.0
"""A step takes up to 75 s at a load of 19 on two cores; nothing is learnt from a drill that gives up."""
DECIDERS: Final = ("routing", "queue", "callback", "voicemail")
ROWS: Final = """
SELECT contacts.outcome, contacts.ended_at, callbacks."end" AS callback_end, callbacks.callback_id,
       contact_names.name
FROM contacts
JOIN contact_names USING (organization_id, contact_id)
LEFT JOIN callbacks USING (organization_id, contact_id)
WHERE contacts.organization_id = $1 AND contact_names.name LIKE 'number:%'
"""


@dataclass(slots=True)
class AtNight(Company):
    """A company where it is between one and two at night, and whose customers wait for an hour.

    Backup, restore and starts take minutes: the deadline of five would pass meanwhile.
    """

    def office(self) -> str:
        """The same office, elsewhere, with more patience."""
        east_h = (1 - datetime.now(UTC).hour) % 24
        east_h -= 24 if east_h > EASTERNMOST_H else 0
        # POSIX counts these zones westward.
        zone = f"Etc/GMT{-east_h:+d}"
        plain = Company.office(self)
        there = plain.replace("organization:\n", f"organization:\n  timezone: {zone}\n")
        assert there.count("after: 5 min") == 1
        return there.replace("after: 5 min", "after: 1 h")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All services on parts that keep their data; three companies with simulated phones."""
    demand_apache_kafka()
    demand_postgres()
    stack = DurableStack(tmp_path_factory.mktemp("disasters"))
    companies = [AtNight("restored", 22), AtNight("adopted", 23), AtNight("later", 24)]
    with Cluster(stack.run, companies, stack=stack, story_s=STEP_S) as made:
        yield made


def stack_of(cluster: Cluster) -> DurableStack:
    assert isinstance(cluster.stack, DurableStack)
    return cluster.stack


def shown(page: str, beginning: str) -> str:
    """The page's one block of commands that begins like this."""
    text = (PAGES / page).read_text(encoding="utf-8")
    (found,) = [
        each for each in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if each.startswith(beginning)
    ]
    return str(found)


def rows(cluster: Cluster, company: Company) -> dict[str, dict[str, object]]:
    """History's row of each customer."""
    found = stack_of(cluster).asked(ROWS, company.organization_id)
    by_number = {str(each["name"]).removeprefix("number:"): each for each in found}
    phones = {name: company.phone(name) for name in CUSTOMERS}
    return {name: by_number[phone] for name, phone in phones.items() if phone in by_number}


def has_ended(row: dict[str, object]) -> bool:
    """Whether the callback is over and its place and legs are, too, which comes a moment later."""
    return row["callback_end"] == "connected" and row["ended_at"] is not None


def customers_wait(cluster: Cluster, company: Company, *, with_bella: bool) -> None:
    """Alisa has ordered a callback and hung up, Cyril has given up, Bella may wait on the line."""
    cluster.open(company)
    cluster.until("the office is open", company, company.is_open)
    cluster.call(company, "alisa")
    cluster.until(
        "alisa has ordered and hung up",
        company,
        lambda: company.has_ordered("alisa") and company.has_left("alisa"),
    )
    cluster.call(company, "cyril")
    cluster.until("cyril has given up", company, lambda: company.has(q.PlaceAbandoned))
    if with_bella:
        cluster.call(company, "bella")
        cluster.until("bella waits", company, lambda: company.waits("bella"))
    wanted = {"alisa", "cyril"} | ({"bella"} if with_bella else set())
    cluster.until(
        "history shows all of them",
        company,
        lambda: (
            wanted <= rows(cluster, company).keys()
            and rows(cluster, company)["cyril"]["ended_at"] is not None
        ),
    )


def anna_calls_alisa_back(cluster: Cluster, company: Company) -> c.CallbackConnected:
    """An agent comes free, and the customer who waits is called; history shows the end of it."""
    cluster.agent(company, "anna", is_there=True)
    cluster.until("alisa is called back", company, lambda: company.has(c.CallbackConnected))
    cluster.until(
        "history shows that alisa was called back",
        company,
        lambda: has_ended(rows(cluster, company)["alisa"]),
    )
    assert cluster.dials()[f"dialled tel:{company.phone('alisa')}"] == 1
    assert not company.wrongs()
    return company.one(c.CallbackConnected)


def back_up(cluster: Cluster, backup: Path) -> None:
    """By the page: history and the snapshots, then the log, the directory last."""
    stack = stack_of(cluster)
    settings = stack.backup_settings(backup)
    run_shown(shown("backup.md", "pg_dump --format=custom --file=$BACKUP/history"), settings)
    stack.back_up_snapshots(backup)
    stack.kafka.stop()
    run_shown(shown("backup.md", "cp -a $KAFKA_DATA"), settings)
    stack.kafka.start()
    run_shown(shown("backup.md", "pg_dump --format=custom --file=$BACKUP/directory"), settings)


def lose_all(cluster: Cluster) -> None:
    """Log, store, databases and snapshots; recordings in S3 stay."""
    stack = stack_of(cluster)
    stack.kafka.stop()
    stack.kafka.lose_everything()
    stack.lose_redis()
    stack.lose_databases()
    stack.lose_snapshots()


def restore(cluster: Cluster, backup: Path) -> None:
    """By the page: all at once, since nothing runs."""
    stack = stack_of(cluster)
    run_shown(shown("backup.md", "rm -rf $KAFKA_DATA"), stack.backup_settings(backup))
    stack.restore_snapshots(backup)
    stack.kafka.start()
    stack.parts.redis.process.wait_until(lambda: is_listening(stack.parts.redis.port), "open port", 60)
    operator(stack, "republish")


def operator(stack: DurableStack, *argv: str) -> str:
    """What `python -m ringback operator` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "ringback", "operator", *argv],
        env={"PATH": "/usr/bin:/bin", **stack.operators_settings()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def all_is_said_again_and_nothing_follows(cluster: Cluster, company: Company) -> None:
    """`republish` while the services run: the log has every card a second time, and nobody acts on it."""
    repeats, before, shown_before = company.repeats, cluster.dials(), rows(cluster, company)
    cards = len(company.all(DepartmentSaved))
    told = operator(stack_of(cluster), "republish")
    cluster.until("all cards are said again", company, lambda: company.repeats >= repeats + cards)
    time.sleep(SETTLE_S)
    assert cluster.dials() == before, told
    assert rows(cluster, company) == shown_before
    assert not company.wrongs()


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long it took."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.0f} s")


@pytest.mark.rule("C1", "C2", "C3", "C12", "Q3")
def test_places_callbacks_and_history_come_back_from_a_backup(cluster: Cluster, tmp_path: Path) -> None:
    """All data is lost while a customer waits for a call; restored, the customer is called, once."""
    print(cluster.evidence)
    company, stack = cluster.companies["restored"], stack_of(cluster)
    customers_wait(cluster, company, with_bella=False)
    place = company.place("alisa")
    cluster.until(
        "every decider has a snapshot",
        company,
        lambda: {key.split("/")[-2] for key in stack.snapshots()} == set(DECIDERS),
    )
    with timed("back up"):
        back_up(cluster, tmp_path)
    cluster.stop_services()
    lose_all(cluster)
    with timed("restore"):
        restore(cluster, tmp_path)
    with timed("services ready"):
        cluster.start_services_again()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    print(f"the backup has {size / 1e6:.1f} MB")
    end = anna_calls_alisa_back(cluster, company)
    assert (end.place_id, end.joined_at) == (place.place_id, place.joined_at)
    assert rows(cluster, company).keys() == {"alisa", "cyril"}
    assert any(key.startswith(SNAPSHOTS) for key in stack.snapshots())
    all_is_said_again_and_nothing_follows(cluster, company)


@pytest.mark.rule("C1", "C2", "C3", "C12", "Q3")
def test_a_new_log_goes_on_where_the_lost_one_ended(cluster: Cluster) -> None:
    """Kafka's data is deleted while customers wait: who was promised a call is called, who was on the line is
    named, history keeps its rows, and a new customer is served."""
    company, stack = cluster.companies["adopted"], stack_of(cluster)
    customers_wait(cluster, company, with_bella=True)
    place, bellas_leg = company.place("alisa"), company.leg_id("bella")
    order = company.one(c.CallbackOrdered)
    cluster.stop_services()
    stack.kafka.stop()
    stack.kafka.lose_everything()
    with timed("an empty Kafka, and its topics"):
        stack.kafka.start()
        stack.create_topics()
    with timed("adopt-log"):
        told = operator(stack, "adopt-log")
    print(told)
    on_the_line = told.partition("callers waited on the line")[2]
    assert company.phone("alisa") in told.partition("callers waited on the line")[0]
    assert company.phone("bella") in on_the_line
    assert company.phone("alisa") not in on_the_line
    with timed("services ready"):
        cluster.start_services_again()
    cluster.until("the office is said again", company, company.is_open)
    cluster.until("bella is let go", company, lambda: not is_on_the_line(cluster, company, bellas_leg))
    end = anna_calls_alisa_back(cluster, company)
    assert (end.callback_id, end.joined_at) == (order.callback_id, place.joined_at)
    found = rows(cluster, company)
    assert found.keys() == {"alisa", "bella", "cyril"}
    assert found["bella"]["outcome"] == "abandoned"
    assert all(row["ended_at"] is not None for row in found.values())
    assert rows(cluster, cluster.companies["restored"]).keys() >= {"cyril"}
    later = cluster.companies["later"]
    cluster.open(later)
    cluster.play(alisas_morning(cluster, later, lambda: True), [later], ("alisa",))
    expect.agent_first(later, "alisa")


def is_on_the_line(cluster: Cluster, company: Company, leg_id: str | None) -> bool:
    """Whether a customer's call is still up, as far as anybody said."""
    return company.has(g.CallArrived, leg_id=leg_id) and not company.has(g.LegEnded, leg_id=leg_id)
