"""Promises to customers, as invariants of the log: who is called, when, and how often (C4 to C15)."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from contracts import callback, dialling, gateway, queue
from contracts.callback import Origin
from contracts.directory import OrganizationSaved
from contracts.gateway import EndedBy
from contracts.history import CustomerErased
from contracts.ids import Instant
from contracts.voicemail import LetterDue
from tests.sim.timeline import NEVER, Order, Timeline, timeline
from tests.sim.turn_invariants import Places
from tests.sim.world import Run, Said

MINUTE_MS: Final = 60_000
QUIET_LATE_MS_MAX: Final = 15 * MINUTE_MS
LATE_MS_MAX: Final = 60 * MINUTE_MS
TALK_MS_MIN: Final = 15_000
"""C14: a customer who has talked so long is not called back."""
CROSSED_MS: Final = 1_500
"""A call that arrives so shortly before a decision to dial crosses it, and could not be known."""
HEARD_MS: Final = 2_000
"""The longest time until a key has an effect."""
WAITED_FOR_CALL_MS: Final = 65_000
"""C15: a deadline that waited for another call acts a minute after that call, and not much later."""
SETTLED_MS: Final = 2_000
"""Two apologies that become due at once are handled one after the other."""


def a_number_is_called_once_at_a_time(run: Run) -> Iterator[str]:
    """Once at a time in all departments, and never while the customer has a leg in the organization (C15).

    Who was erased in the middle of a call is nobody's caller any more: a later order's dial finds the line
    engaged.
    """
    line = timeline(run)
    for each in line.of(callback.CustomerDialled, callback.ApologyDialled):
        fact: Any = each.fact
        own, cause = line.legs[fact.leg_id], each.envelope.cause_offset
        for leg in line.legs_of(own.number, cause):
            if leg is own or line.was_erased(leg.number, leg.begins, cause):
                continue
            if leg.is_arrived and line.clean_ms(leg.begins_at, line.decided_at(each)) <= CROSSED_MS:
                continue
            yield f"{fact.leg_id} is dialled while {leg.leg_id} of the same number is up"


def who_is_told_press_one_is_heard(run: Run) -> Iterator[str]:
    """A key works whenever it is offered (C8), and the invitation's key orders a callback (C1)."""
    line = timeline(run)
    questions = _Questions()
    heard = {each.envelope.cause_offset for each in line.records if each.envelope.source == "queue"}
    for _, at, each in line.seen_by("queue"):
        fact = each.fact
        if isinstance(fact, gateway.DigitsEntered) and fact.digits.startswith("1"):
            own = questions.places.get(fact.leg_id)
            question = None if own is None else questions.told.pop(own.place_id, None)
            if question is None or own is None or _is_heard(heard, each, at, own, question):
                continue
            yield f"{own.place_id} pressed 1 at {at} when told {question.fact}, and nobody heard it"
        questions.hear(each)


class _Questions:
    """The last question to each caller, and which callers may still answer."""

    kinds = (queue.AnnouncementKind.CALLBACK_EXISTS, queue.AnnouncementKind.INVITATION)

    def __init__(self) -> None:
        self.told: dict[str, Said] = {}
        self.places: dict[str, queue.PlaceTaken] = {}

    def hear(self, record: Said) -> None:
        """Hear one fact. A caller whom an agent takes, or who is given up, hears other things."""
        match record.fact:
            case queue.PlaceTaken(leg_id=leg_id) if leg_id is not None:
                self.places[leg_id] = record.fact
            case queue.AnnouncementMade(place_id=place_id, kind=kind) if kind in self.kinds:
                self.told[place_id] = record
            case (
                queue.OfferAccepted(place_id=place_id)
                | queue.NoAnswerReached(place_id=place_id)
                | queue.CallbackRequested(place_id=place_id)
                | queue.PlaceClosed(place_id=place_id)
                | queue.CallbackTakenOver(new_place_id=place_id)
            ):
                self.told.pop(place_id, None)
            case gateway.LegEnded(leg_id=leg_id) if leg_id in self.places:
                self.told.pop(self.places[leg_id].place_id, None)
            case gateway.CommandRefused(command=command, leg_id=leg_id) if (
                command.endswith("play") and leg_id in self.places
            ):
                self.told.pop(self.places[leg_id].place_id, None)  # he may not have heard it
            case _:
                pass


