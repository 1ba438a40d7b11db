"""One started stack for all mornings, since a start takes long."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.company import CUSTOMERS, Administered, Company
from tests.e2e.stories import KILLED, Morning, after, whole_morning

PLAIN = "plain"
ERASED = "erased"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Embedded parts, every service, phones; one company for each service that is killed, and a plain one."""
    companies = [Company(name, number) for number, name in enumerate((PLAIN, *KILLED), start=10)]
    companies.append(Administered(ERASED, 10 + len(companies)))
    with Cluster(tmp_path_factory.mktemp("e2e"), companies) as made:
        yield made


@pytest.fixture(scope="session")
def plain(cluster: Cluster) -> Morning:
    """A morning on which no service is killed."""
    company = cluster.companies[PLAIN]
    cluster.open(company)
    cluster.play(whole_morning(cluster, company, lambda: True), [company], CUSTOMERS)
    return after(cluster, company)
