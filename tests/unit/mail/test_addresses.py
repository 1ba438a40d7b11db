"""What a valid e-mail address is, wherever one comes in (E1, V4)."""

import re

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from ringback.apply.values import Email as FileEmail
from runtime.mail import addresses
from services.directory.state.cards import Who
from services.directory.state.limits import EMAIL_PATTERN, Email, Name, Number
from services.directory.state.office import Kind
from tests.unit.directory.offices import codes, employee, office

GOOD = (
    "o'brien@volga.example",
    "ivan@почта.рф",
    "иван@почта.рф",
    "a&b@volga.example",
    "first.last+tag@sub.volga.example",
    "a/b=c{d}|e~f@volga.example",
    "head@pbx.local",
    "root@server",
    "ringback@localhost",
    "x@volga.test",
    "x@xn--80a1acny.xn--p1ai",
)
BAD = (
    "",
    "nobody",
    "a..b@volga.example",
    ".a@volga.example",
    "a.@volga.example",
    "a@b..c",
    "a@-b.example",
    "a b@volga.example",
    '"a b"@volga.example',
    "a@[127.0.0.1]",
    "Anna <anna@volga.example>",
    "a@volga.example, b@volga.example",
    "a@volga.example\r\nBcc: all@volga.example",
    "a@volga.example\n",
    "a\u2028b@volga.example",
    f"{'a' * 65}@volga.example",
    f"a@{'b.' * 127}example",
)


@pytest.mark.rule("E1")
@pytest.mark.parametrize("address", GOOD)
def test_p36_an_address_that_letters_can_have_is_taken_by_the_book_and_by_office_files(address: str) -> None:
    """Apostrophes, ampersands, letters of any alphabet, and private domains."""
    assert re.search(EMAIL_PATTERN, address)
    assert msgspec.convert(address, Email) == address
    found = office(employees={"a": employee("A", email=address)})
    assert ("email_wrong", "email") not in codes(found, Kind.EMPLOYEE, "a")
    assert TypeAdapter(FileEmail).validate_python(address) == addresses.canonical(address)
    assert addresses.on_the_wire(address).rpartition("@")[2].isascii()


@pytest.mark.rule("E1")
@pytest.mark.parametrize("address", BAD)
def test_p36_what_is_no_address_is_refused_wherever_it_comes_in(address: str) -> None:
    """The directory and office files refuse it, so no letter is ever written to it."""
    with pytest.raises(addresses.InvalidAddress):
        addresses.on_the_wire(address)
    with pytest.raises(ValidationError):
        TypeAdapter(FileEmail).validate_python(address)
    try:
        msgspec.convert(address, Email)
    except msgspec.ValidationError:
        return
    found = office(employees={"a": employee("A", email=address)})
    assert ("email_wrong", "email") in codes(found, Kind.EMPLOYEE, "a")


@pytest.mark.rule("V4")
def test_p36_a_recipient_without_a_card_has_a_real_address_too() -> None:
    """Somebody outside the company gets letters by name and address."""
    found = office()
    listed = msgspec.structs.replace(
        found.organization, administrators=(Who(name="Вера", email="вера@-почта.рф"),)
    )
    found.organization = listed
    assert ("email_wrong", "administrators.0.email") in codes(found, Kind.ORGANIZATION, "o")


@pytest.mark.parametrize(
    ("written", "shown", "sent"),
    [
        ("Ivan@ПОЧТА.рф", "Ivan@почта.рф", "Ivan@xn--80a1acny.xn--p1ai"),
        ("ivan@xn--80a1acny.xn--p1ai", "ivan@почта.рф", "ivan@xn--80a1acny.xn--p1ai"),
        ("A@VOLGA.example", "A@volga.example", "A@volga.example"),
        ("и\u0306@volga.example", "й@volga.example", "й@volga.example"),
    ],
)
def test_p36_two_ways_to_write_an_address_are_one(written: str, shown: str, sent: str) -> None:
    """One reader gets one letter; the name before the @ is its owner's and stays as it is."""
    assert (addresses.canonical(written), addresses.on_the_wire(written)) == (shown, sent)


@pytest.mark.parametrize(
    "unseen", ["\n", "\r\n", "\x00", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff"]
)
def test_l1_the_book_takes_no_controls_and_separators_in_names(unseen: str) -> None:
    """Within a name and at its end, where `$` alone would let a line feed pass."""
    for text, kind in (
        ("Гусев{}Родион", Name),
        ("Гусев{}", Name),
        ("{}Гусев", Name),
        ("+74951234567{}", Number),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text.format(unseen), kind)
    assert msgspec.convert("ООО «Волга» — склад № 1, O’Brien & Sons", Name)
