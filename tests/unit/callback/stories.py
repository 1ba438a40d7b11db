"""A small office in which stories of callbacks are told: facts in, what callback says out."""

from contracts import callback, directory, gateway, queue, telephony, voicemail
from contracts.dialling import DiallingPolicy
from contracts.gateway import EndedBy, Outcome
from contracts.ids import (
    Address,
    AgentId,
    BridgeId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    OfferId,
    PbxId,
    PlaceId,
    RecordingId,
    VoiceMessageId,
)
from contracts.message import Fact
from runtime.decision import Decision, together
from services.callback.service import SERVICE, gauges
from services.callback.state import CallbackState
from tests import offices
from tests.unit.decider_harness import Told, stored

SALES = DepartmentId("sales")
PBX = PbxId("moscow")
LINE = "+74951234567"
CUSTOMER = "+79123456789"
NINE = Instant(1_779_948_000_000)
"""Nine in Moscow, when the first customer joins; the department's no-answer timeout is ten minutes."""
TEN_MINUTES_MS = 600_000


class Office(Told[CallbackState]):
    """One organization's callback state, its clock, and all that was said."""

    def __init__(self, *, grants: bool = True) -> None:
        super().__init__(SERVICE, CallbackState(), NINE)
        self.grants = grants
        """Queue grants an apology as soon as it is due: no other call of the customer is in the way."""
        self._to_grant: list[tuple[Instant, CallbackId]] = []

    def hears(self, *facts: Fact, after_ms: int = 0) -> Decision:
        """Hear facts, one after the other; what the last one led to is returned, with queue's grants."""
        self.at = Instant(self.at + after_ms)
        decision = Decision()
        for fact in facts:
            decision = self.step(fact)
            decision = together((decision, *self._granted(decision)))
        return decision

    def _granted(self, decision: Decision) -> list[Decision]:
        for fact in decision.facts:
            if isinstance(fact, callback.ApologyQueued):
                self._to_grant.append((fact.due_at, fact.callback_id))
            elif isinstance(fact, callback.ApologyFailed) and fact.next_attempt_at is not None:
                self._to_grant.append((fact.next_attempt_at, fact.callback_id))
        due = [each for each in self._to_grant if each[0] <= self.at] if self.grants else []
        self._to_grant = [each for each in self._to_grant if each not in due]
        return [self.hears(self.granted(callback_id)) for _, callback_id in due]

    def granted(self, callback_id: CallbackId) -> queue.ApologyGranted:
        """Queue lets this apology be dialled."""
        known = self.state.callbacks.get(callback_id)
        place_id = PlaceId("p.gone") if known is None else known.place_id
        return queue.ApologyGranted(place_id=place_id, callback_id=callback_id)

    def waits_until(self, until_at: Instant) -> None:
        """Let time pass; timers and grants that come due are heard at their instants."""
        while due := [at for at, _ in self._to_grant if at <= until_at and self.grants]:
            super().waits_until(min(due))
            self._granted(Decision())
        super().waits_until(until_at)

    def waits(self, until_ms: int) -> None:
        """Let time pass until so long after NINE."""
        self.waits_until(Instant(NINE + until_ms))

    def waiting_for(self) -> list[str]:
        """The kinds of timers that are set, beside the one that ends counts of orders after a day."""
        return [timer.kind for timer in self.state.timers if timer.kind != "numbers"]

    def check(self) -> None:
        """What must hold after every fact: nobody is forgotten, and a loaded state equals the live one."""
        owed = set(SERVICE.owed(self.state))
        assert owed <= {timer.timer_id for timer in self.state.timers}
        loaded = CallbackState()
        loaded.load(stored(self.state))
        for name, table in self.state.tables.items():
            assert list(loaded.tables[name]) == list(table)
        assert loaded.apologies_ready == self.state.apologies_ready
        assert loaded.numbers_by_age == self.state.numbers_by_age
        assert gauges(loaded) == gauges(self.state)
        assert {k: n for k, n in loaded.lines_taken.items() if n} == {
            k: n for k, n in self.state.lines_taken.items() if n
        }


