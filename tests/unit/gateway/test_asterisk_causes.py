"""How a leg ended on an Asterisk, as SIP's code, and who ended it."""

from typing import Any

import pytest

from contracts.ids import Instant, LegId
from services.gateway.asterisk import causes
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.legs import Leg
from services.gateway.asterisk.requirements import is_new_enough


def a_leg(**fields: Any) -> Leg:
    return Leg(
        **{
            "leg_id": LegId("l"),
            "channel_id": "rb.l",
            "is_arrived": False,
            "since_at": Instant(0),
            **fields,
        }
    )


def destroyed(cause: int, tech_cause: int | None = None) -> AriEvent:
    return AriEvent(type="ChannelDestroyed", cause=cause, tech_cause=tech_cause)


@pytest.mark.parametrize(
    ("fields", "cause", "tech_cause", "code"),
    [
        pytest.param({}, 17, 486, 486, id="sips-own"),
        pytest.param({}, 16, None, 487, id="cancelled"),
        pytest.param({}, 58, None, 488, id="no-codec"),
        pytest.param({}, 21, 403, 603, id="declined-at-a-peer"),
        pytest.param({"is_public": True}, 21, 403, 403, id="blocked-outside"),
        pytest.param({"dialstatus": "CONGESTION"}, 0, None, 503, id="by-dialstatus"),
        pytest.param({"dialstatus": "NOANSWER"}, 0, None, 0, id="noanswer-says-nothing"),
        pytest.param({"is_ended_by_us": True}, 17, 486, 487, id="our-own-end"),
        pytest.param({"is_up": True}, 16, None, 0, id="answered"),
        pytest.param({"is_arrived": True}, 16, None, 0, id="arrived"),
    ],
)
def test_a_leg_ends_with_the_code_that_the_phone_meant(
    fields: dict[str, Any], cause: int, tech_cause: int | None, code: int
) -> None:
    """Busy, declined and unreachable are different ends for an agent, and for a customer."""
    assert causes.code(a_leg(**fields), destroyed(cause, tech_cause)) == code


def test_a_person_ends_a_leg_by_hanging_up_or_by_declining_and_never_when_we_did() -> None:
    """Asterisk tells the echo of our own hang-up, too."""
    assert causes.is_by_party(a_leg(is_up=True, is_ended_by_party=True), 0)
    assert causes.is_by_party(a_leg(), 603)
    assert not causes.is_by_party(a_leg(), 404)
    assert not causes.is_by_party(a_leg(is_up=True, is_ended_by_party=True, is_ended_by_us=True), 0)


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("22.4.0", True),
        ("22.3.0", False),
        ("21.9.0", True),
        ("21.8.0", False),
        ("20.14.0", True),
        ("20.9.3", False),
        ("18.20.0", False),
        ("23.0.0", True),
        ("GIT-master-1a2b3c", True),
    ],
)
def test_an_asterisk_without_requests_over_its_socket_is_too_old(version: str, is_enough: bool) -> None:
    """Each of its lines got them in another version."""
    assert is_new_enough(version) is is_enough
