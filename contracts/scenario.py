"""The call scenario «сценарий звонка» of an incoming number, as the office's book says it (S1 to S4)."""

from enum import StrEnum

from contracts.directory import NoticeChoice, NoticeKind
from contracts.ids import AgentId, DepartmentId, Instant, PbxId, ScenarioId
from contracts.message import Fact, Interval, Part


class ElementKind(StrEnum):
    """What an element of a call scenario does (S1)."""

    GREETING = "greeting"
    MENU = "menu"
    HOURS = "hours"
    INTERNAL_SUBSCRIBER = "internal_subscriber"
    DEPARTMENT = "department"
    VOICEMAIL = "voicemail"
    EXTERNAL_NUMBER = "external_number"
    HANG_UP = "hang_up"


class Arrow(Part, frozen=True, kw_only=True):
    """From an element to the next: `on` is `next`, a digit, `open`, `closed`, `no_answer` or `no_choice`."""

    on: str
    to: str


class Element(Part, frozen=True, kw_only=True):
    """One element; which fields it needs depends on its kind.

    greeting, menu: `notice`. menu: digits by its arrows, `no_choice` when nothing was pressed twice.
    hours: `hours`, UTC intervals as for agents. internal subscriber: `agent_id`; `wait_ms` None is the
    unticked limit, which ends the route (S2). department, voicemail: `department_id`, or `agent_id` for
    voicemail. external number: `number`, and `wait_ms`.
    """

    element_id: str
    kind: ElementKind
    notice: NoticeChoice = NoticeChoice(kind=NoticeKind.NONE)
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    number: str = ""
    wait_ms: int | None = None
    hours: tuple[Interval, ...] = ()
    arrows: tuple[Arrow, ...] = ()


class ScenarioSaved(Fact, tag="directory.scenario_saved", frozen=True, kw_only=True):
    """A checked call scenario on incoming numbers: it begins at its first element (S1, S4)."""

    scenario_id: ScenarioId
    version: int
    pbx_id: PbxId
    name: str
    lines: tuple[str, ...]
    elements: tuple[Element, ...]
    hours_known_until_at: Instant | None = None
    is_removed: bool = False