def _is_heard(heard: set[int], key: Said, at: int, place: queue.PlaceTaken, question: Said) -> bool:
    """Whether something follows from the key.

    The key for a callback's place is answered also when there is nothing left to take, because the callback
    has ended, or another caller of that number was first. An invited caller's deadline may come first.
    """
    assert isinstance(question.fact, queue.AnnouncementMade)
    is_invited = question.fact.kind is queue.AnnouncementKind.INVITATION
    return key.offset in heard or (is_invited and place.deadline_at - at < SETTLED_MS)


def no_apology_comes_hours_late(run: Run) -> Iterator[str]:
    """An apology 15 min late does not come in quiet hours, and one an hour late never (C4)."""
    line = timeline(run)
    deadlines = _deadlines(line)
    for each in line.of(callback.ApologyDialled):
        assert isinstance(each.fact, callback.ApologyDialled)
        order = line.orders[each.fact.callback_id]
        at = line.decided_at(each)
        late_ms = at - deadlines(order, each.offset)
        department = line.department(order.fact.department_id, each.envelope.cause_offset)
        zone = "UTC" if department is None else department.timezone
        is_quiet = dialling.quiet_until(Instant(at), zone) is not None
        if late_ms > LATE_MS_MAX or (late_ms > QUIET_LATE_MS_MAX and is_quiet):
            yield f"{each.fact.leg_id} apologizes {late_ms // 1000} s after the deadline"


def _deadlines(line: Timeline) -> Any:
    """Each callback's deadline as of an offset: from its order, or from the place with which it merged."""
    changed: dict[str, list[tuple[int, int]]] = {}
    for each in line.of(callback.CallbackConfirmed, queue.CallbackTakenOver):
        deadline_at = getattr(each.fact, "deadline_at", None)
        if deadline_at is not None:
            changed.setdefault(each.fact.callback_id, []).append((each.offset, deadline_at))  # type: ignore[attr-defined]

    def as_of(order: Order, offset: int) -> int:
        found = order.deadline_at
        for since, at in changed.get(order.fact.callback_id, ()):
            found = at if since <= offset else found
        return found

    return as_of


def first_apologies_go_before_second_tries(run: Run) -> Iterator[str]:
    """First calls go before second tries, and among first calls the earliest deadline is first (C4)."""
    line = timeline(run)
    deadlines = _deadlines(line)
    granted_at: dict[str, int] = {}
    tried: set[str] = set()
    for offset, at, each in line.seen_by("callback"):
        fact: Any = each.fact
        if isinstance(fact, queue.ApologyGranted) and fact.callback_id not in tried:
            granted_at[fact.callback_id] = at
        elif isinstance(fact, callback.CallbackEnd | queue.CustomerOnLine):
            granted_at.pop(fact.callback_id, None)
        elif isinstance(fact, callback.ApologyFailed) and fact.is_uncounted:
            tried.discard(fact.callback_id)  # it gave way to the customer's own call
        elif isinstance(fact, callback.ApologyDialled):
            is_first = granted_at.pop(fact.callback_id, None) is not None
            own = line.orders[fact.callback_id]
            for callback_id, since_at in granted_at.items():
                other = line.orders[callback_id]
                is_right = is_first and deadlines(own, each.offset) <= deadlines(other, each.offset)
                if is_right or other.fact.pbx_id != own.fact.pbx_id:
                    continue
                if line.clean_ms(since_at, at) > SETTLED_MS and not _was_talking(line, other, offset, at):
                    what = "a later one" if is_first else "a second try"
                    yield f"{fact.leg_id}, {what}, goes before the first call of {callback_id}"
                    break
            if line.legs[fact.leg_id].is_requested:
                tried.add(fact.callback_id)


def _was_talking(line: Timeline, order: Order, offset: int, at: int) -> bool:
    """Whether a leg of that customer is up, or was a moment ago: then an apology waits."""
    return any(
        leg.number == order.number_at(offset)
        and leg.begins <= offset
        and leg.ends_at > at - WAITED_FOR_CALL_MS
        for leg in line.legs.values()
    )


def no_agent_is_rung_for_a_number_that_may_not_be_dialled(run: Run) -> Iterator[str]:
    """No agent, unless the customer is on the line; and a reversible switch ends no callback (C10)."""
    line = timeline(run)
    saved = line.of(OrganizationSaved)
    for each in line.of(queue.OfferMade):
        assert isinstance(each.fact, queue.OfferMade)
        order = line.order_of_place.get(each.fact.place_id)
        cause = each.envelope.cause_offset
        if (
            order is None
            or not saved
            or not order.stands(cause)
            or any(line.legs_of(order.number_at(cause), cause))
        ):
            continue
        office = line.office(cause)
        reason = None if office is None else dialling.refusal(order.number_at(cause), office.dialling_policy)
        if reason is not None:
            yield f"{each.fact.offer_id} rings for a callback that may not be dialled: {reason}"
    for each in line.of(callback.CallbackBarred):
        assert isinstance(each.fact, callback.CallbackBarred)
        if each.fact.reason == dialling.Refusal.SWITCHED_OFF:
            yield f"{each.fact.callback_id} was refused by a switch that may be thrown back"


