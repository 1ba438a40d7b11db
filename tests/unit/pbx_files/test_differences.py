"""What the export says that it changed: names, and never what stands in a section."""

from contracts.ids import PbxId
from ringback.export.placed_files import differences
from ringback.pbx_files.pjsip import pjsip_conf
from ringback.pbx_files.plan import PbxPlan, PlannedPhone


def text(**passwords: str) -> str:
    phones = tuple(PlannedPhone(extension=each[1:], password=word) for each, word in passwords.items())
    return pjsip_conf(PbxPlan(pbx_id=PbxId("moskva"), phones=phones))


def test_each_section_that_differs_is_named_once() -> None:
    assert list(differences(text(x201="a", x202="b", x203="c"), text(x201="a", x202="z", x204="d"))) == [
        "202: another password",
        "203: gone",
        "204: new",
    ]


def test_nothing_is_said_of_equal_files() -> None:
    assert list(differences(text(x201="a"), text(x201="a"))) == []


def test_another_name_is_a_change() -> None:
    renamed = text(x201="a").replace("callerid = <201>", 'callerid = "Ivan" <201>')
    assert list(differences(text(x201="a"), renamed)) == ["201: changed"]
