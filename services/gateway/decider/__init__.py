"""The gateway without I/O: commands, PBX events, records read back and the time go in; effects come out, in
order, and `activities` carries them out.

Theory of operation. A gateway is a sans-I/O machine (after h11), one per PBX:

* **One owner.** Its incarnation is the offset of its `pbx_claimed`. Before that it only recalls its own facts
  (`recovery`); after a newer claim it says `Superseded` and nothing more.
* **Say, read back, then do.** A leg is dialled, and a recording started, only when `leg_requested` or
  `recording_requested` has come back from the log with no newer claim before it. A new owner finds the
  request there and never dials it again: a requested leg that the PBX does not have ended as *lost*.
* **A return is confirmed.** When the PBX is there (again), nothing is asked of it before `pbx_returned` has
  come back from the log with no newer claim before it: who was cut off may reach the PBX first, and would
  end calls of the next owner as unknown.
* **Every command is answered once**, by a fact that names it. A command that was read and not yet answered
  before a crash is read again (its offset was not committed) and done again, which is harmless: ids are used
  once, and the adapter knows them.
* **Events decide, replies don't.** `Replied` only ends our asking again; a leg is answered or over when the
  PBX sends that event. «Gone» is a normal reply.
* **`leg_ended` is said once and last**: plays, digits and bridges of the leg are closed before it, and it
  waits up to 2 s for the leg's recordings. One that takes longer is fetched to its end, and said afterwards.
* **The PBX keeps a recording until S3 has it**: it is freed there when `recording_finished` was read back,
  and fetched as long as the PBX has it, over restarts of both.

`gateway_state` holds the state and collects effects. `commands`, `events`, `replies`, `leg_start`,
`leg_end`, `resync` (the PBX is back) and `recovery` (from our own facts) change it. `minutes` counts what the
organization has talked today. `gateway` is the machine's interface.
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
from services.gateway.decider.gateway import Gateway, SpooledRecording
from services.gateway.decider.minutes import Minutes

__all__ = [
    "Ask",
    "CloseRecording",
    "Count",
    "Effect",
    "FetchRecording",
    "Gateway",
    "Minutes",
    "Say",
    "Settled",
    "SpooledRecording",
    "Superseded",
]
