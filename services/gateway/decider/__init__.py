"""The gateway without I/O: what goes in are commands, happenings, records read back and the clock; what comes
out are effects, in order, for the shell in `activities` to carry out.

Theory of operation. A gateway is a sans-I/O machine (after h11) per PBX:

* **One owner.** Its incarnation is the offset of its `pbx_claimed`. Before that it only recalls its own facts
  (`past`); a newer claim makes it say `Superseded` and nothing else, ever.
* **Say, read back, then do.** A leg is dialled, and a recording started, only when `leg_requested` or
  `recording_requested` has come back from the log with no newer claim before it. Whoever takes over finds the
  request there and never dials it again: a requested leg that the PBX does not have ended as *lost*.
* **Every command is answered once**, by a fact that names it. A command that was read and not yet answered
  before a crash is read again (its offset was not committed) and done again, which is harmless: ids are used
  once, and the adapter knows them.
* **Facts decide, replies don't.** `Replied` only ends our asking again; a leg is answered or over when the
  PBX tells so. «Gone» is a normal reply.
* **`leg_ended` is said once and last**: plays, digits and bridges of the leg are closed before it, and it
  waits up to 2 s for the leg's recordings.

`book` holds the state and the means to speak; `commands`, `happenings`, `endings` and `past` are its verbs;
`gateway` is the machine's face.
"""

from services.gateway.decider.effects import (
    Ask,
    CloseRecording,
    Count,
    Effect,
    FetchRecording,
    Say,
    Settled,
    Superseded,
)
from services.gateway.decider.gateway import Gateway, Kept

__all__ = [
    "Ask",
    "CloseRecording",
    "Count",
    "Effect",
    "FetchRecording",
    "Gateway",
    "Kept",
    "Say",
    "Settled",
    "Superseded",
]
