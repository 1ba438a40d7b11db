"""No value of a plan can end its line or begin another: what could is refused, and no secret is printed."""

from typing import Any

import pytest

from contracts.ids import PbxId
from ringback.pbx_files.plan import (
    Fallback,
    OutsideRule,
    PbxPlan,
    PlannedPeer,
    PlannedPhone,
    PlannedTrunk,
    PlanRefused,
)

PBX = PbxId("moskva")
SECRETS = ("empty", "blank", "leading-blank", "line", "tab", "cyrillic", "long")
BREAKING_OUT = ("1\n[x]", "1;", "1=2", "#include x", "${X}", "1,2", "1]", "", " ", "1&PJSIP", "1@x", "١")


@pytest.mark.parametrize("number", range(len(BREAKING_OUT)))
def test_an_extension_is_digits(number: int) -> None:
    with pytest.raises(PlanRefused):
        PlannedPhone(extension=BREAKING_OUT[number], password="a-password")
    with pytest.raises(PlanRefused):
        PbxPlan(pbx_id=PBX, department_extensions=(BREAKING_OUT[number],))
    with pytest.raises(PlanRefused):
        PlannedPeer(pbx_id=PbxId("volga"), host="192.0.2.3", extensions=(BREAKING_OUT[number],))
    with pytest.raises(PlanRefused):
        Fallback(extensions=(BREAKING_OUT[number],))


@pytest.mark.parametrize("number", range(len(BREAKING_OUT)))
def test_names_hosts_and_patterns_have_only_their_own_letters(number: int) -> None:
    """An empty name of a trunk's user and an empty number are no values at all."""
    bad = BREAKING_OUT[number] or " "
    with pytest.raises(PlanRefused):
        PlannedTrunk(host=bad)
    with pytest.raises(PlanRefused):
        PlannedTrunk(host="192.0.2.9", name=bad)
    with pytest.raises(PlanRefused):
        PlannedTrunk(host="192.0.2.9", networks=(bad,))
    with pytest.raises(PlanRefused):
        PlannedTrunk(host="192.0.2.9", username=f"a {bad}", password="b")
    with pytest.raises(PlanRefused):
        PlannedPeer(pbx_id=PbxId(bad), host="192.0.2.3")
    with pytest.raises(PlanRefused):
        PlannedPeer(pbx_id=PbxId("volga"), host=bad)
    with pytest.raises(PlanRefused):
        OutsideRule(pattern=bad)
    with pytest.raises(PlanRefused):
        OutsideRule(pattern="8X", prepend=bad)
    for field in ("pbx_id", "app", "outside_number", "media_address"):
        given: dict[str, Any] = {"pbx_id": PBX, field: bad}
        with pytest.raises(PlanRefused):
            PbxPlan(**given)
    with pytest.raises(PlanRefused):
        PbxPlan(pbx_id=PBX, emergency_numbers=(bad,))


@pytest.mark.parametrize("password", ["", "a b", " secret", "a\nb", "a\tb", "ё", "b" * 129], ids=SECRETS)
def test_a_secret_that_asterisk_would_read_otherwise_is_refused_and_not_printed(password: str) -> None:
    with pytest.raises(PlanRefused, match="password of extension 201") as refused:
        PlannedPhone(extension="201", password=password)
    assert str(refused.value).startswith("password of extension 201 is empty, too long")
    assert "secret" not in str(refused.value)
    with pytest.raises(PlanRefused):
        PlannedTrunk(host="192.0.2.9", username="moskva", password=password)


def test_nothing_takes_the_names_of_the_rendered_sections() -> None:
    with pytest.raises(PlanRefused):
        PlannedPeer(pbx_id=PbxId("ringback-phone"), host="192.0.2.3")


@pytest.mark.parametrize(
    "host", ["192.0.2.9", "192.0.2.9:5080", "sip.example.net", "[2001:db8::1]:5060", "x"]
)
def test_a_host_is_an_address_or_a_name_with_or_without_a_port(host: str) -> None:
    assert PlannedTrunk(host=host).host == host


def test_two_owners_of_one_extension_are_refused() -> None:
    """Asterisk would take the first and say nothing."""
    phone = PlannedPhone(extension="201", password="a-password")
    plans: tuple[dict[str, Any], ...] = (
        {"phones": (phone, phone)},
        {"phones": (phone,), "department_extensions": ("201",)},
        {"department_extensions": ("112",), "emergency_numbers": ("112",)},
        {"trunks": (PlannedTrunk(host="a"), PlannedTrunk(host="b"))},
        {
            "trunks": (PlannedTrunk(host="a", name="volga"),),
            "peers": (PlannedPeer(pbx_id=PbxId("volga"), host="b"),),
        },
    )
    for twice in plans:
        with pytest.raises(PlanRefused, match="twice"):
            PbxPlan(pbx_id=PBX, **twice)


def test_what_is_not_there_can_not_be_dialled() -> None:
    with pytest.raises(PlanRefused, match="201"):
        PbxPlan(pbx_id=PBX, fallback=Fallback(extensions=("201",)))
    with pytest.raises(PlanRefused, match="no trunk"):
        PbxPlan(pbx_id=PBX, fallback=Fallback(number="+79161234567"))
    with pytest.raises(PlanRefused, match="no trunk"):
        PbxPlan(pbx_id=PBX, outside=(OutsideRule(pattern="8NXXXXXXXXX"),))
    with pytest.raises(PlanRefused, match="not to both"):
        Fallback(extensions=("201",), number="+79161234567")
    with pytest.raises(PlanRefused, match="no username"):
        PlannedTrunk(host="a", password="b")


@pytest.mark.parametrize("field", ["after_s", "ring_s", "rings_on_s"])
def test_no_wait_is_endless_or_none(field: str) -> None:
    for value in (0, 3_601):
        given: dict[str, Any] = {field: value}
        with pytest.raises(PlanRefused):
            Fallback(**given)