def no_agent_is_rung_for_a_customer_who_was_erased(run: Run) -> Iterator[str]:
    """Nor does anything else follow for the callback until callback has ended it (V6).

    Only what the queue has heard counts: an order that callback took before it heard of the erasure gives the
    number back, until callback's word about it. Whoever is on the line in the callback's place is served.
    """
    line = timeline(run)
    now = Places(line)
    numbers: dict[str, str] = {}
    erased: set[str] = set()
    for _, at, each in line.seen_by("queue"):
        fact: Any = each.fact
        match fact:
            case callback.CallbackOrdered() | callback.NumberChanged():
                numbers[fact.place_id] = fact.number
                erased.discard(fact.place_id)
            case CustomerErased(number=number):
                erased |= {place_id for place_id, known in numbers.items() if known == number}
            case callback.CallbackEnd():
                numbers.pop(fact.place_id, None)
                erased.discard(fact.place_id)
            case queue.OfferMade() | queue.DeadlinePassed() | queue.ApologyGranted():
                place = now.places.get(fact.place_id)
                if fact.place_id in erased and (place is None or place.leg_id is None):
                    yield f"{each.envelope.type} for {fact.place_id} after its customer was erased"
            case _:
                pass
        now.hear(at, each)


def nobody_erased_is_taken_up_again(run: Run) -> Iterator[str]:
    """Who joined before an erasure that callback has heard has no number, unless by typing it (V6)."""
    line = timeline(run)
    typed: set[str] = set()
    for each in line.of(callback.NumberWanted, callback.CallbackOrdered):
        fact: Any = each.fact
        if isinstance(fact, callback.NumberWanted):
            typed.add(fact.place_id)
        elif fact.number and fact.place_id not in typed:
            erased = (gone for gone in line.of(CustomerErased) if gone.offset < each.envelope.cause_offset)
            if any(gone.fact.number == fact.number and gone.at >= fact.joined_at for gone in erased):  # type: ignore[attr-defined]
                yield f"{fact.callback_id} is ordered for a number that was erased after its caller joined"


def nobody_is_called_about_what_they_have_talked_about(run: Run) -> Iterator[str]:
    """A customer who talked for 15 s with the department after ordering is not called back (C14)."""
    line = timeline(run)
    talks = list(_talks(line))
    for each in line.of(callback.CustomerDialled, callback.ApologyDialled):
        fact: Any = each.fact
        order = line.orders[fact.callback_id]
        at, number = line.decided_at(each), order.number_at(each.envelope.cause_offset)
        for talk in talks:
            if (
                (talk.number, talk.department_id) == (number, order.fact.department_id)
                and order.ordered.at <= talk.begins_at
                and min(talk.ends_at, at) - talk.begins_at >= TALK_MS_MIN
                and not talk.leg_id.startswith(f"{fact.callback_id}.")
                and not line.was_erased(number, line.legs[talk.leg_id].begins, each.envelope.cause_offset)
            ):
                yield f"{fact.leg_id} calls a customer who has talked to the department on {talk.leg_id}"


class _Talk(NamedTuple):
    """A conversation of a department's agent with a customer."""

    number: str
    department_id: str
    leg_id: str
    begins_at: int
    ends_at: int


def _talks(line: Timeline) -> Iterator[_Talk]:
    """All conversations."""
    departments = _departments_of_agents_legs(line)
    ends: dict[str, list[int]] = {}
    for each in line.of(gateway.Unbridged, gateway.LegEnded):
        legs = each.fact.legs if isinstance(each.fact, gateway.Unbridged) else (each.fact.leg_id,)  # type: ignore[attr-defined]
        for leg_id in legs:
            ends.setdefault(leg_id, []).append(each.at)
    for each in line.of(gateway.Bridged):
        assert isinstance(each.fact, gateway.Bridged)
        agent = next((leg for leg in each.fact.legs if leg in departments), None)
        customer = next((leg for leg in each.fact.legs if leg in line.legs), None)
        if agent is not None and customer is not None:
            over = [at for leg in each.fact.legs for at in ends.get(leg, ()) if at >= each.at]
            yield _Talk(
                line.legs[customer].number, departments[agent], customer, each.at, min(over, default=NEVER)
            )


