"""How fast the morning goes, and how much slower on a busy machine."""

from dataclasses import dataclass, replace
from typing import Final

READY_S_QUIET: Final = 15.0
"""Eight services, started at once on two idle cores, become ready within this time."""
SLOWER_S_MAX: Final = 150.0
SILENCE_S: Final = 30.0
"""If the log has nothing new for so long, on a machine that is not slow, nothing more will come."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The morning's times; prompts keep their own length.

    The no-answer timeout leaves 15 s after the invitation; with less time, no caller is invited (C12).
    """

    no_answer_s: int
    invitation_s: int
    free_s: int
    second_free_s: int
    silence_s: float = SILENCE_S

    @property
    def talk_s(self) -> int:
        """How long agents talk: until `free_s`, and so long that the third customer's deadline passes first.

        That customer calls three seconds after the beginning; some seconds are for a machine's delays.
        """
        return self.no_answer_s - self.free_s + 12

    def on(self, ready_s: float) -> "Pace":
        """The pace on a machine on which the services took so long to become ready.

        A killed service will be away for as long at worst, and the open places must outlast that. The
        customers' orders come later, too, and the agents after them.
        """
        slower_s = round(min(SLOWER_S_MAX, max(0.0, ready_s - READY_S_QUIET)))
        return replace(
            self,
            no_answer_s=self.no_answer_s + slower_s,
            free_s=self.free_s + slower_s // 4,
            second_free_s=self.second_free_s + slower_s // 4,
            silence_s=self.silence_s + 2 * slower_s,
        )

    def times(self) -> dict[str, int]:
        """The values for the braces in the demo's files."""
        return {
            "no_answer_s": self.no_answer_s,
            "invitation_s": self.invitation_s,
            "free_s": self.free_s,
            "second_free_s": self.second_free_s,
            "talk_s": self.talk_s,
        }


USUAL: Final = Pace(no_answer_s=42, invitation_s=8, free_s=27, second_free_s=32)
FAST: Final = Pace(no_answer_s=38, invitation_s=4, free_s=23, second_free_s=26)
