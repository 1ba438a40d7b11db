"""Calls that strain a PBX: a phone that is gone without a word, a very long one, two hundred at once."""

import time
from typing import Final

from contracts.gateway import RecordingFinished
from devtools.chaos.asterisk_workload import (
    CROWD,
    CROWD_LINE,
    LONE_LINE,
    crowd,
    long_call,
    short_call,
)
from devtools.chaos.asterisks import Asterisks, Office
from devtools.chaos.fault_context import Doing, Strike
from devtools.chaos.plan import Kind

TALKED_S: Final = 4.0
"""How long a conversation lasts before the phone is gone: it is bridged, and recorded."""
NEVER_S: Final = 90.0
"""A call that is not answered by then met another fault."""
LONG_S: Final = 200.0
"""Four refreshes of a session of 90 s: what happens four times happens in two hours, too."""
REFRESHES_MIN: Final = 3
"""One may fall into the moment of the end."""
SHARE_RECORDED_MIN: Final = 0.95
"""The recording begins with the bridge, a moment after the phone was picked up."""
LOOK_S: Final = 0.5


class OnCalls:
    """Makes the calls, and watches what becomes of them."""

    def __init__(self, doing: Doing, asterisks: Asterisks) -> None:
        self._doing = doing
        self._asterisks = asterisks

    def _open_legs(self) -> set[str]:
        return set(self._doing.cluster.progress.open("leg").get("leg", ()))

    # A phone that is gone

    def lose_phone(self, company: str) -> None:
        """Let somebody talk with a phone, and let that be gone."""
        office = self._asterisks.offices[company]
        # No other fault of this PBX may end the call before.
        holds = {f"phone {company}", f"pbx {company}"}
        self._doing.held |= holds
        self._asterisks.call(office, short_call(office.number, LONE_LINE))
        strike = self._doing.add(Kind.PHONE_GONE, company, lambda: False, counts=False)
        strike.company = company
        self._doing.soon(LOOK_S, lambda: self._await_talk(office, strike, holds))

    def _await_talk(self, office: Office, strike: Strike, holds: set[str]) -> None:
        talk = office.phone.talk
        if talk is not None and talk.answered_at is not None and time.time() - talk.answered_at > TALKED_S:
            legs = self._doing.cluster.progress.legs_to(f"sip:{office.phone.extension}")
            office.phone.vanish()
            strike.is_working = lambda: not legs & self._open_legs()
            self._doing.start_counting(strike)
            self._doing.soon(LOOK_S, lambda: self._await_end(office, strike, holds))
        elif self._doing.lasted_s(strike) > NEVER_S:
            strike.was_felt = False
            strike.is_working = lambda: True
            self._doing.start_counting(strike)
            self._doing.held -= holds
        else:
            self._doing.soon(LOOK_S, lambda: self._await_talk(office, strike, holds))

    def _await_end(self, office: Office, strike: Strike, holds: set[str]) -> None:
        """A phone that was given up is switched on again."""
        if strike.recovered_s is None:
            self._doing.soon(LOOK_S, lambda: self._await_end(office, strike, holds))
            return
        office.phone.rise()
        self._doing.held -= holds

    # A very long call

    def talk_long(self, company: str) -> None:
        """Let two people talk for a very long time; the agent hangs up."""
        office = self._asterisks.offices[company]
        self._doing.held.add(f"phone {company}")
        self._asterisks.call(office, long_call(office.number, LONG_S))
        strike = self._doing.add(Kind.LONG_CALL, company, lambda: False, counts=False)
        strike.company = company
        self._doing.soon(LOOK_S, lambda: self._await_hang_up(office, strike))

    def _await_hang_up(self, office: Office, strike: Strike) -> None:
        talk = next((each for each in office.phone.talks if each.answered_at is not None), None)
        now = time.time()
        if talk is None or talk.answered_at is None:
            if self._doing.lasted_s(strike) > NEVER_S:
                self._finish_long(strike, "was never answered")
                return
        elif talk.ended_at is not None:
            self._finish_long(strike, f"ended after {talk.ended_at - talk.answered_at:.0f} s")
            return
        elif now - talk.answered_at > LONG_S:
            office.phone.hang_up()
            wrong = "" if talk.refreshes >= REFRESHES_MIN else f"was refreshed {talk.refreshes} times"
            self._finish_long(strike, wrong)
            return
        self._doing.soon(LOOK_S, lambda: self._await_hang_up(office, strike))

    def _finish_long(self, strike: Strike, wrong: str) -> None:
        self._doing.held.discard(f"phone {strike.company}")
        if wrong:
            self._doing.findings.append(f"the conversation of {LONG_S:.0f} s {wrong}")
        finished = self._doing.cluster.progress.recordings

        def is_kept() -> bool:
            return bool(wrong) or any(_is_whole(each) for each in finished)

        strike.is_working = is_kept
        self._doing.start_counting(strike)

    # A crowd

    def crowd(self, company: str) -> None:
        """Two hundred people call at once; it is over, for everybody, when each of them has a place."""
        office = self._asterisks.offices[company]
        progress = self._doing.cluster.progress
        before = progress.places_of[office.name]
        self._doing.add(Kind.CROWD, company, lambda: progress.places_of[office.name] >= before + CROWD)
        for call in crowd(office.number, CROWD_LINE):
            self._asterisks.call(office, call)


def _is_whole(recording: RecordingFinished) -> bool:
    return recording.ok and recording.duration_ms >= SHARE_RECORDED_MIN * LONG_S * 1000
