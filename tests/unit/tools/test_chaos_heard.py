"""From what a phone recorded to when somebody heard something."""

import json
from pathlib import Path
from typing import Any

from devtools.chaos.heard_calls import audible, of_talks, of_town
from devtools.chaos.lone_phone import TONE, Talk
from devtools.town.sound import SILENCE, WHISPER

PBX, LINE = "pbx-north", "+74950000100"
QUIET = SILENCE * 160


def test_a_tone_is_heard_and_a_phone_whose_person_says_nothing_is_not() -> None:
    """To the frame; a last piece that is no whole frame counts as one."""
    sound = QUIET * 3 + TONE * 2 + WHISPER * 5 + TONE + TONE[:80]
    assert audible(sound, 1_000) == [(1_060, 1_100), (1_200, 1_240)]
    assert audible(b"", 0) == []


def test_a_call_of_the_town_is_an_ear(tmp_path: Path) -> None:
    """Whoever called has a line, and a number unless it is withheld; nobody hears before the answer."""
    diaries: dict[str, dict[str, Any]] = {
        "1": {
            "name": "tel:+79000000001",
            "pbx_id": "pbx-north",
            "line": "+74950000100",
            "answered_at": 1_500,
        },
        "2": {"name": "withheld", "pbx_id": PBX, "line": LINE, "answered_at": 1_500},
        "3": {"name": "sip:210", "pbx_id": PBX, "answered_at": 1_500, "spoken": [[1_600, 1_700]]},
        "4": {"name": "tel:+79000000002", "answered_at": None},
    }
    for name, diary in diaries.items():
        times = {"begun_at": 1_000, "heard_from": 1_600, "ended_at": 2_000}
        (tmp_path / f"{name}.json").write_text(json.dumps({**times, **diary}))
        (tmp_path / f"{name}.alaw").write_bytes(QUIET + TONE)
    known, withheld, agent = of_town(tmp_path)
    assert (known.line, known.caller, known.address) == (LINE, "+79000000001", "")
    assert (withheld.line, withheld.caller) == (LINE, None)
    assert (agent.address, agent.line, agent.spoke) == ("sip:210", "", ((1_600, 1_700),))
    assert known.heard == withheld.heard == agent.heard == ((1_620, 1_640),)
    assert (known.begun_at, known.answered_at, known.ended_at) == (1_000, 1_500, 2_000)
    assert known.deaf_until == 1_600


def test_a_phone_that_is_no_asterisk_speaks_as_long_as_it_is_there() -> None:
    """What it heard it noted itself; a call that it never answered is no ear."""
    talk = Talk("c", invited_at=1.0, answered_at=2.0, ended_at=3.0, heard=[(2.1, 2.5)])
    [ear] = of_talks("298", PBX, [talk, Talk("d", invited_at=1.0)])
    assert (ear.address, ear.heard, ear.spoke) == ("sip:298", ((2_100, 2_500),), ((2_000, 3_000),))
