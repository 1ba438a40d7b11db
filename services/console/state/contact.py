"""One contact as the console shows it: what happened in it, and why its customer waited.

Instants are ms since 1970, durations ms. History leaves out what has its default, so each has the same here.
"""

from msgspec import Struct

from services.console.state.contacts import Row


def labelled(name: str, pbx_name: str) -> str:
    """A name as every list shows it, followed by another PBX in brackets."""
    return f"{name} ({pbx_name})" if pbx_name else name


class Who(Struct, frozen=True, kw_only=True):
    """An employee by the name of the time."""

    agent_id: str
    name: str
    pbx_name: str = ""

    @property
    def label(self) -> str:
        """The name as lists show it."""
        return labelled(self.name, self.pbx_name)


class Whither(Struct, frozen=True, kw_only=True):
    """A department by the name of the time."""

    department_id: str
    name: str
    pbx_name: str = ""

    @property
    def label(self) -> str:
        """The name as lists show it."""
        return labelled(self.name, self.pbx_name)


class Stop(Struct, frozen=True, kw_only=True):
    """An employee or a department on the way, and the rule that led there."""

    at: int
    rule: str
    agent: Who | None = None
    department: Whither | None = None


class Skip(Struct, frozen=True, kw_only=True):
    """An agent who was not rung, and why."""

    agent_id: str
    reason: str


class Try(Struct, frozen=True, kw_only=True):
    """A person or a phone that was tried; `ended_at` None while it rings."""

    kind: str
    rung_at: int
    agent: Who | None = None
    number: str = ""
    place_id: str | None = None
    skipped: tuple[Skip, ...] = ()
    ended_at: int | None = None
    end: str | None = None
    reason: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """A place in a department's queue."""

    place_id: str
    department: Whither
    joined_at: int
    deadline_at: int
    position: int
    ended_at: int | None = None
    end: str | None = None
    action: str | None = None
    waited_ms: int = 0
    refusals: tuple[str, ...] = ()


class Talk(Struct, frozen=True, kw_only=True):
    """A conversation; `agent` None: on an outside number."""

    from_at: int
    agent: Who | None = None
    until_at: int | None = None


class Step(Struct, frozen=True, kw_only=True):
    """A step of a callback's story."""

    at: int
    what: str
    agent: Who | None = None
    reason: str = ""


class CallbackTold(Struct, frozen=True, kw_only=True):
    """A callback as a contact has it."""

    callback_id: str
    place_id: str
    ordered_at: int
    story: tuple[Step, ...] = ()


class Done(Struct, frozen=True, kw_only=True):
    """Who did something first, and when."""

    name: str
    at: int


class Letter(Struct, frozen=True, kw_only=True):
    """A letter to one recipient: `state` is due, accepted, deferred or failed."""

    name: str
    state: str = "due"
    at: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """A voice message."""

    voice_message_id: str
    taken_at: int
    duration_ms: int
    state: str
    has_audio: bool
    reason: str
    heard: Done | None
    claimed: Done | None
    called_back: Done | None
    letters: tuple[Letter, ...]


class Recording(Struct, frozen=True, kw_only=True):
    """A recorded conversation; `at` is its end."""

    recording_id: str
    at: int
    duration_ms: int
    has_audio: bool
    reason: str


class Contact(Struct, frozen=True, kw_only=True):
    """All that happened in a contact; `same_number`: other contacts of this customer within a day."""

    row: Row
    stops: tuple[Stop, ...]
    places: tuple[Place, ...]
    tries: tuple[Try, ...]
    tries_left_out: int
    talks: tuple[Talk, ...]
    callbacks: tuple[CallbackTold, ...]
    messages: tuple[Message, ...]
    recordings: tuple[Recording, ...]
    continued_in: str | None
    same_number: tuple[Row, ...]


class Spell(Struct, frozen=True, kw_only=True):
    """A time in which one thing kept an agent from the place; `free`: nothing did."""

    from_at: int
    until_at: int
    standing: str


class AgentSpells(Struct, frozen=True, kw_only=True):
    """An agent's spells over the whole wait, without a gap."""

    agent_id: str
    name: str
    spells: tuple[Spell, ...]


class PlaceWhy(Struct, frozen=True, kw_only=True):
    """Why the customer waited in one place."""

    place_id: str
    department: str
    from_at: int
    until_at: int
    agents: tuple[AgentSpells, ...]


class Why(Struct, frozen=True, kw_only=True):
    """The same for all places."""

    places: tuple[PlaceWhy, ...]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt of a callback, or an apology; `outcome` None while it goes on."""

    kind: str
    at: int
    agent_label: str
    dialled_at: int | None
    reached_at: int | None
    ended_at: int | None
    outcome: str | None


class Callback(Struct, frozen=True, kw_only=True):
    """A callback whole."""

    callback_id: str
    place_id: str
    department_label: str
    origin: str
    ordered_at: int
    deadline_at: int | None
    next_attempt_at: int | None
    is_standing: bool
    attempts: tuple[Attempt, ...]
    end: str | None
    reason: str
    cancelled_by_label: str


class Link(Struct, frozen=True, kw_only=True):
    """A link to audio, good for five minutes."""

    url: str
