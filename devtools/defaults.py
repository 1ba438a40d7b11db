"""Writes docs/defaults.md: every default that a user can change, from the code.

With --check it only compares. Values and limits come from the directory's cards, names in an office file from
apply's model; this module describes each setting and names its rule.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec import Struct, inspect, structs

from contracts.directory import NoticeKind
from devtools.generated_page import GeneratedPage
from ringback.apply.places import place
from services.directory.state.cards import (
    Card,
    DepartmentForm,
    EmployeeForm,
    NoticeChoice,
    OrganizationCard,
    PbxCard,
    RulesCard,
)

REFERENCES: Final = ("agent_id", "department_id")
"""An action's target, which is empty by default."""
SPANS: Final = ((3_600_000, "h"), (60_000, "min"), (1_000, "s"))
HEAD: Final = """\
# The defaults

These values apply until a person sets others. `python -m devtools defaults` writes this page from
`services/directory/state/cards.py`; the API's own page is `/schema` of the directory.

A setting has the name that the API has for it. A dot leads into an object, and `_ms` means that the API
takes milliseconds. The second column has the name in an [office file](../examples/office.yaml) where it
differs. There a duration is written with its unit (`30 s`), and *not there* marks what an office file can't
set. The settings of processes, `RINGBACK_…`, are in [operating](operating.md).
"""


class Said(NamedTuple):
    """A setting's rule, its meaning, and whether an office file can set it."""

    rule: str
    meaning: str
    is_in_file: bool = True


class Setting(NamedTuple):
    """A field that has a default: its dotted name, its default, and its type."""

    name: str
    default: Any
    type: inspect.Type


class Subject(NamedTuple):
    """A group of settings: title, place in the API, an office file and its sheet, card, and descriptions."""

    title: str
    route: str
    in_file: str
    on_sheet: str
    card: type[Card]
    said: dict[str, Said]


