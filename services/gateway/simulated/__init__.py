"""A simulated PBX with phones and people, as deterministic as its seed: no I/O, no clock (but in `tcp`).

`script` says who calls and how phones behave, `town` holds the PBXs of one script and the phones they share,
`exchange` is one PBX, `people` are who does what on a leg, `sounds` is what is played and recorded. Adapters
are `memory` and `tcp`, which speak `wire` to `python -m tools phones`.
"""

from services.gateway.simulated.exchange import SimulatedPbx
from services.gateway.simulated.memory import MemoryPbx
from services.gateway.simulated.script import (
    Behaviour,
    Call,
    Condition,
    Network,
    PbxScript,
    Phone,
    Script,
    Step,
)
from services.gateway.simulated.sounds import Sounds, canonical_ms
from services.gateway.simulated.town import Town

__all__ = [
    "Behaviour",
    "Call",
    "Condition",
    "MemoryPbx",
    "Network",
    "PbxScript",
    "Phone",
    "Script",
    "SimulatedPbx",
    "Sounds",
    "Step",
    "Town",
    "canonical_ms",
]
