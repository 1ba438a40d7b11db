"""How a voice message is named: what has been done about it, with colour, icon and word; whose it is."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.contact_words import Mark
from services.console.rules.navigation import marked
from services.console.state.voice_messages import VoiceMessage

CARES: Final[Mapping[str, Mark]] = {
    "new": Mark("talk", "voice", marked("New")),
    "heard": Mark("away", "play", marked("Heard")),
    "claimed": Mark("wrap", "flag", marked("Claimed")),
    "called_back": Mark("free", "tick", marked("Called back to")),
    "gone": Mark("away", "no", marked("Deleted")),
}
"""What has been done about it, by history's word."""
CLAIMED_BY_ME: Final = Mark("talk", "flag", marked("Claimed by you"))
GONE: Final[Mapping[str, Mark]] = {
    "retention": Mark("away", "no", marked("Kept no longer")),
    "erased": Mark("away", "no", marked("Customer erased")),
}
"""The same of what was not deleted by a person, by the reason."""
STATES: Final[Mapping[str, str]] = {
    "new": marked("New ones"),
    "heard": marked("Heard ones"),
    "claimed": marked("Claimed ones"),
    "called_back": marked("Those called back"),
    "gone": marked("Deleted ones"),
}
"""What one can filter by."""
INBOXES: Final[Mapping[str, str]] = {
    "departments": marked("Of departments"),
    "own": marked("My own"),
    "colleagues": marked("Of employees"),
    "claimed": marked("Claimed by me"),
}
MARKS: Final[Mapping[str, str]] = {
    "cut_off": marked("The recording was cut off: the end of the message is missing."),
    "damaged": marked("The recording arrived damaged: what could be restored is kept."),
    "too_long": marked("The recording is too long: its beginning is kept."),
    "not_playable": marked("The recording is damaged and can't be played. Call the customer back."),
    "not_recorded": marked("The answering machine could not record the message. Call the customer back."),
}
"""What is wrong with the recording, by voicemail's word."""
SILENT: Final = ("not_playable", "not_recorded")
"""Marks of what nobody can listen to."""
LETTERS: Final[Mapping[str, str]] = {
    "due": marked("is being sent"),
    "deferred": marked("the mail server asks to wait"),
    "accepted": marked("delivered"),
    "failed": marked("could not be delivered"),
}
GONE_WORDS: Final[Mapping[str, str]] = {
    "deleted": marked("It was deleted: nobody can hear it any more."),
    "retention": marked("Its retention time is over: nobody can hear it any more."),
    "erased": marked("The customer's data were erased, and the recording with them."),
}
BLANK: Final = marked("Write at least a word.")
SAID: Final[Mapping[str, tuple[str, str]]] = {
    "late": (marked("Somebody was quicker."), marked("You can listen; whoever has claimed it calls back.")),
    "another": (
        marked("Somebody else has claimed it."),
        marked("This person can give it back, and so can a department head or an administrator."),
    ),
    "gone": (
        marked("It can't be brought back any more."),
        marked("When it was, and who took part, stays in history."),
    ),
    "many": (marked("Too much at once."), marked("Wait a minute, then repeat it.")),
    "not_yet": (
        marked("It is not known yet whether that was kept."),
        marked("Reload the page in a moment; repeating is safe."),
    ),
}
"""What became of an action that did not succeed: the cause and the remedy."""
REFUSALS: Final[Mapping[str, str]] = {
    "already_claimed": "late",
    "claim_of_another": "another",
    "audio_gone": "gone",
    "too_many_requests": "many",
    "not_yet_read": "not_yet",
    "log_away": "not_yet",
}
"""Where in `SAID` a refusal of history is told."""


def mark_of(message: VoiceMessage, me: str | None) -> Mark:
    """The mark of a voice message for somebody; what is newer than this console is as history calls it."""
    if message.care == "claimed" and message.claimed is not None and message.claimed.by == me:
        return CLAIMED_BY_ME
    if message.care == "gone" and message.reason in GONE:
        return GONE[message.reason]
    return CARES.get(message.care) or Mark("away", "info", message.care)
