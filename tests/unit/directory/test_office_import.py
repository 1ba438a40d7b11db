"""A sheet turned into cards: defaults, problems that are reported once, cards that are left."""

from msgspec import structs

from contracts.directory import DirectActionKind, Role
from services.directory.rules import office_import
from services.directory.state.cards import DirectAction, EmployeeCard, RulesCard
from services.directory.state.office import Kind
from services.directory.state.office_sheet import EmployeeSheet, OfficeSheet, OrganizationSheet
from tests.unit.directory.offices import office


def said(name: str, extension: str, **fields: object) -> EmployeeSheet:
    """An employee of a sheet, on the PBX in Moscow."""
    return EmployeeSheet(name=name, pbx_id="moskva", extension=extension, **fields)  # type: ignore[arg-type]


def sheet(**employees: EmployeeSheet) -> OfficeSheet:
    """A sheet with these employees."""
    return OfficeSheet(organization_id="o", organization=OrganizationSheet(name="О"), employees=employees)


def employees_of(named: list[office_import.Named]) -> dict[str, EmployeeCard]:
    """The employees among the cards of a sheet."""
    return {each.id: each.card for each in named if isinstance(each.card, EmployeeCard)}


def test_logins_are_made_for_who_is_new_and_kept_for_who_is_there() -> None:
    """E1: people type their login every morning; a file that does not name it does not change it."""
    found = office()
    twins = sheet(a=said("Кто угодно", "201"), one=said("Орлов Пётр", "210"), two=said("Орлов Павел", "211"))
    made = employees_of(office_import.cards(found, twins))
    assert {id_: card.login for id_, card in made.items()} == {"a": "a", "one": "orlov.p", "two": "orlov.p-2"}


def test_what_is_written_wins_and_what_is_left_out_stays() -> None:
    """A field that the sheet has counts, even when it is None."""
    found = office()
    old = structs.replace(found.employees["b"], job_title="Инженер", mobile="+79161234567", may_hear=False)
    found.employees["b"] = old
    silent = employees_of(office_import.cards(found, sheet(b=said("B", "202"))))["b"]
    assert silent == old
    spoken = employees_of(office_import.cards(found, sheet(b=said("B", "202", mobile=None, may_hear=True))))[
        "b"
    ]
    assert (spoken.mobile, spoken.may_hear, spoken.job_title) == (None, True, "Инженер")


def test_a_loop_that_a_sheet_closes_is_told_once_with_its_place() -> None:
    """D6: each card on the loop would report it."""
    to = {
        who: RulesCard(no_answer=DirectAction(kind=DirectActionKind.COLLEAGUE, agent_id=whom))
        for who, whom in (("a", "b"), ("b", "a"))
    }
    whole = structs.replace(
        sheet(a=said("A", "201", role=Role.ADMINISTRATOR, email="a@o.example"), b=said("B", "202")),
        pbxs=office().pbxs,
        rules=to,
    )
    made = office_import.office_of(whole)
    [problem] = office_import.problems(made, office_import.cards(made, whole))
    assert (problem.code, problem.field) == ("forward_loop", "rules.a.no_answer")


def test_an_employee_and_an_extension_of_one_id_are_refused() -> None:
    """Both are agents, and an agent's id is one name on the log."""
    found = office()
    whole = structs.replace(
        sheet(a=said("A", "201", role=Role.ADMINISTRATOR, email="a@o.example"), x=said("X", "209")),
        pbxs=found.pbxs,
        extensions=found.extensions,
    )
    made = office_import.office_of(whole)
    [problem] = office_import.problems(made, office_import.cards(made, whole))
    assert (problem.code, problem.field) == ("id_taken", "extensions.x")


def test_what_an_office_has_beside_a_sheet_is_named() -> None:
    """Rules of direct calls belong to their employee."""
    found = office(rules={"a": RulesCard(), "b": RulesCard()})
    left = office_import.left(found, office_import.cards(found, sheet(a=said("A", "201"))))
    assert {(each.kind, each.id) for each in left} == {
        *((Kind.PBX, id_) for id_ in ("moskva", "volga", "sklad")),
        *((Kind.EMPLOYEE, id_) for id_ in ("b", "c")),
        (Kind.EXTENSION, "x"),
        *((Kind.DEPARTMENT, id_) for id_ in ("sales", "service")),
    }
