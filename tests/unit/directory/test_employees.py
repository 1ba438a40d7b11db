"""What an employee's card may hold: names, extensions, phones, times."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from contracts import dialling
from services.directory.rules import extensions, naming
from services.directory.rules.errors import shown
from services.directory.state.cards import Dialling, Seat
from services.directory.state.limits import LOGIN_PATTERN
from services.directory.state.office import Kind
from tests.unit.directory.offices import codes, employee, office, problems, with_department


@pytest.mark.rule("E1")
@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("Гусев Родион", "gusev.r"),
        ("Щукина Юлия", "shchukina.i"),
        ("Müller Jürgen", "mueller.j"),
        ("Ёлкин", "elkin"),
        ("李", "user"),
        ("007", "n007"),
    ],
)
def test_a_login_is_made_from_the_name(name: str, login: str) -> None:
    """People type logins on phones that have no other letters."""
    assert naming.login(name, ()) == login


@pytest.mark.rule("E1")
@given(st.lists(st.text(max_size=60), max_size=20))
def test_logins_are_unique_and_always_fit(names: list[str]) -> None:
    """This holds for any name, and for any number of namesakes."""
    taken: list[str] = []
    for name in names:
        taken.append(naming.login(name, taken))
    assert len(set(taken)) == len(taken)
    assert all(re.fullmatch(LOGIN_PATTERN, each) for each in taken)


@pytest.mark.rule("E2")
@given(st.sets(st.integers(min_value=1, max_value=400).map(str)))
def test_a_generated_extension_is_free_and_in_nobodys_way(taken: set[str]) -> None:
    """EC-88: the generator skips extensions that it must not give."""
    found = extensions.next_free(taken, "RU")
    assert found not in taken
    assert not dialling.is_emergency(found, "RU")
    assert not any(number.startswith(found) for number in dialling.EMERGENCY_EVERYWHERE)


@pytest.mark.rule("E2")
@given(st.text("0123456789", min_size=1, max_size=8))
def test_no_saved_extension_reaches_or_shadows_an_emergency_service(extension: str) -> None:
    """Whatever is typed, 112 stays 112."""
    found = office(employees={"a": employee("A", extension=extension, role="administrator")})
    found_codes = {code for code, _ in codes(found, Kind.EMPLOYEE, "a")}
    is_refused = bool(found_codes & {"extension_emergency", "extension_shadows"})
    is_in_the_way = dialling.is_emergency(extension, "RU") or any(
        number.startswith(extension) for number in dialling.EMERGENCY_EVERYWHERE
    )
    assert is_refused == is_in_the_way


@pytest.mark.rule("E2")
def test_one_extension_may_be_given_on_each_pbx() -> None:
    """201 in Moscow and 201 on the Volga are two phones."""
    assert codes(office(), Kind.EMPLOYEE, "c") == []
    twice = office(employees={**office().employees, "d": employee("D", extension="201")})
    [problem] = problems(twice, Kind.EMPLOYEE, "d")
    assert (problem.code, problem.values["owner"], problem.values["free"]) == (
        "extension_taken",
        "«A»",
        "200",
    )


@pytest.mark.rule("E4")
def test_a_mobile_with_too_little_time_to_ring_is_warned_of() -> None:
    """Within less than fifteen seconds nobody finds the phone."""
    late = employee("B", mobile="+79161234567", rings_mobile=True, mobile_delay_ms=10_000, extension="202")
    found = office(employees={**office().employees, "b": late})
    seated = found.departments["sales"]

    found = with_department(found, "sales", agents=(Seat(agent_id="b"),))
    assert seated.strategy.ring_ms == 20_000
    [problem] = problems(found, Kind.DEPARTMENT, "sales")
    assert (problem.code, problem.is_warning, problem.values["seconds"]) == ("mobile_time_short", True, "10")


@pytest.mark.rule("E4")
def test_somebody_whose_phones_never_ring_is_refused() -> None:
    """An agent whose phones never ring can't work."""
    silent = employee("B", rings_desk=False, extension="202")
    assert codes(office(employees={"b": silent}), Kind.EMPLOYEE, "b") == [("device_missing", "rings_desk")]


@pytest.mark.rule("C10")
def test_a_mobile_abroad_or_in_orbit_is_refused_unless_allowed() -> None:
    """Employees' mobiles are dialled at the company's cost."""
    abroad = employee("B", mobile="+4915112345678", rings_mobile=True, extension="202")
    [problem] = problems(office(employees={"b": abroad}), Kind.EMPLOYEE, "b")
    assert (problem.code, problem.field) == ("number_refused", "mobile")
    cause = shown(problem).cause
    assert cause.ru == "На номер +4915112345678 звонить нельзя: эта страна не разрешена."
    assert cause.en == "+4915112345678 may not be dialled: its country is not allowed."


def test_a_number_of_the_kill_switch_is_still_a_number() -> None:
    """The switch stops dialling, not the saving of cards."""

    home = employee("B", mobile="+79161234567", rings_mobile=True, extension="202")
    found = office(employees={"b": home})
    organization = structs.replace(found.organization, dialling=Dialling(is_on=False))
    assert codes(structs.replace(found, organization=organization), Kind.EMPLOYEE, "b") == []


@pytest.mark.parametrize(
    ("field", "value", "guess"),
    [("pbx_id", "moskwa", "moskva"), ("timezone", "Europe/Moskow", "Europe/Moscow")],
)
def test_n10_a_name_that_is_almost_one_is_guessed(field: str, value: str, guess: str) -> None:
    """A typing error costs seconds, in both languages."""
    found = office(employees={"a": employee("A", **{field: value, "role": "administrator"})})
    [problem] = problems(found, Kind.EMPLOYEE, "a")
    assert shown(problem).cause.en.endswith(f" Did you mean «{guess}»?")
    assert shown(problem).cause.ru.endswith(f" Возможно, имелось в виду «{guess}»?")


def test_n10_a_name_like_none_is_not_guessed() -> None:
    """A guess without similarity would mislead."""
    found = office(employees={"a": employee("A", pbx_id="qq", role="administrator")})
    [problem] = problems(found, Kind.EMPLOYEE, "a")
    assert shown(problem).cause.en == "There is no «qq», which the field refers to."
