"""What every message is: a frozen struct with a type name, either a fact or a command.

Messages are additive only: a new field has a default, a change of meaning is a new name.
"""

import msgspec

from contracts.ids import Instant


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Anything that travels between services; `type` is `owner.past_participle` or `edge.imperative`."""


class Fact(Message, frozen=True, kw_only=True):
    """Something that happened; it cannot be refused."""


class Command(Message, frozen=True, kw_only=True):
    """Something an edge shall do; the edge answers with facts."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a message that has no life of its own."""


class Interval(Part, frozen=True, kw_only=True):
    """From an instant on, until just before another; `until_at` None means without end."""

    from_at: Instant
    until_at: Instant | None = None

    def contains(self, at: Instant) -> bool:
        """Whether the instant lies inside."""
        return self.from_at <= at and (self.until_at is None or at < self.until_at)


def type_name(message: type[Message] | Message) -> str:
    """The name under which a message travels, such as `queue.offer_made`."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str)
    return tag
