"""A contact as somebody sees it who may not see customers' numbers (the right `number.see`)."""

import re
from typing import Final

from msgspec import structs

from runtime.masking import masked_number
from services.history.state import Contact, VoiceMessage

_WRITTEN: Final = re.compile(r"\+?\d(?:[\s()./-]*\d){6,}")
"""A number of seven digits or more as people write it: 8 (916) 555-00-01. Some dates are hidden with them."""


def with_masked_numbers(contact: Contact) -> Contact:
    """A copy in which no number of anybody outside can be read; everything that is shown is made from it."""
    return structs.replace(
        contact,
        number=masked_number(contact.number),
        # What the network wrote may be the number in another form.
        number_said="",
        tries=[structs.replace(each, number=masked_number(each.number) or "") for each in contact.tries],
        callbacks=[
            structs.replace(each, number=masked_number(each.number) or "") for each in contact.callbacks
        ],
        messages=[_with_masked_notes(each) for each in contact.messages],
    )


def _with_masked_notes(message: VoiceMessage) -> VoiceMessage:
    if not message.notes:
        return message
    notes = [structs.replace(each, text=_WRITTEN.sub(_mask, each.text)) for each in message.notes]
    return structs.replace(message, notes=notes)


def _mask(found: re.Match[str]) -> str:
    return masked_number(re.sub(r"\D", "", found.group())) or ""
