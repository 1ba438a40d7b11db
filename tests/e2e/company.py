"""A small company for the end-to-end tests: its office, its phones, and its facts on the log.

Five customers call two departments. In sales, Anna becomes free for the first, Boris for the second:

    alisa   orders a callback and hangs up; Anna, then alisa, then they talk
    bella   stays on the line and talks to Boris
    cyril   loses patience and hangs up

In support no agent ever becomes free:

    denis   orders a callback and hangs up; at the deadline an apology, a voice message
    elena   stays on the line until the deadline, and speaks to the answering machine

Every company has its own PBX, numbers and addresses, so that many can share one log.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.directory import Language, NoticeSaved
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.log import OrganizationParked
from contracts.message import Message, type_name
from contracts.prompts import Prompt, number_prompts
from contracts.tts import NoticeRendered
from ringback.log import Reading
from services.gateway.simulated.script import Call, Step, Until
from tests.e2e.letters import Letter

F = TypeVar("F", bound=Message)

SALES, SUPPORT = "sales", "support"
AGENTS: Final = {"anna": "201", "boris": "202", "vera": "203"}
CUSTOMERS: Final = ("alisa", "bella", "cyril", "denis", "elena")
SAID: Final = {
    "denis": "Добрый день. Пожалуйста, перезвоните мне завтра по поводу моего договора.",
    "elena": "Здравствуйте. У нас с самого утра не работает телефон, и никто не может до нас дозвониться. "
    "Пришлите, пожалуйста, мастера.",
}
"""What each customer says to the answering machine; the lengths differ, so that they can't be confused."""
PLACE_ENDS: Final = (q.PlaceConnected, q.PlaceAbandoned, q.PlaceDiverted, q.PlaceClosed)
OFFER_ENDS: Final = (
    q.OfferAccepted,
    q.OfferDeclined,
    q.OfferMissed,
    q.OfferUnreachable,
    q.OfferWithdrawn,
)

# Support's 30 s leave 14 s for the invitation, which needs 15 s more to the deadline (C12): a service that
# was killed is back by then on a slow machine, too. Its own notices are short, so that a morning is.
OFFICE: Final = """
organization:
  id: {id}
  name: Компания {id}
  administrators: [anna]
pbxs:
  {pbx}:
    name: Москва
    kind: cloud
    numbers: ["{sales_line}", "{support_line}"]
employees:
  anna: {{ name: Анна Белова, pbx: {pbx}, extension: 201, email: "anna@{id}.example" }}
  boris: {{ name: Борис Чернов, pbx: {pbx}, extension: 202, email: "boris@{id}.example" }}
  vera: {{ name: Вера Серова, pbx: {pbx}, extension: 203, email: "vera@{id}.example" }}
departments:
  sales:
    name: Отдел продаж
    pbx: {pbx}
    extension: 300
    lines: ["{sales_line}"]
    agents: [anna, boris]
    strategy: {{ kind: longest_idle, ring: 20 s }}
    no_answer: {{ after: 5 min, then: voicemail }}
    callback: {{ on: true, invitation_after: 1 s, attempt_gap: 5 s }}
    notices: {{ welcome: {{ spoken: "Вас слушает отдел продаж." }}, position: none }}
    recipients: [anna]
  support:
    name: Поддержка
    pbx: {pbx}
    extension: 301
    lines: ["{support_line}"]
    agents: [vera]
    no_answer: {{ after: 30 s, then: voicemail, notice: none }}
    callback: {{ on: true, invitation_after: 1 s }}
    voicemail: {{ silence: 8 s }}
    notices:
      welcome: {{ spoken: "Поддержка." }}
      position: none
      apology: {{ spoken: "Извините, никто не освободился." }}
      greeting: {{ spoken: "Говорите после сигнала." }}
    recipients:
      - vera
      - {{ name: "Duty manager", email: "duty@{id}.example", language: en }}
"""

ORDERS: Final = (
    Step(during="invitation"),
    Step(wait_s=0.5),
    Step(press="1"),
    Step(wait_s=3),
    Step(hang_up=True),
)
PROMPTS: Final = tuple(Prompt)


