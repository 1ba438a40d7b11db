"""One company on two Asterisks with the town's phones, for all stories: a start takes long."""

from collections.abc import Iterator

import pytest

from devtools.phone_networks import RealPhones, Site
from ringback.stack.asterisk import Root
from tests.e2e.cluster import Cluster
from tests.e2e.phones.exchange import Exchange
from tests.e2e.phones.office import DEPARTMENTS, EXTENSIONS, MOSKVA, OF_VOLGA, VOLGA, Mayak


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Exchange]:
    """Everything is real: the parts, the services, the PBXs, and what goes over the wire."""
    company = Mayak("mayak", 40)
    extensions = {pbx_id: _extensions(pbx_id == VOLGA) for pbx_id in (MOSKVA, VOLGA)}
    phones = RealPhones(
        [
            Site(MOSKVA, extensions[MOSKVA], DEPARTMENTS, company.organization_id),
            Site(VOLGA, extensions[VOLGA], (), company.organization_id),
        ]
    )
    with Cluster(tmp_path_factory.mktemp("phones"), [company], phones=phones) as cluster:
        cluster.open(company)
        made = Exchange(cluster, company, phones)
        made.until("the office and its phones", company.is_open)
        yield made


def _extensions(is_of_volga: bool) -> tuple[str, ...]:
    return tuple(extension for name, extension in EXTENSIONS.items() if (name in OF_VOLGA) == is_of_volga)