NOT_THERE: Final = "*not there*"
ORGANIZATION: Final = {
    "language": Said("T1", "the language of callers and letters where nothing else is set"),
    "timezone": Said("E5", "the time zone of departments and employees that have none of their own"),
    "dialling.is_on": Said("C10", "whether any number outside is dialled"),
    "dialling.home_region": Said("C10", "the country in which numbers are read as people type them"),
    "dialling.allowed_regions": Said("C10", "countries that may be dialled; empty: the home region"),
    "dialling.denied_numbers": Said("C10", "numbers that are never dialled"),
    "dialling.satellite_numbers": Said("C10", "satellite phones of employees that may be dialled"),
    "dialling.orders_per_hour_per_number_max": Said("C10", "orders of one customer number in an hour"),
    "dialling.orders_per_day_per_number_max": Said("C10", "orders of one customer number in a day"),
    "dialling.orders_per_minute_per_department_max": Said("C10", "orders in one department in a minute"),
    "dialling.orders_per_minute_max": Said("C10", "orders in the organization in a minute"),
    "dialling.allowed_types": Said("C10", "types of numbers that may be dialled; none: all that are granted"),
    "dialling.orders_per_day_max": Said(
        "C10", "orders in the organization in a day; none: all that are granted"
    ),
    "dialling.minutes_per_day_max": Said(
        "C10", "minutes over the public network in a day; none: all that are granted"
    ),
    "administrators": Said("V4", "recipients of letters that have no other; empty: all with that role"),
    "console_url": Said("V4", "the console's address, for links in letters"),
    "retention_days": Said("V6", "how many days recordings and voice messages are kept", is_in_file=False),
    "holidays": Said(
        "E5", "the country whose public holidays close the hours of those who keep them", is_in_file=False
    ),
    "numbers_hidden_from": Said("P8", "roles that see customers' numbers masked", is_in_file=False),
    "requires_second_factor": Said("E1", "people sign in with a second factor only", is_in_file=False),
    "service_level.within_s": Said("H6", "calls should be answered within so many s", is_in_file=False),
    "service_level.percent": Said("H6", "the share of calls that should be", is_in_file=False),
}
PBX: Final = {
    "apologies_at_once_max": Said("C4", "apology calls at the same time"),
}
_ACTIONS: Final = {
    "no_answer_action.kind": Said("Q5", "what follows at a caller's deadline"),
    "no_answer_action.keeps_joining_time": Said(
        "Q10", "passed to another department, a place keeps its order"
    ),
    "no_answer_action.notice": Said("Q5", "the notice before that"),
    "overflow_action.kind": Said("Q13", "what follows when too many callers wait"),
    "overflow_action.keeps_joining_time": Said(
        "Q10", "passed to another department, a place keeps its order"
    ),
    "overflow_action.notice": Said("Q13", "the notice before that"),
}
_CALLBACK: Final = {
    "callback.is_on": Said("C1", "whether callers are invited to order a callback"),
    "callback.invitation_after_ms": Said("C1", "how long a caller has waited at the invitation"),
    "callback.ring_ms": Said("C3", "how long the customer's phone rings"),
    "callback.attempts_max": Said("C6", "how many times the customer is dialled"),
    "callback.attempt_gap_ms": Said("C6", "the pause between two attempts"),
    "callback.from_abandoned": Said("C11", "whether customers who hung up in the queue are called back"),
    "callback.talk_ms_min": Said("C14", "a talk of this length with the department ends the callback"),
    "callback.confirms_customer": Said("C16", "whether the customer presses a key before the bridge"),
}
DEPARTMENT: Final = {
    "lines": Said("Q1", "the public numbers that lead here"),
    "agents": Said("O2", "who takes its calls, in its order"),
    "language": Said("T1", "empty: the organization's"),
    "timezone": Said("C12", "empty: the organization's"),
    "strategy.kind": Said("Q1", "how calls are shared among agents"),
    "strategy.ring_ms": Said("Q1", "how long an agent's phones ring"),
    "strategy.step_ms": Said("Q1", "how long until the next agent; empty: 20 s (linear), 10 s (cumulative)"),
    "strategy.pause_between_rounds_ms": Said("Q1", "the pause after every agent was tried"),
    "no_answer_ms": Said("Q5", "from joining to the deadline"),
    **_ACTIONS,
    "announcement_gap_ms": Said("Q4", "the pause between two announcements of the position"),
    "wrap_up_ms": Said("Q13", "time for notes after a call"),
    "waiting_max": Said("Q13", "callers who may wait; empty: any number"),
    **_CALLBACK,
    "voicemail.duration_ms_max": Said("V1", "the longest voice message"),
    "voicemail.silence_ms": Said("V1", "the silence that ends a recording"),
    "voicemail.speech_ms_min": Said("V2", "speech that makes a recording a voice message"),
    "notices.welcome": Said("T1", "the notice on joining"),
    "notices.position": Said("Q4", "the notice of the position"),
    "notices.invitation": Said("C1", "the invitation"),
    "notices.order_taken": Said("C1", "the notice after an order"),
    "notices.apology": Said("C4", "the apology"),
    "notices.greeting": Said("V1", "the greeting of the voicemail"),
    "recipients": Said("V4", "who gets its letters; empty: its heads, else the administrators"),
    "heads": Said("V4", "its department heads"),
    "legs_max": Said("Q13", "phones rung at the same time; empty: any number"),
    "auto_pause_misses": Said("Q8", "misses that pause an agent; empty: none do"),
    "records_calls": Said("R1", "whether conversations are recorded"),
}
EMPLOYEE: Final = {
    "role": Said("P3", "what the employee may see and do"),
    "sees_organization": Said("P2", "whether the scope is the organization or the own departments"),
    "email": Said("E3", "where the welcome letter goes"),
    "language": Said("T1", "empty: the organization's"),
    "sims": Said("E4", "company SIM cards, which ring as office phones do"),
    "rings_desk": Said("E4", "whether the desk phone and the softphone ring"),
    "rings_mobile": Said("E4", "whether the own mobile rings"),
    "mobile_delay_ms": Said("E4", "how much later the own mobile rings"),
    "timezone": Said("E5", "empty: the organization's"),
    "hours": Said("E5", "working hours; empty: always"),
    "absences": Said("E6", "when the employee is away"),
    "job_title": Said("E1", "free text", is_in_file=False),
    "may_download": Said("P3", "whether history can be downloaded", is_in_file=False),
    "may_hear": Said("P3", "whether recordings can be played", is_in_file=False),
    "mobile": Said("E7", "the own mobile"),
    "keeps_holidays": Said("E5", "whether public holidays close the working hours", is_in_file=False),
}
_DIRECT_ACTIONS: Final = {
    "no_answer.kind": Said("D2", "what follows a call that nobody takes"),
    "no_answer.notice": Said(
        "D3", "the notice before that; in an office file `standard`, unless the call is dropped"
    ),
    "out_of_hours.kind": Said("D4", "what follows out of hours"),
    "out_of_hours.notice": Said("D3", "the notice before that"),
    "absence.kind": Said("D4", "what follows during an absence"),
    "absence.notice": Said("D3", "the notice before that"),
}
DIRECT_CALLS: Final = {
    "numbers": Said("D1", "personal outside numbers"),
    "no_answer_ms": Said("D1", "how long the employee's phones ring"),
    **_DIRECT_ACTIONS,
    "has_call_waiting": Said("D7", "whether a second call rings during a first"),
    "recipients": Said("V4", "who gets the voice messages; empty: the employee"),
}
SUBJECTS: Final = (
    Subject(
        "Organization and dialling policy",
        "/organization",
        "organization",
        "organization",
        OrganizationCard,
        ORGANIZATION,
    ),
    Subject("PBX", "/pbxs/{pbx_id}", "pbxs", "pbxs.*", PbxCard, PBX),
    Subject(
        "Department, callback and voicemail",
        "/departments/{department_id}",
        "departments",
        "departments.*",
        DepartmentForm,
        DEPARTMENT,
    ),
    Subject("Employee", "/employees/{agent_id}", "employees", "employees.*", EmployeeForm, EMPLOYEE),
    Subject(
        "Direct calls",
        "/employees/{agent_id}/rules",
        "employees: … direct",
        "rules.*",
        RulesCard,
        DIRECT_CALLS,
    ),
)