@dataclass(frozen=True, slots=True)
class Heard:
    """One fact, with its place on the log."""

    fact: Message
    at: Instant
    offset: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A morning's outcome for one customer, which must be the same whichever service is killed meanwhile."""

    places: int
    place_ends: tuple[str, ...]
    callbacks: int
    callback_ends: tuple[str, ...]
    rang: int
    """How often the customer's own phone was dialled, by the network's count."""
    letters: tuple[tuple[str, bool], ...]
    """Recipients (the name before the @), each with whether there was a voice message."""


@dataclass(slots=True)
class Company:
    """One company; its customers' and lines' numbers follow from its `number` (10 to 99)."""

    name: str
    number: int
    heard: list[Heard] = field(default_factory=list, repr=False)
    repeats: int = 0
    _seen: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # What it is

    @property
    def organization_id(self) -> OrganizationId:
        """On the log."""
        return OrganizationId(self.name)

    @property
    def pbx_id(self) -> PbxId:
        """Its one PBX."""
        return PbxId(f"pbx-{self.name}")

    def line(self, department: str) -> str:
        """The number under which a department is called."""
        return f"+7495000{self.number}{'01' if department == SALES else '02'}"

    def phone(self, customer: str) -> str:
        """A customer's number; numbers with 000 are not assigned in Russia."""
        return f"+7900000{self.number}{CUSTOMERS.index(customer) + 1:02}"

    def address(self, agent: str) -> str:
        """An agent's desk phone, as its PBX dials it."""
        return f"sip:{AGENTS[agent]}"

    def office(self) -> str:
        """The office file."""
        return OFFICE.format(
            id=self.name,
            pbx=self.pbx_id,
            sales_line=self.line(SALES),
            support_line=self.line(SUPPORT),
        )

    def pbx_scripts(self) -> dict[PbxId, dict[str, Any]]:
        """The phones of its PBX: no agent is there at first; an agent who answers talks for two seconds."""
        talk = [{"until": "bridged"}, {"wait_s": 2}, {"hang_up": True}]
        agent = {"is_reachable": False, "behaviours": [{"answer_after_s": 0.5, "then": talk}]}
        return {self.pbx_id: {"phones": {self.address(name): agent for name in AGENTS}}}

    def public_script(self) -> dict[str, Any]:
        """The customers' phones, when they are called back."""
        speak = [
            *({"during": "apology_press_one"}, {"wait_s": 0.5}, {"press": "1"}),
            *({"until": "recording"}, {"wait_s": 0.5}, {"say": SAID["denis"]}),
            *({"wait_s": 0.5}, {"hang_up": True}),
        ]
        return {
            self.phone("alisa"): {"behaviours": [{"answer_after_s": 1}]},
            self.phone("denis"): {"behaviours": [{"answer_after_s": 1, "then": speak}]},
        }

    def call(self, customer: str) -> Call:
        """How a customer calls."""
        speaks = (Step(until=Until.RECORDING), Step(say=SAID["elena"]), Step(hang_up=True))
        gives_up = (Step(until=Until.ANSWERED), Step(wait_s=2), Step(hang_up=True))
        then = {"alisa": ORDERS, "bella": (), "cyril": gives_up, "denis": ORDERS, "elena": speaks}
        department = SALES if customer in ("alisa", "bella", "cyril") else SUPPORT
        return Call(line=self.line(department), caller=self.phone(customer), then=then[customer])

    def prompts(self) -> set[str]:
        """The standard prompts that its customers and agents may hear."""
        numbers = (self.phone(customer) for customer in CUSTOMERS)
        spoken = {prompt for number in numbers for prompt in number_prompts(Language.RUSSIAN, number)}
        return {*PROMPTS, *spoken, "waited_1", "waited_2"}

    # What the log tells

    def hear(self, reading: Reading) -> None:
        """Hear one message; repeats count once, as for every reader."""
        if reading.fact is None:
            return
        with self._lock:
            if reading.envelope.id in self._seen:
                self.repeats += 1
                return
            self._seen.add(reading.envelope.id)
            self.heard.append(Heard(reading.fact, reading.at, reading.offset))

    def forget(self) -> None:
        """Forget what was heard: another log begins, whose messages may have names of the last one."""
        with self._lock:
            self.heard.clear()
            self._seen.clear()

    def where(self, kind: type[F], **fields: object) -> Iterator[Heard]:
        """The facts of a type with these fields, with their places on the log."""
        with self._lock:
            heard = list(self.heard)
        for each in heard:
            if isinstance(each.fact, kind) and all(
                getattr(each.fact, name) == value for name, value in fields.items()
            ):
                yield each

    def all(self, kind: type[F], **fields: object) -> list[F]:
        """The facts of a type with these fields, in the order of the log."""
        return [each.fact for each in self.where(kind, **fields)]  # type: ignore[misc]  # where() has checked

    def has(self, kind: type[Message], **fields: object) -> bool:
        """Whether such a fact is there."""
        return any(True for _ in self.where(kind, **fields))

    def one(self, kind: type[F], **fields: object) -> F:
        """The only fact of a type with these fields."""
        found = self.all(kind, **fields)
        assert len(found) == 1, f"{len(found)} of {kind.__name__} {fields} on the log instead of one"
        return found[0]

    def offset(self, kind: type[Message], **fields: object) -> int:
        """The offset of the first such fact."""
        found = next(self.where(kind, **fields), None)
        assert found is not None, f"no {kind.__name__} {fields} on the log"
        return found.offset

    def at(self, kind: type[Message], **fields: object) -> Instant:
        """When the first such fact was appended."""
        found = next(self.where(kind, **fields), None)
        assert found is not None, f"no {kind.__name__} {fields} on the log"
        return found.at

    def offset_of_bridge(self, *leg_ids: str) -> int:
        """The offset of the fact that these legs hear each other."""
        for each in self.where(g.Bridged):
            if isinstance(each.fact, g.Bridged) and set(leg_ids) <= set(each.fact.legs):
                return each.offset
        raise AssertionError(f"{leg_ids} were never bridged")

    # Its customers

    def leg_id(self, customer: str) -> str | None:
        """The leg on which a customer called."""
        arrived = self.all(g.CallArrived, caller=self.phone(customer))
        return arrived[0].leg_id if arrived else None

    def place(self, customer: str) -> q.PlaceTaken:
        """A customer's place."""
        return self.one(q.PlaceTaken, caller=self.phone(customer))

    def waits(self, customer: str) -> bool:
        """Whether a customer has got a place."""
        return self.has(q.PlaceTaken, caller=self.phone(customer))

    def has_left(self, customer: str) -> bool:
        """Whether the leg on which a customer called has ended."""
        leg_id = self.leg_id(customer)
        return leg_id is not None and self.has(g.LegEnded, leg_id=leg_id)

    def has_ordered(self, customer: str) -> bool:
        """Whether a customer's callback stands."""
        return self.has(c.CallbackOrdered, number=self.phone(customer))

    def is_open(self) -> bool:
        """Whether its cards, phones and notices are known, so that customers may call."""
        notices = self.all(NoticeSaved)
        return (
            self.has(g.PbxClaimed)
            and len({fact.address for fact in self.all(g.DeviceChanged)}) == len(AGENTS)
            and bool(notices)
            and {fact.notice_id for fact in notices} <= {fact.notice_id for fact in self.all(NoticeRendered)}
        )

    def lacks(self, customers: tuple[str, ...] = CUSTOMERS) -> list[str]:
        """What has begun for these customers and has not ended, including letters; empty at the end."""
        places = {name: self.all(q.PlaceTaken, caller=self.phone(name)) for name in customers}
        ended = {fact.place_id for fact in self.place_ends()}
        ordered = {fact.callback_id for fact in self.all(c.CallbackOrdered)}
        over = {fact.callback_id for fact in self.all(c.CallbackEnd)}
        begun = {fact.voice_message_id for fact in self.all(v.RecordingAsked)}
        stored = {fact.voice_message_id for fact in self.all(v.MessageStored)}
        kept = stored | {fact.voice_message_id for fact in self.all(v.MessageMissing)}
        silent = {fact.callback_id for fact in self.all(c.CallbackExpired, has_voice_message=False)}
        due = {fact.letter_id for fact in self.all(v.LetterDue)}
        told = {fact.voice_message_id or fact.callback_id or "" for fact in self.all(v.LetterDue)}
        found: dict[str, list[str]] = {
            "the end of a customer's place": [
                name for name, taken in places.items() if not {each.place_id for each in taken} & ended
            ],
            "the end of a callback": sorted(ordered - over),
            "what became of a voice message": sorted(begun - kept),
            "letters about": sorted((stored | silent) - told),
            "a letter's acceptance": sorted(due - {fact.letter_id for fact in self.all(v.LetterAccepted)}),
            "the end of a leg": sorted(self.legs() - {fact.leg_id for fact in self.all(g.LegEnded)}),
            "an agent's being free": [
                agent
                for agent in AGENTS
                if len(self.all(q.AgentBusy, agent_id=agent)) > len(self.all(q.AgentFreed, agent_id=agent))
            ],
        }
        return [f"{what}: {', '.join(which)}" for what, which in found.items() if which]

    def place_ends(self) -> list[q.PlaceConnected | q.PlaceAbandoned | q.PlaceDiverted | q.PlaceClosed]:
        """How places ended, in the order of the log."""
        with self._lock:
            return [each.fact for each in self.heard if isinstance(each.fact, PLACE_ENDS)]

    def legs(self) -> set[str]:
        """Every leg that there was."""
        arrived = {fact.leg_id for fact in self.all(g.CallArrived)}
        return arrived | {fact.leg_id for fact in self.all(g.LegRequested)}

    def outcome(self, customer: str, dials: dict[str, int], letters: list[Letter]) -> Outcome:
        """The outcome for one customer; `dials` are the network's counts, `letters` this company's."""
        phone = self.phone(customer)
        places = {fact.place_id for fact in self.all(q.PlaceTaken, caller=phone)}
        ends = [fact for fact in self.place_ends() if fact.place_id in places]
        orders = self.all(c.CallbackOrdered, number=phone)
        over = self.all(c.CallbackEnd, number=phone)
        return Outcome(
            places=len(places),
            place_ends=tuple(type_name(fact) for fact in ends),
            callbacks=len(orders),
            callback_ends=tuple(type_name(fact) for fact in over),
            rang=dials.get(f"dialled tel:{phone}", 0),
            letters=tuple(
                sorted(
                    (letter.recipients[0].partition("@")[0], letter.mp3 is not None)
                    for letter in self._without_announced_copies(letters)
                    if letter.is_about(phone)
                )
            ),
        )

    def _without_announced_copies(self, letters: list[Letter]) -> list[Letter]:
        """Without second copies if the log announces them: a kill falls between a letter and its fact (V4).

        Voicemail that is killed for one company may be sending another one's letter.
        """
        first = {str(letter.message["Message-ID"]): letter for letter in reversed(letters)}
        announced = sum(fact.is_repeat_possible for fact in self.all(v.LetterAccepted))
        return list(first.values()) if len(letters) - len(first) <= announced else letters

    def wrongs(self) -> list[str]:
        """Violations that must never occur, one sentence each."""
        found = [f"parked: {fact.reason}" for fact in self.all(OrganizationParked)]
        held: Counter[str] = Counter()
        with self._lock:
            facts = [each.fact for each in self.heard]
        for fact in facts:
            if isinstance(fact, q.OfferMade):
                held[fact.agent_id] += 1
                if held[fact.agent_id] > 1:
                    found.append(f"{fact.agent_id} holds two offers")
            elif isinstance(fact, OFFER_ENDS):
                held[fact.agent_id] -= 1
        requested = Counter(fact.leg_id for fact in self.all(g.LegRequested))
        found += [f"{leg_id} was requested {count} times" for leg_id, count in requested.items() if count > 1]
        for order in self.all(c.CallbackOrdered):
            place = self.one(q.PlaceTaken, place_id=order.place_id)
            if (order.joined_at, order.deadline_at) != (place.joined_at, place.deadline_at):
                found.append(f"{order.callback_id} has not kept its place's times")
        return found


def told(heard: Heard) -> str:
    """One fact as a line, for the analysis of a failure."""
    fields = msgspec.structs.asdict(heard.fact).items()
    said = " ".join(f"{name}={value}" for name, value in fields if value not in (None, "", (), 0))
    return f"{heard.offset:>5}  {heard.at}  {type_name(heard.fact):<30} {said}"


@dataclass(slots=True)
class Administered(Company):
    """A company whose Anna is an administrator, who may erase customers."""

    def office(self) -> str:
        """The same office, with that role."""
        plain = Company.office(self)
        return plain.replace("name: Анна Белова,", "name: Анна Белова, role: administrator,")
