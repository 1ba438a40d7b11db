"""A contact as somebody sees it who may not see customers' numbers (the right `number.see`)."""

from msgspec import structs

from runtime.masking import masked_number
from services.history.state import Contact


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
    )