class Undescribed(Exception):
    """This module does not describe a setting, or describes one that does not exist."""


def settings(type_: inspect.StructType, whole: Struct | None = None, prefix: str = "") -> Iterator[Setting]:
    """A card's fields with defaults, including those of nested objects, in order.

    `whole` is a nested object's default; its fields may differ from the defaults of its own type.
    """
    defaults = {field.name: field.default for field in structs.fields(type_.cls) if not field.required}
    for field in type_.fields:
        if field.name not in defaults or field.name in REFERENCES:
            continue
        name = f"{prefix}{field.name}"
        default = defaults[field.name] if whole is None else getattr(whole, field.name)
        if isinstance(default, Struct) and not isinstance(default, NoticeChoice):
            assert isinstance(field.type, inspect.StructType)
            yield from settings(field.type, default, f"{name}.")
        else:
            yield Setting(name, default, field.type)


def rows(subject: Subject) -> Iterator[tuple[Setting, Said, str]]:
    """A subject's settings, each with its description and its name in an office file, or NOT_THERE."""
    info = inspect.type_info(subject.card)
    assert isinstance(info, inspect.StructType)
    found = list(settings(info))
    names = {setting.name for setting in found}
    for missing, words in (
        (names - subject.said.keys(), "devtools/defaults.py does not say what this is"),
        (subject.said.keys() - names, "devtools/defaults.py says what this is, and no card has it"),
    ):
        if missing:
            raise Undescribed(f"{subject.title}: {words}: {', '.join(sorted(missing))}")
    depth = len(place(subject.on_sheet))
    for setting in found:
        said = subject.said[setting.name]
        path = place(f"{subject.on_sheet}.{setting.name}")[depth:]
        yield setting, said, ".".join(map(str, path)) if said.is_in_file else NOT_THERE


def page() -> str:
    """The whole page, the same on every machine."""
    lines = [HEAD]
    for subject in SUBJECTS:
        lines.append(f"## {subject.title}")
        lines.append(f"API: `PUT {subject.route}` · office file: `{subject.in_file}`")
        lines.append("")
        lines.append("| setting | in an office file | default | allowed | rule | what it is |")
        lines.append("|---|---|---|---|---|---|")
        lines += [_row(*row) for row in rows(subject)]
        lines.append("")
    return "\n".join(lines)


def _row(setting: Setting, said: Said, in_file: str) -> str:
    other = "" if in_file == setting.name else in_file if in_file == NOT_THERE else f"`{in_file}`"
    cells = (f"`{setting.name}`", other, _shown(setting), _allowed(setting), said.rule, said.meaning)
    return f"| {' | '.join(cells)} |"


def _shown(setting: Setting) -> str:
    match setting.default:
        case NoticeChoice():
            return f"`{setting.default.kind}`"
        case bool():
            return "yes" if setting.default else "no"
        case int():
            return _number(setting.name, setting.default)
        case None | () | "":
            return "*empty*"
        case _:
            return f"`{setting.default}`"


def _allowed(setting: Setting) -> str:
    """The limits of a number, the values of an enumeration."""
    for type_ in plain_types(setting.type):
        match type_:
            case inspect.IntType(ge=int() as least, le=int() as most):
                return f"{_number(setting.name, least)} to {_number(setting.name, most)}"
            case inspect.EnumType() | inspect.StructType():
                kinds = NoticeKind if isinstance(type_, inspect.StructType) else type_.cls
                return ", ".join(f"`{kind}`" for kind in kinds)
            case _:
                pass
    return ""


def plain_types(type_: inspect.Type) -> Iterator[inspect.Type]:
    """A type without its descriptions, and the alternatives of a union."""
    match type_:
        case inspect.Metadata():
            yield from plain_types(type_.type)
        case inspect.UnionType():
            for each in type_.types:
                yield from plain_types(each)
        case _:
            yield type_


def _number(name: str, number: int) -> str:
    """A number in words: a duration has its unit."""
    if "_ms" not in name.rpartition(".")[2]:
        return str(number)
    size, unit = next((each for each in SPANS if number and number % each[0] == 0), SPANS[-1])
    return f"{number // size} {unit}"


GENERATED: Final = GeneratedPage("docs/defaults.md", page, "defaults")


def main(argv: list[str]) -> int:
    """Write the page; with --check, only fail if it is stale."""
    return GENERATED.run(argv, verb="defaults", description=__doc__)
