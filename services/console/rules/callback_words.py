"""Callbacks in words for the catalogues: how they end, what was tried, and why an order is refused."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.contact_words import Mark
from services.console.rules.navigation import marked

ENDS: Final[Mapping[str, Mark]] = {
    "connected": Mark("free", "tick", marked("Connected")),
    "expired": Mark("late", "warning", marked("Expired")),
    "unreached": Mark("soon", "no", marked("Not reached")),
    "cancelled": Mark("away", "cross", marked("Cancelled")),
    "refused": Mark("away", "no", marked("Refused")),
}
"""How a callback ended, by history's word for it."""
CANCELLED: Final[Mapping[str, str]] = {
    "by_agent": marked("by an employee"),
    "by_api": marked("by a program"),
    "by_customer": marked("by the customer"),
    "called_again": marked("the customer has called again"),
    "ordered_again": marked("the customer has ordered anew"),
    "ordered_before": marked("the customer had one already"),
    "talked_on_ordering_leg": marked("answered before the customer hung up"),
    "diverted": marked("the call went on elsewhere"),
    "erased": marked("the customer's data were erased"),
}
"""Who or what cancelled a callback."""
EXPIRED: Final[Mapping[str, str]] = {
    "quiet_hours": marked("in quiet hours nobody is called"),
    "apology_too_late": marked("it was too late for an apology"),
    "customer_on_line": marked("the customer was on another call"),
}
"""Why nobody apologized."""
DIAL_ENDS: Final[Mapping[str, str]] = {
    "busy": marked("busy"),
    "declined": marked("declined"),
    "no_answer": marked("no answer"),
    "unavailable": marked("not available"),
    "unreachable": marked("not reachable"),
    "bad_number": marked("a wrong number"),
    "cancelled": marked("called off"),
    "abandoned": marked("hung up"),
    "failed": marked("the call did not get through"),
    "no_codec": marked("the call did not get through"),
    "agent_lost": marked("the employee was gone first"),
    "told": marked("the customer heard the apology"),
    "connected": marked("connected"),
    "expired": marked("nobody came in time"),
    "unreached": marked("not reached"),
    "refused": marked("refused"),
}
"""How an attempt to reach the customer ended."""
REFUSALS: Final[Mapping[str, str]] = {
    "withheld": marked("the number is withheld"),
    "invalid": marked("the number is not valid"),
    "region": marked("this region is not dialled"),
    "premium": marked("premium numbers are not dialled"),
    "satellite": marked("satellite numbers are not dialled"),
    "not_ordinary": marked("only ordinary numbers are dialled"),
    "emergency": marked("it is an emergency number"),
    "own_number": marked("it is a number of the company's own"),
    "denied": marked("the number is on the deny list"),
    "switched_off": marked("dialling is switched off"),
    "too_many_for_number": marked("too many callbacks to this number"),
    "too_many_for_department": marked("too many callbacks of this department"),
    "too_many_for_organization": marked("too many callbacks of the company"),
    "no_time_left": marked("no time was left"),
    "callbacks_off": marked("the department takes no callbacks"),
    "too_many_today": marked("the callbacks of the day are used up"),
    "minutes_used_up": marked("the minutes of the day are used up"),
}
"""Why a callback was refused."""
NOT_ORDERED: Final = marked("Not ordered: %(reason)s.")
MISSING: Final = {
    "number": marked("Type the customer's number."),
    "department": marked("Choose a department."),
}
NO_NUMBER: Final = (
    marked("This is no number with the code of its country."),
    marked("Type + and digits: +7 900 000-00-00."),
)
CHECK_IT: Final = marked("Check the number, or take another one.")
ASK_FOR_IT: Final = marked("What may be dialled is set by an administrator.")
LATER: Final = marked("Try again later, or call the customer yourself.")
ELSEWHERE: Final = marked("Choose another department, or ask an administrator to switch callbacks on here.")
REMEDIES: Final[Mapping[str, str]] = {
    "region": ASK_FOR_IT,
    "premium": ASK_FOR_IT,
    "satellite": ASK_FOR_IT,
    "not_ordinary": ASK_FOR_IT,
    "denied": ASK_FOR_IT,
    "switched_off": ASK_FOR_IT,
    "too_many_for_number": LATER,
    "too_many_for_department": LATER,
    "too_many_for_organization": LATER,
    "no_time_left": LATER,
    "too_many_today": LATER,
    "minutes_used_up": LATER,
    "callbacks_off": ELSEWHERE,
}
"""What to do about a refusal; of any other: check the number."""
OF_DEPARTMENT: Final = ("callbacks_off", "too_many_for_department")
"""Refusals that another department might not give."""


def end_of(end: str | None) -> Mark:
    """The mark of an end; one that is newer than this console is shown as history calls it."""
    return ENDS.get(end or "") or Mark("away", "info", end or "")


def refusal_of(reason: str) -> str:
    """Why an order is refused; a reason that is newer than this console is shown as it is called."""
    return REFUSALS.get(reason, reason)
