"""People, numbers and cards of the organization that routing's tests use."""

from typing import Any

from contracts import directory
from contracts.directory import DirectAction, DirectActionKind, NoticeChoice, NoticeKind
from contracts.ids import Address, AgentId, DepartmentId, Instant, PbxId, ScenarioId
from contracts.scenario import Arrow, Element, ElementKind
from tests import offices

NINE = Instant(1_779_948_000_000)
"""Nine in the morning: every story begins here."""
SECOND = 1_000
MINUTE = 60_000
MOSCOW, VOLGA = PbxId("moscow"), PbxId("volga")
SALES, SERVICE_DESK = DepartmentId("sales"), DepartmentId("service")
ANNA, BORIS, VERA, GLEB = AgentId("anna"), AgentId("boris"), AgentId("vera"), AgentId("gleb")
FAR = AgentId("far")
PEOPLE = (ANNA, BORIS, VERA, GLEB, FAR)
EXTENSIONS = {ANNA: "201", BORIS: "202", VERA: "203", GLEB: "204", FAR: "205"}
ANNAS_LINE, BORISS_LINE = "+74951110101", "+74951110102"
LINES = {ANNA: ANNAS_LINE, BORIS: BORISS_LINE}
MENU_LINE, SALES_LINE = "+74951110000", "+74951110001"
CUSTOMER = "+79123456789"
MENU = ScenarioId("menu")


def a_department(
    department_id: DepartmentId,
    extension: str,
    *lines: str,
    version: int = 1,
    pbx_id: PbxId = MOSCOW,
    is_removed: bool = False,
) -> directory.DepartmentSaved:
    """A department's card, as far as routing looks at it."""
    return offices.department(
        department_id, pbx_id, version=version, extension=extension, lines=lines, is_removed=is_removed
    )


def sim(number: str = "+79161112233") -> directory.Device:
    """A company SIM card."""
    return directory.Device(kind=directory.DeviceKind.SIM, address=Address(f"tel:{number}"))


def mobile(number: str = "+79160000001", delay_ms: int = 5 * SECOND) -> directory.Device:
    """An own mobile."""
    return directory.Device(
        kind=directory.DeviceKind.MOBILE, address=Address(f"tel:{number}"), delay_ms=delay_ms
    )


SILENCE = NoticeChoice(kind=NoticeKind.NONE)
STANDARD = NoticeChoice()


def to_colleague(agent_id: AgentId, notice: NoticeChoice = SILENCE) -> DirectAction:
    """Forward to a colleague."""
    return DirectAction(kind=DirectActionKind.COLLEAGUE, agent_id=agent_id, notice=notice)


def to_department(department_id: DepartmentId, notice: NoticeChoice = SILENCE) -> DirectAction:
    """Forward to a department."""
    return DirectAction(kind=DirectActionKind.DEPARTMENT, department_id=department_id, notice=notice)


def to_voicemail(notice: NoticeChoice = SILENCE) -> DirectAction:
    """Send the call to voicemail."""
    return DirectAction(kind=DirectActionKind.VOICEMAIL, notice=notice)


def to_mobile(notice: NoticeChoice = SILENCE) -> DirectAction:
    """Forward to the own mobile."""
    return DirectAction(kind=DirectActionKind.MOBILE, notice=notice)


def drop(notice: NoticeChoice = SILENCE) -> DirectAction:
    """Busy tones, or a notice and the end."""
    return DirectAction(kind=DirectActionKind.DROP, notice=notice)


def element(name: str, kind: str, *arrows: tuple[str, str], **settings: Any) -> Element:
    """An element with its arrows, each as (on, to)."""
    return Element(
        element_id=name,
        kind=ElementKind(kind),
        arrows=tuple(Arrow(on=on, to=to) for on, to in arrows),
        **settings,
    )
