"""Turns facts of the log into sentences in the glossary's words, with people's names and masked numbers."""

from collections.abc import Callable

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import routing as r
from contracts import tts as t
from contracts import voicemail as v
from contracts.directory import ActionKind, AgentSaved, DepartmentSaved, PbxSaved
from contracts.log import OrganizationParked, OrganizationUnparked, PartitionClaimed
from contracts.message import Message
from runtime.masking import masked

ACTIONS = {
    ActionKind.FALLBACK_EMPLOYEE: "the fallback employee's phones ring",
    ActionKind.OTHER_DEPARTMENT: "passed to another department",
    ActionKind.VOICEMAIL: "voicemail",
    ActionKind.HANG_UP: "hang up",
}


class Words:
    """Learns names from facts, and puts each fact into a sentence."""

    def __init__(self) -> None:
        self._agents: dict[str, str] = {}
        self._departments: dict[str, str] = {}
        self._pbxs: dict[str, str] = {}
        self._callers: dict[str, str] = {}
        self._home: dict[str, str] = {}

    def hear(self, fact: Message) -> None:
        """Learn the names in a fact; call it before `told`."""
        match fact:
            case AgentSaved():
                self._agents[fact.agent_id] = fact.name
                self._home[fact.agent_id] = fact.pbx_id
            case DepartmentSaved():
                self._departments[fact.department_id] = fact.name
            case PbxSaved():
                self._pbxs[fact.pbx_id] = fact.name
            case g.CallArrived():
                self._callers[fact.leg_id] = self.number(fact.caller)
            case q.PlaceTaken():
                self._callers[fact.place_id] = self.number(fact.caller)
                self._callers[fact.leg_id or fact.place_id] = self.number(fact.caller)
            case c.CallbackOrdered():
                self._callers[fact.callback_id] = self._callers[fact.place_id] = self.number(fact.number)
            case c.CustomerDialled() | c.ApologyDialled():
                self._callers[fact.leg_id] = self._callers.get(fact.callback_id, fact.callback_id)
            case v.GreetingPlayed():
                self._callers[fact.voice_message_id] = self.number(fact.caller)
            case v.RecordingAsked():
                # After an apology there is no greeting: the leg identifies the speaker.
                self._callers[fact.voice_message_id] = self.caller(fact.leg_id)
            case _:
                pass

    def number(self, number: str | None) -> str:
        """A customer's masked number."""
        return "a withheld number" if number is None else masked(number)

    def agent(self, agent_id: str) -> str:
        """An agent's name."""
        return self._agents.get(agent_id, agent_id)

    def pbx(self, pbx_id: str) -> str:
        """A PBX's name."""
        return self._pbxs.get(pbx_id, pbx_id)

    def department(self, department_id: str) -> str:
        """A department's name."""
        return self._departments.get(department_id, department_id)

    def caller(self, id_: str) -> str:
        """The customer of a place, a callback, a leg or a voice message."""
        return self._callers.get(id_, id_)

    def told(self, fact: Message) -> str | None:
        """One sentence, or None for what people need not follow."""
        for tell in (
            self._of_places,
            self._of_offers,
            self._of_callbacks,
            self._of_voicemail,
            self._of_routing,
            self._of_others,
        ):
            said = tell(fact)
            if said is not None:
                return said
        return None

    def _of_places(self, fact: Message) -> str | None:
        match fact:
            case q.PlaceTaken():
                where = self.department(fact.department_id)
                return f"{self.caller(fact.place_id)} takes a place in «{where}», position {fact.position}"
            case q.AnnouncementMade(position=None):
                return f"{self.caller(fact.place_id)} hears: {fact.kind.replace('_', ' ')}"
            case q.AnnouncementMade():
                return f"{self.caller(fact.place_id)} is told: position {fact.position}{_estimate(fact)}"
            case q.PlaceConnected():
                who, whom = self.caller(fact.place_id), self.agent(fact.agent_id)
                return f"{who} talks to {whom} after {seconds(fact.waited_ms)}"
            case q.PlaceAbandoned():
                return f"{self.caller(fact.place_id)} hangs up in the queue after {seconds(fact.waited_ms)}"
            case q.NoAnswerReached():
                return f"nobody for {self.caller(fact.place_id)}: {fact.reason.replace('_', ' ')}"
            case q.PlaceDiverted():
                return f"{self.caller(fact.place_id)} after {seconds(fact.waited_ms)}: {ACTIONS[fact.action]}"
            case q.DeadlinePassed():
                return f"nobody came in time for the callback of {self.caller(fact.place_id)}"
            case q.PlaceClosed():
                return f"the place of {self.caller(fact.place_id)} ends: {fact.outcome}"
            case _:
                return None

    def _of_offers(self, fact: Message) -> str | None:
        match fact:
            case q.OfferMade():
                return f"{self.caller(fact.place_id)} is offered to {self.agent(fact.agent_id)}, who is rung"
            case q.OfferAccepted():
                return f"{self.agent(fact.agent_id)} takes the place of {self.caller(fact.place_id)}"
            case q.OfferDeclined():
                return f"{self.agent(fact.agent_id)} declines {self.caller(fact.place_id)}"
            case q.OfferMissed():
                return f"{self.agent(fact.agent_id)} misses {self.caller(fact.place_id)}"
            case q.OfferUnreachable():
                return f"{self.agent(fact.agent_id)} is unreachable: {fact.reason}"
            case q.OfferWithdrawn():
                return f"the offer to {self.agent(fact.agent_id)} is withdrawn: {fact.reason}"
            case q.OfferReopened():
                return f"{self.agent(fact.agent_id)} dropped: {self.caller(fact.place_id)} is offered again"
            case q.KeyWanted():
                return "a mobile was answered and must press a key"
            case q.AgentFreed():
                return f"{self.agent(fact.agent_id)} is free"
            case q.PbxAway():
                return f"PBX {self.pbx(fact.pbx_id)} is away: {fact.reason}"
            case q.PbxBack():
                return f"PBX {self.pbx(fact.pbx_id)} is back"
            case _:
                return None

    def _of_callbacks(self, fact: Message) -> str | None:
        match fact:
            case c.CallbackOrdered():
                return f"{self.caller(fact.place_id)} orders a callback and keeps the place"
            case c.CallbackRefused():
                return f"no callback for {self.caller(fact.place_id)}: {fact.reason.replace('_', ' ')}"
            case c.AttemptStarted():
                return f"{self.agent(fact.agent_id)} hears whom to talk to: {self.caller(fact.place_id)}"
            case c.CustomerDialled():
                return f"now {self.caller(fact.place_id)} is dialled for {self.agent(fact.agent_id)}"
            case c.CustomerJoined():
                return f"{self.caller(fact.place_id)} has called in and is bridged on that call"
            case c.ConfirmationAsked():
                return f"{self.caller(fact.place_id)} picks up and is asked to press 1"
            case c.CustomerAnswered():
                return f"{self.caller(fact.place_id)} answers"
            case c.AttemptFailed():
                return f"{self.caller(fact.place_id)} was not reached: {fact.outcome.replace('_', ' ')}"
            case c.ApologyDialled():
                return f"{self.caller(fact.callback_id)} is called for an apology"
            case c.ApologyMade(ask=1):
                return f"{self.caller(fact.callback_id)} hears the apology"
            case c.ApologyMade():
                return f"{self.caller(fact.callback_id)} is asked again to press 1"
            case c.MessageWanted():
                return f"{self.caller(fact.callback_id)} presses 1 to leave a voice message"
            case c.CallbackConnected():
                return self._of_connected(fact)
            case c.CallbackExpired():
                return self._of_expired(fact)
            case c.CallbackUnreached():
                return f"the callback of {self.caller(fact.place_id)} ends unreached"
            case c.CallbackCancelled():
                return f"the callback of {self.caller(fact.place_id)} is cancelled: {fact.reason}"
            case c.CallbackBarred():
                return f"the callback of {self.caller(fact.place_id)} is refused: {fact.reason}"
            case _:
                return None

    def _of_connected(self, fact: c.CallbackConnected) -> str:
        who, whom = self.caller(fact.place_id), self.agent(fact.agent_id)
        if fact.by_other_call:
            return f"callback: {who} and {whom} have talked by another call"
        return f"callback: {who} and {whom} talk, {seconds(fact.waited_ms)} after joining"

    def _of_expired(self, fact: c.CallbackExpired) -> str:
        left = "with" if fact.has_voice_message else "without"
        return f"the callback of {self.caller(fact.place_id)} has expired, {left} a voice message"

    def _of_voicemail(self, fact: Message) -> str | None:
        match fact:
            case v.GreetingPlayed():
                return f"the answering machine greets {self.caller(fact.voice_message_id)}"
            case v.RecordingAsked():
                return f"{self.caller(fact.voice_message_id)} speaks after the tone"
            case v.MessageTaken():
                length = seconds(fact.duration_ms)
                return f"a voice message of {length} from {self.caller(fact.voice_message_id)} is taken"
            case v.MessageMissing():
                return f"no voice message: {fact.reason.replace('_', ' ')}"
            case v.MessageStored():
                return f"the voice message is stored, {seconds(fact.speech_ms)} of speech, verified"
            case v.MessageQuarantined():
                return f"the recording is kept aside: {fact.reason}"
            case v.LetterDue():
                return f"a letter to {fact.recipient.name} is due: {fact.kind.replace('_', ' ')}"
            case v.LetterAccepted():
                return "the mail server has the letter"
            case v.LetterDeferred() | v.LetterFailed():
                return f"the mail server says: {masked(fact.answer)}"
            case _:
                return None

    def _of_routing(self, fact: Message) -> str | None:
        return _of_routing(fact, self.caller, self.agent, self.department)

    def _of_others(self, fact: Message) -> str | None:
        match fact:
            case g.CallArrived():
                return f"{self.number(fact.caller)} calls {masked(fact.line)}"
            case g.LegEnded() if fact.leg_id in self._callers:
                return f"{self.caller(fact.leg_id)}'s phone is down: {fact.outcome.replace('_', ' ')}"
            case g.PbxClaimed():
                return f"a gateway serves PBX {self.pbx(fact.pbx_id)}"
            case g.PbxLost():
                return f"PBX {self.pbx(fact.pbx_id)} can't be reached"
            case g.PbxReturned():
                return f"PBX {self.pbx(fact.pbx_id)} can be reached"
            case PartitionClaimed():
                return f"a process of {fact.service} takes over and reads on"
            case OrganizationParked():
                return f"{fact.service} has parked the organization: {fact.reason}"
            case OrganizationUnparked():
                return f"{fact.service} reads on for the organization"
            case t.NoticeRendered():
                return f"notice {fact.notice_id} can be played"
            case t.NoticeFailed():
                return f"notice {fact.notice_id} can't be made playable: {fact.reason}"
            case _:
                return None


