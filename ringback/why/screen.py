"""Prints a place's story as tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.callback import CallbackConfirmed
from contracts.directory import Language
from contracts.ids import AgentId, Instant
from contracts.message import Fact
from contracts.queue import (
    AnnouncementMade,
    CallbackTakenOver,
    NoAnswerReached,
    PlaceDiverted,
    PlaceTaken,
    SkipReason,
)
from ringback.why import wording
from ringback.why.causes import cause
from ringback.why.conditions import Condition, Here, Standing
from ringback.why.watching import Moment, Watched
from ringback.why.wording import PHRASES, Both
from runtime.masking import masked

QUIET = (Here.RINGS, Here.WITH_THIS, Here.FREE)


class Teller:
    """Puts one story into words."""

    def __init__(self, watched: Watched, language: Language, *, is_full: bool) -> None:
        self._watched = watched
        self._language = language
        self._is_full = is_full
        self._pick = wording.chooser(language)
        department = watched.department
        self._zone = ZoneInfo(department.timezone) if department is not None else UTC

    def say(self, phrase: str, **values: object) -> str:
        """A phrase with its values."""
        return self._pick(PHRASES[phrase]).format(**values)

    def number(self, number: str | None) -> str:
        """A customer's number, masked without --full."""
        if number is None:
            return self.say("withheld")
        return number if self._is_full else masked(number)

    def clock(self, at: Instant) -> str:
        """An instant in the department's time zone."""
        return datetime.fromtimestamp(at / 1000, tz=self._zone).strftime("%H:%M:%S")

    def since(self, at: Instant) -> str:
        """The time since joining."""
        minutes, seconds = divmod(max(0, at - self._watched.taken.joined_at) // 1000, 60)
        return f"{minutes}:{seconds:02d}"

    def name(self, agent_id: AgentId) -> str:
        """An agent's name."""
        return self._watched.names.get(agent_id, agent_id)

    def title(self) -> str:
        """The place and its customer."""
        taken = self._watched.taken
        department = self._watched.departments.get(taken.department_id, taken.department_id)
        who = self.number(self._watched.numbers.get(taken.place_id, taken.caller))
        return self.say("title", department=department, who=who, place=taken.place_id)

    def condition(self, condition: Condition) -> str:
        """Why an agent is skipped, or what the agent is doing for this place."""
        details = []
        if condition.is_own:
            details.append(self.say("own_call"))
        if condition.place_id is not None:
            details.append(self.number(self._watched.numbers.get(condition.place_id)))
            home = self._watched.homes.get(condition.place_id)
            if home is not None and home != self._watched.taken.department_id:
                details.append(self._watched.departments.get(home, home))
        if condition.is_earlier:
            details.append(self.say("earlier"))
        if condition.until_at is not None:
            details.append(self.say("until", at=self.clock(condition.until_at)))
        said = self._pick(wording.REASONS[condition.code])
        return f"{said} ({', '.join(details)})" if details else said

    def standing(self, standing: Standing, until_at: Instant | None) -> str:
        """The place's situation in words."""
        said = self._pick(wording.STANDINGS[standing])
        return said if until_at is None else f"{said} ({self.say('until', at=self.clock(until_at))})"

    def event(self, fact: Fact) -> str | None:
        """What happened, or None for an event that users need not see."""
        if isinstance(fact, AnnouncementMade):
            return self._announcement(fact)
        both = wording.EVENTS.get(type(fact))
        return None if both is None else self._pick(both).format(**self._values(fact))

    def _values(self, fact: Fact) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in ("reason", "outcome"):
            found[name] = masked(self._pick(cause(str(getattr(fact, name, "")))))
        found["round"] = str(getattr(fact, "round", ""))
        agent_id = getattr(fact, "agent_id", None)
        found["agent"] = "" if agent_id is None else self.name(agent_id)
        found["waited"] = self.duration(getattr(fact, "waited_ms", 0))
        if isinstance(fact, PlaceTaken):
            found["deadline"] = self.clock(fact.deadline_at)
        if isinstance(fact, PlaceDiverted):
            found["action"] = self._pick(wording.ACTIONS[fact.action])
        if isinstance(fact, PlaceDiverted | NoAnswerReached):
            found["divert"] = self._pick(wording.DIVERTS[fact.reason])
        return found

    def _announcement(self, fact: AnnouncementMade) -> str:
        said = self._pick(wording.HEARD[fact.kind])
        if fact.position is None:
            return said
        told = self.say("told_position", position=fact.position)
        if fact.wait_estimate_ms is not None:
            told += self.say("told_wait", wait=self.duration(fact.wait_estimate_ms))
        return f"{said}: {told}"

    def duration(self, ms: int) -> str:
        """A time span."""
        return wording.duration(ms, self._language)

    def word(self, both: Both) -> str:
        """The word in the chosen language."""
        return self._pick(both)

    def after(self) -> str | None:
        """The customer's next place, if there is one."""
        end = self._watched.end
        if isinstance(end, PlaceDiverted) and end.to_department_id is not None:
            return self.say("passed_on", place=f"{end.place_id}+")
        if isinstance(end, CallbackTakenOver):
            return self.say("passed_on", place=end.place_id)
        first = [
            each.place_id
            for moment in self._watched.moments
            for each in moment.events
            if isinstance(each, CallbackConfirmed) and each.new_place_id == self._watched.taken.place_id
        ]
        return self.say("confirmed", place=first[0]) if first else None


def show(console: Console, watched: Watched, language: Language, *, is_full: bool) -> None:
    """Print the story's changes, then how long each reason lasted."""
    teller = Teller(watched, language, is_full=is_full)
    table = Table(title=teller.title(), title_justify="left", show_lines=False, pad_edge=False, box=None)
    table.add_column(teller.say("time"), style="dim", no_wrap=True)
    table.add_column(teller.say("waited"), justify="right", no_wrap=True)
    table.add_column(teller.say("position"), justify="right", style="bold", no_wrap=True)
    table.add_column(teller.say("what"), ratio=2)
    table.add_column(teller.say("who"), ratio=3)
    for _, moments in groupby(watched.moments, key=lambda moment: moment.at // 1000):
        second = tuple(moments)
        what, who = _what(teller, second), _who(teller, second)
        at, position = second[-1].at, second[-1].position
        if what.plain or who.plain or position is not None:
            table.add_row(
                teller.clock(at), teller.since(at), "" if position is None else str(position), what, who
            )
    console.print(table)
    if watched.end is None:
        console.print(teller.say("still"), style="yellow", highlight=False)
    after = teller.after()
    if after is not None:
        console.print(after, highlight=False)
    if watched.left_out:
        console.print(teller.say("cut", count=watched.left_out), style="yellow", highlight=False)
    if watched.spent_ms:
        console.print(f"\n[italic]{teller.say('spent')}[/]", highlight=False)
        console.print(_spent(teller, watched))


def _what(teller: Teller, moments: Sequence[Moment]) -> Text:
    said = []
    for moment in moments:
        said += [line for each in moment.events if (line := teller.event(each)) is not None]
        if moment.standing is not None and moment.standing[0] is not Standing.WAITING:
            said.append(teller.standing(*moment.standing))
    return Text("\n".join(dict.fromkeys(said)))


def _who(teller: Teller, moments: Sequence[Moment]) -> Text:
    """Each agent's condition at the end of the second."""
    last = {agent_id: condition for moment in moments for agent_id, condition in moment.agents}
    lines = []
    for agent_id, condition in last.items():
        style = "green" if condition.code in QUIET else "yellow"
        said = Text.assemble(f"{teller.name(agent_id)}: ", (teller.condition(condition), style))
        lines.append(said)
    return Text("\n").join(lines)


def _spent(teller: Teller, watched: Watched) -> Table:
    """The short answer: which reasons each agent had, and for how long."""
    table = Table(box=None, pad_edge=False)
    table.add_column(teller.say("agent"), no_wrap=True)
    table.add_column("")
    for agent_id, spent in watched.spent_ms.items():
        longest = sorted(spent.items(), key=lambda each: -each[1])
        said = [
            f"{teller.word(wording.REASONS[_code(code)])} {teller.duration(ms)}"
            for code, ms in longest
            if ms >= 500  # less than half a second would show as 0 s
        ]
        table.add_row(teller.name(agent_id), "; ".join(said))
    return table


def _code(code: str) -> SkipReason | Here:
    return Here(code) if code in set(Here) else SkipReason(code)
