"""One started stack for all mornings, since a start is dear."""

from collections.abc import Iterator

import pytest

from tests.e2e.company import CUSTOMERS, Company
from tests.e2e.stories import KILLED, Morning, after, whole_morning
from tests.e2e.works import Works

PLAIN = "plain"


@pytest.fixture(scope="session")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Embedded parts, every service, phones; one company for each service that is killed, and a plain one."""
    companies = [Company(name, number) for number, name in enumerate((PLAIN, *KILLED), start=10)]
    with Works(tmp_path_factory.mktemp("e2e"), companies) as made:
        yield made


@pytest.fixture(scope="session")
def plain(works: Works) -> Morning:
    """A morning on which nobody is killed."""
    company = works.companies[PLAIN]
    works.open(company)
    works.play(whole_morning(works, company, lambda: True), [company], CUSTOMERS)
    return after(works, company)