def an_office(
    *,
    policy: DiallingPolicy | None = None,
    settings: directory.CallbackSettings | None = None,
    notices: directory.NoticeChoices | None = None,
    numbers: tuple[str, ...] = (LINE, "+74951234560"),
) -> Office:
    """Sales, on one PBX; callbacks are on."""
    office = Office()
    office.hears(
        offices.organization(dialling_policy=policy or DiallingPolicy()),
        offices.pbx(PBX, *numbers),
        a_department(settings=settings, notices=notices),
    )
    return office


def a_department(
    *,
    department_id: DepartmentId = SALES,
    version: int = 1,
    settings: directory.CallbackSettings | None = None,
    notices: directory.NoticeChoices | None = None,
) -> directory.DepartmentSaved:
    """A department with callbacks."""
    return offices.department(
        department_id,
        PBX,
        name="Sales",
        version=version,
        extension="400",
        lines=(LINE,),
        callback=settings or directory.CallbackSettings(),
        notices=notices or directory.NoticeChoices(),
    )


def pressed_one(
    name: str = "c1",
    *,
    caller: str | None = CUSTOMER,
    line: str = LINE,
    joined: int = NINE,
    department_id: DepartmentId = SALES,
) -> queue.CallbackRequested:
    """The caller of leg `name` presses 1 at the invitation."""
    return queue.CallbackRequested(
        place_id=place(name),
        department_id=department_id,
        pbx_id=PBX,
        leg_id=LegId(name),
        caller=caller,
        line=line,
        joined_at=Instant(joined),
        deadline_at=Instant(joined + TEN_MINUTES_MS),
    )


def place(name: str = "c1") -> PlaceId:
    """The place that the call of leg `name` took."""
    return PlaceId(f"p.{name}")


def cb(name: str = "c1") -> CallbackId:
    """The callback ordered from leg `name`."""
    return CallbackId(f"cb.p.{name}")


def ended(leg_id: str, outcome: Outcome = Outcome.COMPLETED, by: EndedBy = EndedBy.PARTY) -> gateway.LegEnded:
    """A leg has ended."""
    return gateway.LegEnded(pbx_id=PBX, leg_id=LegId(leg_id), outcome=outcome, by=by)


def answered(leg_id: str) -> gateway.LegAnswered:
    """A phone was picked up."""
    return gateway.LegAnswered(pbx_id=PBX, leg_id=LegId(leg_id))


def requested(leg_id: str) -> gateway.LegRequested:
    """The gateway dials."""
    return gateway.LegRequested(pbx_id=PBX, leg_id=LegId(leg_id), address=Address(f"tel:{CUSTOMER}"))


def given_up(leg_id: str) -> gateway.LegEnded:
    """The gateway had accepted a dial, and came to it too late."""
    return gateway.LegEnded(
        pbx_id=PBX, leg_id=LegId(leg_id), outcome=Outcome.FAILED, by=EndedBy.NETWORK, cause=gateway.TOO_LATE
    )


def refused(leg_id: str, command: str = "telephony.dial_leg") -> gateway.CommandRefused:
    """The gateway refuses a command."""
    return gateway.CommandRefused(pbx_id=PBX, command=command, reason="too_late", leg_id=LegId(leg_id))


def pressed(leg_id: str, digits: str) -> gateway.DigitsEntered:
    """A key pressed on a leg."""
    return gateway.DigitsEntered(pbx_id=PBX, leg_id=LegId(leg_id), digits=digits)


def typed(leg_id: str, digits: str) -> gateway.DigitsEntered:
    """A string typed and closed."""
    return gateway.DigitsEntered(pbx_id=PBX, leg_id=LegId(leg_id), digits=digits, is_complete=True)


def played(play: telephony.Play, *, ok: bool = True, was_interrupted: bool = False) -> gateway.PlayFinished:
    """A play came to its end."""
    return gateway.PlayFinished(
        pbx_id=PBX, leg_id=play.leg_id, play_id=play.play_id, ok=ok, was_interrupted=was_interrupted
    )


