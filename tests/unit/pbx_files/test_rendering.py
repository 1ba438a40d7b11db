"""What Asterisk is given: its lines are ours alone, and say what the operator and the office chose."""

import re

import pytest

from contracts.ids import PbxId
from ringback.pbx_files.dialplan import extensions_conf
from ringback.pbx_files.modules import MODULES, modules_conf
from ringback.pbx_files.pjsip import caller_id, pjsip_conf, value
from ringback.pbx_files.plan import Fallback, OutsideRule, PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk
from services.gateway.asterisk import requirements

PHONE = PlannedPhone(extension="201", password="a;--b=\\[c]#${X}", display_name="Ivan")
TRUNK = PlannedTrunk(host="192.0.2.9:5080")
LINE = re.compile(r"(|;.*|\[[a-z0-9.-]+\](\(!\)|\(ringback-[a-z-]+\))?|[a-z0-9_]+ =>? .*| same => n.*)")


def plan(**fields: object) -> PbxPlan:
    given = {"pbx_id": PbxId("moskva"), "phones": (PHONE,), "trunks": (TRUNK,), **fields}
    return PbxPlan(**given)  # type: ignore[arg-type]


def section(text: str, name: str, kind: str) -> dict[str, list[str]]:
    """The values of a section, whose templates are read with it."""
    for found in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        head, _, body = found.partition("\n")
        own, _, template = head.partition("]")
        values: dict[str, list[str]] = {}
        inherited = template.strip("()")
        if inherited and inherited != "!":
            values = {key: [*each] for key, each in section(text, inherited, "").items()}
        for line in body.splitlines():
            key, _, set_ = line.partition(" = ")
            values.setdefault(key, []).append(set_)
        if own == name and (not kind or values.get("type") == [kind]):
            return values
    raise AssertionError(f"no [{name}] of type {kind}")


def context(text: str, name: str) -> str:
    return text.split(f"[{name}]\n", 1)[1].split("\n[", 1)[0].strip()


def test_every_line_is_of_a_known_form_whatever_people_are_called() -> None:
    for name in (
        '"; Ivan',
        "x\n[general]\n#include y",
        "${CHANNEL}",
        "O\\'Neil <1>",
        "\u2028a\u202eb",
        "=> ]",
    ):
        phone = PlannedPhone(extension="202", password="b", display_name=name)
        for line in pjsip_conf(plan(phones=(PHONE, phone))).split("\n"):
            assert LINE.fullmatch(line)
        for line in extensions_conf(plan(phones=(PHONE, phone))).split("\n"):
            assert LINE.fullmatch(line)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Иван Петров", '"Иван Петров" <201>'),
        ('O"Neil; \\ <x>', '"O Neil\\; x" <201>'),
        ("a\n#include b", '"a #include b" <201>'),
        ("\u202e<>", "<201>"),
        ("", "<201>"),
    ],
    ids=["russian", "quotes", "lines", "nothing-left", "none"],
)
def test_a_persons_name_is_quoted_and_none_is_refused(name: str, written: str) -> None:
    assert caller_id(PlannedPhone(extension="201", password="a", display_name=name)) == written


def test_semicolons_of_a_secret_begin_no_comment() -> None:
    assert value("a;b;--c") == "a\\;b\\;--c"
    found = section(pjsip_conf(plan()), "201", "auth")
    assert found["password"] == ["a\\;--b=\\[c]#${X}"]


def test_a_phone_has_one_contact_and_the_gateway_hears_everything() -> None:
    text = pjsip_conf(plan(qualify_s=30))
    endpoint, contact = section(text, "201", "endpoint"), section(text, "201", "aor")
    assert (contact["max_contacts"], contact["remove_existing"]) == (["1"], ["yes"])
    assert contact["qualify_frequency"] == ["30"]
    assert contact["maximum_expiration"] == ["600"]
    assert endpoint["context"] == ["from-phones"]
    assert (endpoint["direct_media"], endpoint["allow_transfer"]) == (["no"], ["no"])
    assert endpoint["dtmf_mode"] == ["auto_info"]
    assert (endpoint["rtp_timeout"], endpoint["rtp_timeout_hold"]) == (["30"], ["7200"])
    assert "trust_id_inbound" not in endpoint
    assert "media_address" not in endpoint


def test_trunks_and_other_pbxs_are_known_by_address_and_say_who_calls() -> None:
    trunk = PlannedTrunk(host="[2001:db8::9]:5080", networks=("198.51.100.0/24",))
    text = pjsip_conf(plan(trunks=(trunk,), peers=(PlannedPeer(pbx_id=PbxId("volga"), host="192.0.2.3"),)))
    assert section(text, "trunk", "identify")["match"] == ["2001:db8::9", "198.51.100.0/24"]
    assert section(text, "trunk", "aor")["contact"] == ["sip:[2001:db8::9]:5080"]
    assert section(text, "volga", "identify")["match"] == ["192.0.2.3"]
    for name, where in (("trunk", "from-trunk"), ("volga", "from-peers")):
        endpoint = section(text, name, "endpoint")
        assert (endpoint["trust_id_inbound"], endpoint["context"]) == (["yes"], [where])
        assert "auth" not in endpoint