def seconds(ms: int) -> str:
    """A time span in seconds or minutes."""
    return f"{ms / 1000:.0f} s" if ms < 120_000 else f"{ms / 60_000:.0f} min"


def _estimate(fact: q.AnnouncementMade) -> str:
    return "" if fact.wait_estimate_ms is None else f", about {seconds(fact.wait_estimate_ms)}"


MISSED = {
    r.MissReason.NO_ANSWER: "does not answer",
    r.MissReason.DECLINED: "declines",
    r.MissReason.BUSY: "is on another call",
    r.MissReason.UNREACHABLE: "is unreachable",
    r.MissReason.ABSENT: "is absent and is not rung",
    r.MissReason.OUT_OF_HOURS: "is out of hours and is not rung",
    r.MissReason.REMOVED: "is no longer there",
    r.MissReason.CALLER_GONE: "was being rung when the caller hung up",
}


def _of_routing(fact: Message, caller: Callable[[str], str], agent: Callable[[str], str],
         department: Callable[[str], str]) -> str | None:  # fmt: skip
    """One sentence, or None for what people need not follow; the three give names to ids."""
    match fact:
        case r.PersonRung():
            return f"{caller(fact.leg_id)} rings at {agent(fact.agent_id)}"
        case r.PersonMissed():
            return f"{agent(fact.agent_id)} {MISSED[fact.reason]}: {caller(fact.leg_id)}"
        case r.CallForwarded(to=r.Hop(agent_id=str() as agent_id)):
            return f"{caller(fact.leg_id)} is forwarded to {agent(agent_id)}{_after_notice(fact)}"
        case r.CallForwarded(to=r.Hop(department_id=str() as department_id)):
            return f"{caller(fact.leg_id)} is forwarded to «{department(department_id)}»{_after_notice(fact)}"
        case r.CallConnected(agent_id=str() as agent_id):
            return f"{caller(fact.leg_id)} talks to {agent(agent_id)} on a direct call"
        case r.CallConnected():
            return f"{caller(fact.leg_id)} talks to an external number"
        case r.ElementEntered():
            return f"{caller(fact.leg_id)} stands at «{fact.element_id}» of the scenario"
        case r.CallerTold():
            return f"{caller(fact.leg_id)} is told that nobody can take the call"
        case r.VoicemailReached():
            return f"{caller(fact.leg_id)} reaches the answering machine"
        case r.CallEnded():
            return f"the direct call of {caller(fact.leg_id)} ends: {fact.reason.replace('_', ' ')}"
        case _:
            return None


def _after_notice(fact: r.CallForwarded) -> str:
    return ", after a spoken notice" if fact.play_id is not None else ""
