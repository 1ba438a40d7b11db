"""`kill -9` of each service in the middle of a morning does not change any customer's outcome (Q12).

Two companies' mornings overlap, so that a kill for one also hits the other's traffic. The gateway's morning
is separate, since keys pressed without a gateway are lost on any PBX.
"""

import pytest

from tests.e2e import expect
from tests.e2e.cluster import Cluster
from tests.e2e.company import CUSTOMERS
from tests.e2e.stories import KILLED, Morning, after, kills, whole_morning

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("e2e"),
]


ROUNDS = (("queue", "voicemail"), ("callback", "tts"), ("gateway",))
"""The services killed in one round, at distant moments, since there are two processors."""


@pytest.fixture(scope="module")
def mornings(cluster: Cluster, plain: Morning, request: pytest.FixtureRequest) -> dict[str, Morning]:
    """Every company's morning with its kills, only for the services of the selected tests."""
    asked = [name for name in KILLED if any(f"[{name}]" in item.nodeid for item in request.session.items)]
    for services in ROUNDS:
        _play(cluster, [name for name in services if name in asked])
    return {name: after(cluster, cluster.companies[name]) for name in asked}


def _play(cluster: Cluster, names: list[str]) -> None:
    """Begin one company's morning after the other's, as soon as there are callers."""
    companies = [cluster.companies[name] for name in names]
    cues = []
    former = None
    for company in companies:
        begin = (lambda: True) if former is None else (lambda former=former: former.waits("bella"))
        cues += [*kills(cluster, company, company.name), *whole_morning(cluster, company, begin)]
        former = company
    for company in companies:
        cluster.open(company)
    cluster.play(cues, companies, CUSTOMERS)


@pytest.mark.rule("Q12", "C3", "C4", "V4", "G2")
@pytest.mark.parametrize("service", KILLED)
def test_a_kill_changes_no_outcome(service: str, mornings: dict[str, Morning], plain: Morning) -> None:
    """No customer loses the place or is called twice, and every recipient gets one letter per message."""
    found = mornings[service]
    print(found.cluster.evidence)
    assert not found.company.wrongs()
    assert found.outcomes == plain.outcomes
    expect.agent_first(found.company, "alisa")
