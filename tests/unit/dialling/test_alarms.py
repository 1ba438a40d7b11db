"""At four fifths of a day's ceiling somebody is told: once, with the organization's name (C10)."""

import pytest
from structlog.testing import capture_logs

from contracts.codec import Envelope
from contracts.dialling import DiallingPolicy
from contracts.gateway import EndedBy, LegAnswered, LegEnded, LegRequested, Outcome
from contracts.ids import Address, Instant, LegId, OrganizationId, PbxId
from contracts.message import Message, type_name
from runtime.edge import Heard
from runtime.metrics import ALLOWANCES
from services.gateway.activities.spent_minutes import SpentMinutes
from tests import offices

ACME = OrganizationId("acme")
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def heard(message: Message, at: int = DAY) -> Heard:
    """A fact of an organization, of whatever source."""
    envelope = Envelope(id="1", type=type_name(message), source="gateway/any", organization_id=ACME, seq=0)
    return Heard(envelope=envelope, message=message, partition=0, offset=0, at=Instant(at))


def counted(what: str) -> float:
    """How often the alarm has rung in this process."""
    return float(ALLOWANCES.labels(what)._value.get())


@pytest.mark.rule("C10")
def test_minutes_of_all_pbxs_together_ring_once_a_day() -> None:
    """Four of five minutes on two PBXs."""
    minutes, before = SpentMinutes(), counted("minutes")
    policy = DiallingPolicy(minutes_per_day_max=5)
    minutes.hear(heard(offices.organization("acme", dialling_policy=policy)))
    with capture_logs() as logs:
        for number, name in enumerate(("one", "two", "three")):
            pbx_id, leg_id = PbxId(name), LegId(name)
            address = Address("tel:+79161234567")
            minutes.hear(heard(LegRequested(pbx_id=pbx_id, leg_id=leg_id, address=address)))
            minutes.hear(heard(LegAnswered(pbx_id=pbx_id, leg_id=leg_id)))
            ended = LegEnded(pbx_id=pbx_id, leg_id=leg_id, outcome=Outcome.COMPLETED, by=EndedBy.US)
            minutes.hear(heard(ended, DAY + (2 + number) * MINUTE))
    assert counted("minutes") == before + 1
    assert [(each["event"], each["organization_id"]) for each in logs] == [
        ("dialling.minutes_run_low", "acme")
    ]


@pytest.mark.rule("C10")
def test_talks_that_go_on_ring_too() -> None:
    """Whoever holds lines open for hours uses up the day before anybody hangs up."""
    minutes, before = SpentMinutes(), counted("minutes")
    minutes.hear(heard(offices.organization("acme", dialling_policy=DiallingPolicy(minutes_per_day_max=5))))
    pbx_id, address = PbxId("one"), Address("tel:+79161234567")
    minutes.hear(heard(LegRequested(pbx_id=pbx_id, leg_id=LegId("long"), address=address)))
    minutes.hear(heard(LegAnswered(pbx_id=pbx_id, leg_id=LegId("long"))))
    another = LegRequested(pbx_id=pbx_id, leg_id=LegId("another"), address=address)
    with capture_logs() as logs:
        minutes.hear(heard(another, DAY + 4 * MINUTE))
    assert [each["event"] for each in logs] == ["dialling.minutes_run_low"]
    assert counted("minutes") == before + 1
