"""What strangers write through a PBX is cleaned, never refused: the call goes on."""

import pytest

from contracts import withheld
from contracts.ids import Instant, LegId
from services.gateway import port
from tests.invisible import HIDDEN, OF_LINES

LEG = LegId("in.1")


@pytest.mark.rule("G5")
@pytest.mark.parametrize("character", [*HIDDEN, *OF_LINES, chr(0xD800), chr(0xDFFF)], ids=ascii)
def test_no_number_line_or_reason_has_an_invisible_character(character: str) -> None:
    """A name may be written backwards, and a number may hide another."""
    caller, line = f"+7916{character}5550001", f"{character}+74950001000{character}"
    arrived = port.Arrived(leg_id=LEG, caller=caller, line=line)
    seen = port.LegSeen(
        leg_id=LEG, is_answered=False, is_arrived=True, since_at=Instant(0), caller=caller, line=line
    )
    for each in (arrived, seen):
        assert (each.caller, each.line) == ("+79165550001", "+74950001000")
    refused = port.Replied(request=1, result=port.Result.REFUSED, reason=f"no{character} trunk")
    assert refused.reason == "no trunk"
    assert withheld.known(f"Аноним{character}") is None


@pytest.mark.rule("G5")
def test_what_is_long_is_cut() -> None:
    """A megabyte of text in one event would be refused by every reader of the log."""
    arrived = port.Arrived(leg_id=LEG, caller="1" * 10**6, line="2" * 10**6)
    assert len(arrived.caller or "") == withheld.LENGTH_MAX
    assert len(arrived.line) == port.WORDS_LENGTH_MAX