def ready(name: str = "c1", agent: str = "anna", leg: str = "") -> queue.AgentReady:
    """An agent took the callback's place and is on the line."""
    return queue.AgentReady(
        place_id=place(name),
        callback_id=cb(name),
        agent_id=AgentId(agent),
        agent_name=agent.title(),
        leg_id=LegId(leg or f"{agent}.leg"),
        pbx_id=PBX,
        offer_id=OfferId(f"{agent}.offer"),
        waited_ms=420_000,
    )


def accepted(name: str = "c1", agent: str = "anna") -> queue.OfferAccepted:
    """An agent accepted the offer of a place."""
    return queue.OfferAccepted(
        offer_id=OfferId(f"{agent}.offer"),
        place_id=place(name),
        agent_id=AgentId(agent),
        leg_id=LegId(f"{agent}.leg"),
    )


def place_connected(name: str, agent: str, leg: str) -> queue.PlaceConnected:
    """Queue bridged somebody on the line with an agent."""
    return queue.PlaceConnected(
        place_id=place(name),
        agent_id=AgentId(agent),
        leg_id=LegId(leg),
        agent_leg_id=LegId(f"{agent}.leg"),
        waited_ms=1,
        callback_id=cb(name),
    )


def talked(office: Office) -> callback.CallbackConnected:
    """They are bridged and talk for a minute, after which the agent cannot say that nobody was reached."""
    office.hears(bridged(office.last(telephony.Bridge)))
    office.waits_until(Instant(office.at + 60_000))
    return office.last(callback.CallbackConnected)


def bridged(bridge: telephony.Bridge) -> gateway.Bridged:
    """Two legs hear each other."""
    return gateway.Bridged(pbx_id=PBX, bridge_id=BridgeId(bridge.bridge_id), legs=bridge.legs)


def deadline_passed(name: str = "c1") -> queue.DeadlinePassed:
    """No agent came in time."""
    return queue.DeadlinePassed(
        place_id=place(name), callback_id=cb(name), deadline_at=Instant(NINE + TEN_MINUTES_MS)
    )


def message_taken(name: str = "c1") -> voicemail.MessageTaken:
    """The customer left a voice message after the apology."""
    return voicemail.MessageTaken(
        voice_message_id=VoiceMessageId("vm"),
        recording_id=RecordingId("rec"),
        duration_ms=9_000,
        callback_id=cb(name),
    )


def message_missing(name: str = "c1") -> voicemail.MessageMissing:
    """The customer pressed 1 and said nothing."""
    return voicemail.MessageMissing(
        voice_message_id=VoiceMessageId("vm"),
        reason=voicemail.MissingReason.TOO_SHORT,
        callback_id=cb(name),
    )


def ordered(name: str = "c1", *, caller: str = CUSTOMER, office: Office | None = None) -> Office:
    """An office in which a customer has ordered a callback and has hung up."""
    office = office or an_office()
    office.hears(pressed_one(name, caller=caller), ended(name))
    return office


def whispering(name: str = "c1", *, office: Office | None = None) -> Office:
    """… and an agent hears the whisper."""
    office = office or ordered(name)
    office.hears(ready(name))
    return office


def dialling(name: str = "c1", *, office: Office | None = None) -> tuple[Office, LegId]:
    """… and the customer's phone is dialled; its leg."""
    office = whispering(name, office=office)
    office.hears(played(office.last(telephony.Play)))
    leg_id = office.last(callback.CustomerDialled).leg_id
    office.hears(requested(leg_id))
    return office, leg_id


def fails(office: Office, leg_id: LegId, outcome: Outcome = Outcome.NO_ANSWER) -> Decision:
    """The customer is not reached; the agent hears it and is hung up."""
    decision = office.hears(ended(leg_id, outcome, EndedBy.NETWORK))
    agent_leg_id = office.last(callback.AttemptFailed).agent_leg_id
    office.hears(played(office.last(telephony.Play)), ended(agent_leg_id, by=EndedBy.US))
    return decision


def apologizing(name: str = "c1", *, office: Office | None = None) -> tuple[Office, LegId]:
    """An office in which a customer hears the apology; its leg."""
    office = office or ordered(name)
    office.hears(deadline_passed(name))
    leg_id = office.last(callback.ApologyDialled).leg_id
    office.hears(requested(leg_id), answered(leg_id))
    return office, leg_id