def _departments_of_agents_legs(line: Timeline) -> dict[str, str]:
    places: dict[str, str] = {}
    found: dict[str, str] = {}
    for each in line.of(queue.PlaceTaken, queue.OfferMade, queue.FallbackRung):
        if isinstance(each.fact, queue.PlaceTaken):
            places[each.fact.place_id] = each.fact.department_id
        elif isinstance(each.fact, queue.OfferMade | queue.FallbackRung):
            for leg in each.fact.legs:
                found[leg.leg_id] = places.get(each.fact.place_id, "")
    return found


def a_customer_who_was_tried_has_the_gap(run: Run) -> Iterator[str]:
    """After an attempt that was not reached, and after a held customer has hung up (C6, C7)."""
    line = timeline(run)
    not_before: dict[str, int] = {}
    held: dict[str, str] = {}
    for _, at, each in line.seen_by("callback"):
        match each.fact:
            case callback.AttemptFailed(callback_id=callback_id, next_attempt_at=next_attempt_at):
                not_before[callback_id] = max(not_before.get(callback_id, 0), next_attempt_at or 0)
            case callback.CustomerHeld(callback_id=callback_id, leg_id=leg_id):
                held[leg_id] = callback_id
            case gateway.LegEnded(leg_id=leg_id, by=EndedBy.PARTY) if leg_id in held:
                order = line.orders[held[leg_id]]
                department = line.department(order.fact.department_id, order.ordered.offset)
                gap_ms = 0 if department is None else department.callback.attempt_gap_ms
                not_before[held[leg_id]] = at + gap_ms
            case (
                queue.CallbackTakenOver(callback_id=callback_id)
                | queue.CallbackJoined(callback_id=callback_id)
            ):
                not_before.pop(callback_id, None)
            case callback.CustomerDialled(callback_id=callback_id, leg_id=leg_id):
                early_ms = not_before.get(callback_id, 0) - at
                if early_ms > 0:
                    yield f"{leg_id} is dialled {early_ms} ms before the gap is over"
            case _:
                pass


def quiet_hours_hold_back_nobody_who_was_on_the_line(run: Run) -> Iterator[str]:
    """A callback merged with the customer's own call counts as the customer's own order (C12)."""
    line = timeline(run)
    own = {id_ for id_, order in line.orders.items() if order.fact.origin is Origin.QUEUE}
    deadlines = _deadlines(line)
    for each in line.of(callback.CallbackConfirmed, queue.CallbackTakenOver, callback.CallbackExpired):
        fact: Any = each.fact
        if not isinstance(fact, callback.CallbackExpired):
            if isinstance(fact, queue.CallbackTakenOver) or fact.leg_id is not None:
                own.add(fact.callback_id)
        elif fact.reason == "quiet_hours" and fact.callback_id in own:
            late_ms = line.decided_at(each) - deadlines(line.orders[fact.callback_id], each.offset)
            # At the limit itself it has ended: nothing can be dialled any more in that millisecond.
            if late_ms < QUIET_LATE_MS_MAX:
                yield f"{fact.callback_id} expired in quiet hours, although its customer had called"


def who_takes_his_place_over_has_the_later_deadline(run: Run) -> Iterator[str]:
    """The later of the callback's deadline and the new call's (C8)."""
    line = timeline(run)
    deadlines: dict[str, int] = {}
    taken_over: dict[str, str] = {}
    for _, at, each in line.seen_by("queue"):
        match each.fact:
            case queue.PlaceTaken(place_id=place_id, deadline_at=deadline_at):
                deadlines[place_id] = deadline_at
            case queue.CallbackTakenOver(place_id=place_id, new_place_id=new_place_id, leg_id=leg_id):
                both = (deadlines.get(place_id, 0), deadlines.get(new_place_id, 0))
                deadlines[place_id] = max(both)
                taken_over[place_id] = leg_id
            case (
                queue.NoAnswerReached(place_id=place_id, reason=queue.DivertReason.DEADLINE)
                | queue.DeadlinePassed(place_id=place_id)
            ):
                leg = line.legs.get(taken_over.get(place_id, ""))
                early_ms = deadlines.get(place_id, 0) - at
                if leg is not None and leg.is_up(each.offset) and early_ms > 0:
                    yield f"{place_id} was given up {early_ms} ms before the later of its deadlines"
            case _:
                pass


