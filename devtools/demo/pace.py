"""How fast the morning goes, and how much slower on a machine that has much else to do."""

from dataclasses import dataclass, replace
from typing import Final

READY_S_QUIET: Final = 15.0
"""Eight services become ready within this, started at once on two cores with nothing else to do."""
SLOWER_S_MAX: Final = 150.0
SILENCE_S: Final = 30.0
"""Nothing new on the log for so long, on a machine that is not slow: nothing more will come."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The morning's times; the prompts last as long as they last.

    The no-answer timeout leaves 15 s after the invitation, below which nobody is invited (C12).
    """

    no_answer_s: int
    invitation_s: int
    free_s: int
    second_free_s: int
    silence_s: float = SILENCE_S

    @property
    def talk_s(self) -> int:
        """Agents who are free at `free_s` still talk when nobody has come to the third customer in time.

        He calls three seconds after the beginning; some seconds are for what a machine is late.
        """
        return self.no_answer_s - self.free_s + 12

    def on(self, ready_s: float) -> "Pace":
        """The pace on the machine where the services took so long to become ready.

        The one that is killed will be away for as long again at worst, and the places that are open then
        must outlast it. The customers' orders come later, too, and the agents after them.
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
        """What the files of the demo have in braces."""
        return {
            "no_answer_s": self.no_answer_s,
            "invitation_s": self.invitation_s,
            "free_s": self.free_s,
            "second_free_s": self.second_free_s,
            "talk_s": self.talk_s,
        }


USUAL: Final = Pace(no_answer_s=42, invitation_s=8, free_s=27, second_free_s=32)
FAST: Final = Pace(no_answer_s=38, invitation_s=4, free_s=23, second_free_s=26)
