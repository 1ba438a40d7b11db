"""What is known of contacts between batches is all that the tables have, or nothing."""

import pytest

from contracts.ids import PbxId
from services.history.rules import kept_contacts
from services.history.rules.kept_contacts import KeptContact, KeptContacts
from services.history.state import Contact, ContactId
from tests.unit.history.stories import NORTH, at

LEG = "leg:in1"
NUMBER = "number:+79120000001"


def a_contact(id_: str = "in1", *names: str, is_open: bool = True) -> KeptContact:
    """A contact with these names beside that of its leg."""
    contact = Contact(
        contact_id=ContactId(id_),
        organization_id=NORTH,
        started_at=at(0),
        pbx_id=PbxId("moscow"),
        ended_at=None if is_open else at(9),
    )
    return KeptContact(contact=contact, names=[f"leg:{id_}", *names], live={})


def test_a_name_that_was_looked_up_is_known_until_one_of_its_contacts_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A caller who goes on in another place has two contacts of one leg: half of them would be wrong."""
    monkeypatch.setattr(kept_contacts, "OPEN_MAX", 2)
    kept = KeptContacts()
    kept.keep(NORTH, [LEG], [a_contact("in1"), a_contact("in2", LEG)])
    assert kept.named(NORTH, LEG) == {"in1", "in2"}
    kept.keep(NORTH, [], [a_contact("in3")])
    assert (kept.contact(NORTH, ContactId("in1")), kept.named(NORTH, LEG)) == (None, None)


def test_a_name_that_nobody_looked_up_is_not_known() -> None:
    """Contacts that were never loaded may have it, too."""
    kept = KeptContacts()
    kept.keep(NORTH, [LEG], [a_contact("in1", NUMBER)])
    assert kept.named(NORTH, NUMBER) is None


def test_a_contact_that_gains_a_name_is_among_those_that_have_it_and_one_that_loses_it_is_not() -> None:
    """A place is passed on; a number is erased."""
    kept = KeptContacts()
    kept.keep(NORTH, [NUMBER], [a_contact("in1", NUMBER)])
    kept.keep(NORTH, [], [a_contact("in2", NUMBER)])
    assert kept.named(NORTH, NUMBER) == {"in1", "in2"}
    kept.keep(NORTH, [], [a_contact("in1")])
    assert kept.named(NORTH, NUMBER) == {"in2"}


def test_those_that_have_ended_go_before_those_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long talk is still known at its end, however many calls have come and gone meanwhile."""
    monkeypatch.setattr(kept_contacts, "ENDED_MAX", 1)
    kept = KeptContacts()
    kept.keep(NORTH, [], [a_contact("in1"), *(a_contact(f"in{n}", is_open=False) for n in range(2, 9))])
    found = [n for n in range(1, 9) if kept.contact(NORTH, ContactId(f"in{n}")) is not None]
    assert found == [1, 8]


def test_a_forgotten_organization_leaves_nothing() -> None:
    """Nor do its names."""
    kept = KeptContacts()
    kept.keep(NORTH, [LEG], [a_contact("in1")])
    kept.forget(NORTH)
    assert (kept.contact(NORTH, ContactId("in1")), kept.named(NORTH, LEG)) == (None, None)