def who_has_a_callback_is_told_before_he_is_sent_away(run: Run) -> Iterator[str]:
    """A caller with a callback hears of it before a limit of waiting callers applies (C8)."""
    line = timeline(run)
    taken: dict[str, Said] = {}
    told: set[str] = set()
    over = _Over()
    for offset, at, each in line.seen_by("queue"):
        over.hear(each.fact)
        match each.fact:
            case queue.PlaceTaken(place_id=place_id):
                taken[place_id] = each
            case queue.AnnouncementMade(place_id=place_id, kind=queue.AnnouncementKind.CALLBACK_EXISTS):
                told.add(place_id)
            case queue.NoAnswerReached(place_id=place_id, reason=queue.DivertReason.QUEUE_FULL):
                place: Any = taken[place_id].fact
                order = (
                    None if place.caller is None else line.standing(place.caller, place.department_id, offset)
                )
                if order is None or place_id in told or place.is_internal or over.has(order):
                    continue
                if order.fact.origin is callback.Origin.ABANDONED:  # calling again ends it (C11)
                    continue
                others = [
                    leg for leg in line.legs_of(order.number_at(offset), offset) if leg.leg_id != place.leg_id
                ]
                if order.ordered.at < taken[place_id].at and not others:
                    yield f"{place_id} was sent away at {at} from a callback of his own"
            case _:
                pass


class _Over:
    """Callbacks whose places the queue has withdrawn, although callback has not ended them yet.

    The queue itself finds that the deadline has passed, or that the customer has talked with the department
    (C14), and callback hears of it only later: meanwhile nobody is told of a place that nobody could take.
    An attempt that runs goes on after the talk, and its place is offered until callback says how it ended.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._agents: dict[str, str] = {}

    def hear(self, fact: object) -> None:
        """Hear one fact, when the queue knew it."""
        match fact:
            case queue.DeadlinePassed(callback_id=id_) | callback.ApologyQueued(callback_id=id_):
                self._ids.add(id_)
            case queue.CustomerTalked(callback_id=id_) if id_ not in self._agents:
                self._ids.add(id_)
            case queue.AgentReady(callback_id=id_, agent_id=agent_id):
                self._agents[id_] = agent_id
            case callback.AgentLost(callback_id=id_, agent_id=agent_id):
                self._leave(id_, agent_id)
            case callback.AttemptFailed(callback_id=id_, agent_id=agent_id, next_attempt_at=again_at):
                if self._leave(id_, agent_id) and again_at is None:
                    self._ids.add(id_)
            case _:
                pass

    def _leave(self, callback_id: str, agent_id: str) -> bool:
        """The agent is not with the callback any more; False: another one is already."""
        is_here = self._agents.get(callback_id) == agent_id
        if is_here:
            del self._agents[callback_id]
        return is_here

    def has(self, order: Order) -> bool:
        """Whether only callback's word is missing."""
        return order.fact.callback_id in self._ids


def whoever_is_not_called_back_is_written_about(run: Run) -> Iterator[str]:
    """Expired without a voice message, or unreached: the recipients have a letter (C4, C6)."""
    line = timeline(run)
    about = {each.fact.callback_id for each in line.of(LetterDue)}  # type: ignore[attr-defined]
    for each in line.of(callback.CallbackExpired, callback.CallbackUnreached):
        fact: Any = each.fact
        department = line.department(fact.department_id, each.offset)
        office = line.office(each.offset)
        has_readers = bool(
            (department is not None and department.recipients)
            or (office is not None and office.administrators)
        )
        is_heard = isinstance(fact, callback.CallbackExpired) and fact.has_voice_message
        if has_readers and not is_heard and fact.callback_id not in about:
            yield f"nobody is told that {fact.callback_id} ended {each.envelope.type}: {fact.reason}"


PROMISES: Final = (
    a_number_is_called_once_at_a_time,
    who_is_told_press_one_is_heard,
    no_apology_comes_hours_late,
    first_apologies_go_before_second_tries,
    no_agent_is_rung_for_a_number_that_may_not_be_dialled,
    no_agent_is_rung_for_a_customer_who_was_erased,
    nobody_erased_is_taken_up_again,
    nobody_is_called_about_what_they_have_talked_about,
    a_customer_who_was_tried_has_the_gap,
    quiet_hours_hold_back_nobody_who_was_on_the_line,
    who_takes_his_place_over_has_the_later_deadline,
    who_has_a_callback_is_told_before_he_is_sent_away,
    whoever_is_not_called_back_is_written_about,
)
