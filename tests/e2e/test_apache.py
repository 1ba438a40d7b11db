"""The callback's story on Apache Kafka: replicas share the partitions, and the broker's own time decides."""

from collections.abc import Iterator

import pytest

from contracts import queue as q
from tests.e2e import expect
from tests.e2e.cluster import Cluster, Cue
from tests.e2e.company import Company
from tests.e2e.stories import alisas_morning

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(480),
    pytest.mark.xdist_group("apache"),
]

ALISA = ("alisa",)


@pytest.fixture
def cluster(kafka_apache: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Services as in production: members of groups, on a broker that keeps time; the other parts embedded."""
    overrides = {
        "RINGBACK_KAFKA": kafka_apache,
        "RINGBACK_PARTITIONS": "group",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0",
        "RINGBACK_REPLICA": "e2e-0",
    }
    run = tmp_path_factory.mktemp("apache")
    with Cluster(run, [Company("apache", 20)], overrides=overrides) as made:
        yield made


@pytest.mark.rule("C1", "C2", "C3", "G1", "Q12")
def test_a_customer_is_called_back_on_apache_kafka_though_the_queue_is_killed(cluster: Cluster) -> None:
    """The same services, by settings alone; a killed member of a group comes back under its lasting name."""
    print(cluster.evidence)
    company = cluster.companies["apache"]
    cluster.open(company)
    cues = [
        *alisas_morning(cluster, company, lambda: True),
        Cue(
            "kill -9 of queue when an agent's phone rings",
            lambda: company.has(q.OfferMade),
            lambda: cluster.kill("queue"),
        ),
    ]
    cluster.play(cues, [company], ALISA)
    end = expect.agent_first(company, "alisa")
    assert (end.agent_id, end.attempts) == ("anna", 1)
    assert cluster.outcomes(company, ALISA)["alisa"].rang == 1
    assert not company.wrongs()
