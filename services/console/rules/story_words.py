"""What happens in a contact, in words for the catalogues."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.contact_words import Mark
from services.console.rules.navigation import marked

STANDINGS: Final[Mapping[str, Mark]] = {
    "free": Mark("free", "tick", marked("free")),
    "rings": Mark("ring", "bell", marked("rings")),
    "with_this": Mark("free", "tick", marked("with this customer")),
    "on_call": Mark("talk", "bubble", marked("talks")),
    "wrap_up": Mark("wrap", "pencil", marked("wrap-up")),
    "paused": Mark("paused", "bars", marked("paused")),
    "absent": Mark("away", "moon", marked("absent")),
    "out_of_hours": Mark("away", "moon", marked("out of hours")),
    "suspended": Mark("away", "moon", marked("suspended")),
    "pbx_away": Mark("late", "warning", marked("the PBX does not answer")),
    "unreachable": Mark("late", "warning", marked("the phone is not reachable")),
    "holds_offer": Mark("ring", "bell", marked("rung for another customer")),
    "declined_this_place": Mark("soon", "no", marked("declined this customer a moment ago")),
    "tried_this_round": Mark("wait", "hourglass", marked("rung already in this round")),
    "not_their_turn": Mark("wait", "hourglass", marked("not their turn yet")),
    "not_allowed_to_dial": Mark("away", "no", marked("this number may not be dialled")),
    "earlier_place": Mark("wait", "hourglass", marked("an earlier customer comes first")),
    "limit_of_legs": Mark("late", "warning", marked("the PBX has no free lines")),
    "too_late": Mark("late", "warning", marked("the PBX answers too slowly")),
    "callback_pending": Mark("wait", "hourglass", marked("the attempt before is not over yet")),
}
"""What an agent does, or why he was not rung, by history's word for it."""
TRY_ENDS: Final[Mapping[str, str]] = {
    "accepted": marked("answered"),
    "declined": marked("declined"),
    "missed": marked("no answer"),
    "unreachable": marked("the phone is not reachable"),
    "withdrawn": marked("no longer rung"),
    "busy": marked("busy"),
    "absent": marked("absent"),
    "out_of_hours": marked("out of hours"),
    "removed": marked("no longer here"),
    "caller_gone": marked("the customer hung up"),
    "not_reached": marked("answered, but the customer was not reached"),
    "refused": marked("this number may not be dialled"),
}
NOT_RUNG: Final = ("absent", "out_of_hours", "removed")
TAKEN: Final = "taken_by_another"
TAKEN_WORD: Final = marked("another agent answered first")
RULES: Final[Mapping[str, str]] = {
    "responsible": marked("the manager who is responsible for this customer"),
    "scenario": marked("by the scenario"),
    "department_line": marked("by the department's number"),
    "personal_number": marked("by the personal number"),
    "extension": marked("by the extension"),
    "callers_digit": marked("the customer pressed a digit"),
    "absence": marked("in place of somebody absent"),
    "out_of_hours": marked("out of hours"),
    "no_answer": marked("nobody answered before"),
    "limit": marked("too many forwards"),
}
"""Which rule led to a stop."""
ACTIONS: Final[Mapping[str, str]] = {
    "fallback_employee": marked("The fallback employee is rung."),
    "other_department": marked("The call goes to another department."),
    "voicemail": marked("The call goes to the answering machine."),
    "hang_up": marked("The call ends."),
}
"""What follows when nobody answers."""
STEPS: Final[Mapping[str, Mark]] = {
    "ordered": Mark("talk", "back", marked("Callback ordered")),
    "confirmed": Mark("talk", "back", marked("Callback ordered again, the place stays")),
    "number_changed": Mark("talk", "back", marked("Another number given for the callback")),
    "attempt_started": Mark("ring", "line", marked("Attempt: %(who)s is on the line")),
    "customer_dialled": Mark("ring", "bell", marked("The customer is dialled")),
    "customer_answered": Mark("free", "tick", marked("The customer has answered")),
    "customer_held": Mark(
        "wait", "hourglass", marked("The customer waits on the line for the next free agent")
    ),
    "customer_expected": Mark("wait", "hourglass", marked("The customer has called in meanwhile")),
    "customer_joined": Mark("free", "tick", marked("The customer has called in and is connected")),
    "attempt_failed": Mark("soon", "no", marked("The customer was not reached")),
    "agent_lost": Mark("soon", "no", marked("%(who)s was gone before the customer answered")),
    "apology_queued": Mark("soon", "hourglass", marked("Nobody came in time: the customer gets an apology")),
    "apology_dialled": Mark("ring", "bell", marked("The customer is called with the apology")),
    "apology_made": Mark("free", "tick", marked("The customer hears the apology")),
    "apology_failed": Mark("soon", "no", marked("The apology did not reach the customer")),
    "message_wanted": Mark("talk", "voice", marked("The customer wants to leave a voice message")),
    "connected": Mark("free", "tick", marked("Callback ended: connected")),
    "expired": Mark("late", "warning", marked("Callback ended: nobody came in time")),
    "unreached": Mark("soon", "no", marked("Callback ended: the customer was not reached")),
    "cancelled": Mark("away", "no", marked("Callback cancelled")),
    "refused": Mark("away", "no", marked("Callback refused")),
}
"""The steps of a callback, by history's word for them."""
AUDIO_REASONS: Final[Mapping[str, str]] = {
    "erased": marked("The recording was erased with the customer's data."),
    "deleted": marked("Somebody has deleted the recording."),
    "retention": marked("The recording is no longer kept: its time is over."),
    "removed": marked("The recording is no longer kept."),
}
"""Why there is no audio any more."""


def standing(word: str) -> Mark:
    """The mark of a standing; one that is newer than this console is shown as history calls it."""
    return STANDINGS.get(word) or Mark("away", "info", word)
