"""The demo's morning fits the machine it is played on."""

import string

import pytest

from devtools.demo import pace
from devtools.demo.run import HERE, is_followed, parsed
from devtools.demo.softphones import AGENT, with_agent
from ringback.apply import office
from ringback.apply.document import read

SPEECH_S = 15
"""C12: no caller is invited with less time than this left."""
BRIDGED_AFTER_S = 4
"""The shortest time from a free agent to a talk."""
THIRD_CALLS_S = 3


@pytest.mark.parametrize("planned", [pace.USUAL, pace.FAST], ids=["usual", "fast"])
@pytest.mark.parametrize("ready_s", [5, 15, 40, 90, 1_000])
def test_n3_whoever_is_killed_may_be_away_as_long_as_the_services_took_to_start(
    planned: pace.Pace, ready_s: float
) -> None:
    """The places that are open then outlast it, and the story stays the same one."""
    on = planned.on(ready_s)
    away_s = min(ready_s, pace.READY_S_QUIET + pace.SLOWER_S_MAX)
    ordered_s = THIRD_CALLS_S + on.invitation_s + 6
    assert ordered_s < on.free_s < on.second_free_s
    # Who ordered first has a place until no_answer_s + 1.
    assert on.no_answer_s + 1 - ordered_s > away_s
    assert on.no_answer_s - on.invitation_s >= SPEECH_S
    # To the third customer nobody comes in time, however early the agents talk.
    assert on.free_s + BRIDGED_AFTER_S + on.talk_s > THIRD_CALLS_S + on.no_answer_s
    assert on.silence_s > away_s


@pytest.mark.parametrize("planned", [pace.USUAL, pace.FAST], ids=["usual", "fast"])
def test_n3_a_machine_with_nothing_else_to_do_plays_the_planned_morning(planned: pace.Pace) -> None:
    """A user with an idle machine does not wait as long as a slow one needs."""
    assert planned.on(pace.READY_S_QUIET) == planned
    # To the third customer's deadline, then half a minute for apology, message and letter.
    assert THIRD_CALLS_S + planned.no_answer_s + 30 < 90


@pytest.mark.parametrize("ready_s", [5, 1_000])
def test_n3_an_office_at_any_pace_is_one_that_the_directory_saves(ready_s: float) -> None:
    """Its longest times are within what an office may have."""
    text = string.Template((HERE / "office.yaml").read_text(encoding="utf-8"))
    sheet, problems = office.examine(read(text.substitute(pace.FAST.on(ready_s).times()), "office.yaml"))
    assert sheet is not None, [problem.cause for problem in problems]


@pytest.mark.parametrize(
    ("given", "is_watched", "is_followed_by_it"),
    [
        ("", True, True),
        ("--kill callback", True, True),
        ("", False, False),
        ("--fast", True, False),
        ("--svg x.svg", True, False),
        ("--phones asterisk", True, False),
        ("--phones asterisk --listen 192.0.2.1", True, False),
    ],
)
def test_the_working_company_follows_the_morning_of_whoever_can_end_it(
    given: str, is_watched: bool, is_followed_by_it: bool
) -> None:
    """Without a terminal, and where something else was asked for, the demo ends by itself."""
    assert is_followed(parsed(given.split()), is_watched=is_watched) == is_followed_by_it


def test_the_office_with_a_softphone_has_one_more_agent_of_sales() -> None:
    """`LISTEN=address`: after the morning somebody's own phone rings with the others."""
    text = string.Template((HERE / "office.yaml").read_text(encoding="utf-8"))
    sheet, problems = office.examine(read(with_agent(text.substitute(pace.FAST.times())), "office.yaml"))
    assert sheet is not None, [problem.cause for problem in problems]
    assert sheet.employees["you"].extension == AGENT
    assert "you" in [seat.agent_id for seat in sheet.departments["sales"].agents]
