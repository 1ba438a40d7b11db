"""Office files for the tests of `apply`."""

from datetime import UTC, datetime

from contracts.ids import Instant
from contracts.message import Fact
from ringback.apply import office
from ringback.apply.document import Document, Problem, read
from services.directory.rules import facts as saying
from services.directory.rules import hours, office_import

PLAIN = """\
organization:
  id: veter
  name: Ветер
  administrators: [gusev]
pbxs:
  cloud: {name: Москва, kind: cloud, numbers: ["+7 495 000-10-00"]}
  sklad: {name: Склад, kind: office, numbers: ["+7 812 000-30-00"]}
employees:
  gusev: {name: Гусев Родион, pbx: cloud, extension: 201, email: gusev@veter.example}
  zimina: {name: Зимина Вера, pbx: cloud, extension: 202}
extensions:
  priemka: {name: Приёмка, pbx: sklad, extension: 31}
departments:
  sales:
    name: Отдел продаж
    pbx: cloud
    extension: 300
    lines: ["+7 495 000-10-00"]
    agents: [gusev, zimina, priemka]
"""


def at(text: str) -> Instant:
    """An instant from UTC text."""
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000))


NOW = at("2026-11-23T06:00:00")
"""A Monday, nine in the morning in Moscow."""


def changed(*changes: tuple[str, str]) -> str:
    """The plain office with pieces of its text replaced."""
    text = PLAIN
    for before, after in changes:
        assert before in text, f"the plain office does not say {before!r}"
        text = text.replace(before, after)
    return text


def facts_of(text: str) -> list[Fact]:
    """The directory's facts of an office file without errors, on an empty log."""
    return facts(read(text), NOW)


def facts(document: Document, now_at: Instant) -> list[Fact]:
    """The facts of a document, at a given time."""
    said, problems = office.examine(document)
    assert said is not None
    assert all(problem.is_warning for problem in problems), problems
    whole = office_import.office_of(said)
    made = saying.facts(whole, hours.local_day(now_at, whole.organization.timezone))
    made += [saying.availability(whole, id_, card, now_at) for id_, card in whole.employees.items()]
    made += [saying.scenario(whole, id_, card, now_at) for id_, card in whole.scenarios.items()]
    return [saying.with_version(fact, 1) for fact in made]


def problems_of(text: str) -> list[Problem]:
    """The errors and warnings of `apply` for an office file."""
    return office.examine(read(text))[1]


def only_problem_of(text: str) -> Problem:
    """The only problem of an office file."""
    (problem,) = problems_of(text)
    return problem


def line_of(text: str, piece: str) -> int:
    """The line in which a piece of text stands."""
    return text[: text.index(piece)].count("\n") + 1