def test_a_trunk_that_wants_a_registration_gets_one() -> None:
    trunk = PlannedTrunk(host="sip.example.net", username="moskva", password="s;t", is_registered=True)
    text = pjsip_conf(plan(trunks=(trunk,), outside_number="+74950001000"))
    assert section(text, "trunk", "endpoint")["outbound_auth"] == ["trunk"]
    assert section(text, "trunk", "auth")["password"] == ["s\\;t"]
    registration = section(text, "trunk", "registration")
    assert registration["client_uri"] == ["sip:moskva@sip.example.net"]
    assert registration["contact_user"] == ["+74950001000"]
    assert "registration" not in pjsip_conf(plan())


def test_sound_goes_through_a_chosen_address() -> None:
    endpoint = section(pjsip_conf(plan(media_address="192.0.2.1")), "201", "endpoint")
    assert endpoint["media_address"] == ["192.0.2.1"]
    assert endpoint["bind_rtp_to_media_address"] == ["yes"]


def test_phones_reach_colleagues_and_only_what_the_operator_allows_outside() -> None:
    peer = PlannedPeer(pbx_id=PbxId("volga"), host="192.0.2.3", extensions=("201", "305"))
    text = extensions_conf(plan(peers=(peer,)))
    assert "exten => 201,1,Dial(PJSIP/201,60,i)" in context(text, "ringback-colleagues")
    assert "exten => 305,1,Dial(PJSIP/305@volga,60,i)" in context(text, "ringback-peers")
    assert "PJSIP/201@volga" not in text
    assert context(text, "ringback-outside") == ""
    text = extensions_conf(plan(outside=(OutsideRule(pattern="8NXXXXXXXXX", strip=1, prepend="+7"),)))
    assert "exten => _8NXXXXXXXXX,1," in context(text, "ringback-outside")
    assert "Dial(PJSIP/+7${RINGBACK_DIALLED:1}@trunk," in context(text, "ringback-outside")


def test_another_pbx_reaches_neither_the_trunk_nor_a_third_pbx() -> None:
    peer = PlannedPeer(pbx_id=PbxId("volga"), host="192.0.2.3", extensions=("305",))
    text = extensions_conf(
        plan(outside=(OutsideRule(pattern="8."),), emergency_numbers=("112",), peers=(peer,))
    )
    reached = re.findall(r"include => (\S+)", context(text, "from-peers"))
    assert reached == ["ringback-departments", "ringback-colleagues"]
    assert not any("@" in context(text, each) for each in reached)


def test_an_emergency_number_is_tried_by_every_trunk() -> None:
    text = extensions_conf(
        plan(trunks=(TRUNK, PlannedTrunk(host="b", name="second")), emergency_numbers=("112",))
    )
    found = re.findall(r"Dial\(([^,]+),", context(text, "ringback-emergency"))
    assert found == ["PJSIP/112@trunk", "PJSIP/112@second"]
    assert context(text, "from-phones").startswith("include => ringback-emergency")


def test_the_modules_are_those_that_the_gateway_asks_for_and_some_that_they_need() -> None:
    """A gateway refuses an Asterisk without one of its modules."""
    assert {*requirements.MODULES, *requirements.MODULES_FOR_REMOTE_MEDIA} <= set(MODULES)
    assert "load = res_ari.so\n" in modules_conf()


def test_departments_and_the_trunk_come_to_the_application() -> None:
    text = extensions_conf(plan(department_extensions=("300",), app="volga-calls"))
    assert "exten => 300,1,Set(RINGBACK_KIND=internal)" in context(text, "ringback-departments")
    assert "Set(RINGBACK_KIND=arrived)" in context(text, "from-trunk")
    assert "Stasis(volga-calls,${RINGBACK_KIND},${RINGBACK_DIALLED},${CALLERID(pres)})" in text


def test_a_call_that_nobody_takes_rings_on_or_goes_where_the_operator_chose() -> None:
    assert "Dial(" not in context(extensions_conf(plan()), "ringback-offer")
    phones = (PHONE, PlannedPhone(extension="202", password="b"))
    text = extensions_conf(plan(phones=phones, fallback=Fallback(extensions=("201", "202"), ring_s=20)))
    assert "Dial(PJSIP/201&PJSIP/202,20,i)" in context(text, "ringback-offer")
    text = extensions_conf(plan(fallback=Fallback(number="+79161234567")))
    assert "Dial(PJSIP/+79161234567@trunk,30,i)" in context(text, "ringback-offer")
