"""Applying a file says what changed and nothing else."""

from contracts.directory import AgentSaved, DepartmentSaved, NoticeSaved, RightsSaved
from tests.unit.tools.offices import PLAIN, changed, facts_of
from tools.apply.difference import difference, newest


def test_on_an_empty_log_everything_is_new_with_version_1() -> None:
    """The first file of a company."""
    found = difference(facts_of(PLAIN), {})
    assert {change.kind for change in found.changes} == {"new"}
    assert all(getattr(fact, "version", None) == 1 for fact in found.facts())


def test_applying_the_same_file_again_says_nothing() -> None:
    """Readers are not woken for nothing, and versions tell how often something changed."""
    found = difference(facts_of(PLAIN), newest(facts_of(PLAIN)))
    assert found.changes == ()
    assert found.unchanged == len(facts_of(PLAIN))


def test_only_what_changed_gets_the_next_version() -> None:
    """A new name of one agent leaves the departments as they are."""
    found = difference(facts_of(changed(("Зимина Вера", "Зимина-Лугова Вера"))), newest(facts_of(PLAIN)))
    (change,) = found.changes
    assert isinstance(change.fact, AgentSaved)
    assert change.fact.version == 2
    assert change.fields == (("name", "Зимина Вера", "Зимина-Лугова Вера"),)


def test_an_agent_who_is_no_longer_in_the_file_is_removed() -> None:
    """E8: a removed agent gets no new calls; the name stays for history."""
    text = changed(("  zimina: {name: Зимина Вера, pbx: cloud, extension: 202}\n", ""), ("zimina, ", ""))
    found = difference(facts_of(text), newest(facts_of(PLAIN)))
    removed = [change.fact for change in found.changes if change.kind == "removed"]
    assert [(type(fact), fact.agent_id, fact.is_removed, fact.version) for fact in removed] == [  # type: ignore[attr-defined]
        (AgentSaved, "zimina", True, 2),
        (RightsSaved, "zimina", True, 2),
    ]


def test_an_agent_who_comes_back_gets_a_version_above_all_earlier_ones() -> None:
    """Readers drop what is not newer than what they know."""
    known = facts_of(PLAIN)
    text = changed(("  zimina: {name: Зимина Вера, pbx: cloud, extension: 202}\n", ""), ("zimina, ", ""))
    log = [*known, *difference(facts_of(text), newest(known)).facts()]
    back = [f for f in difference(facts_of(PLAIN), newest(log)).facts() if isinstance(f, AgentSaved)]
    assert [(agent.agent_id, agent.version, agent.is_removed) for agent in back] == [("zimina", 3, False)]


def test_a_department_that_is_renamed_takes_its_notice_along() -> None:
    """T3: a notice bound to a name is rendered again when the name changes."""
    said = ("lines:", 'notices: {welcome: {spoken: "Это {department}"}}\n    lines:')
    before = facts_of(changed(said))
    after = facts_of(changed(said, ("Отдел продаж", "Продажи и бронь")))
    kinds = {type(change.fact) for change in difference(after, newest(before)).changes}
    assert kinds == {DepartmentSaved, NoticeSaved}


def test_on_a_log_that_has_forgotten_its_beginning_new_entities_start_above_any_old_version() -> None:
    """A reader may know version 7 of an agent whose facts are beyond the log's retention."""
    found = difference(facts_of(PLAIN), {}, version_first=1_795_413_600_000)
    assert {getattr(fact, "version", None) for fact in found.facts()} == {1_795_413_600_000}
