"""A simulated PBX with phones and people, deterministic by its seed: no I/O and no clock, except in `tcp`.

`script` says who calls and how phones behave; `network` holds the PBXs of one script and the phones they
share; `pbx` is one PBX, `legs` its legs and the people on them, `media` their plays and recordings. The
adapters are `memory`, and `tcp`, which speaks `wire` to `python -m ringback phones`.
"""

from services.gateway.simulated.audio import AudioLibrary
from services.gateway.simulated.memory import MemoryPbx
from services.gateway.simulated.network import SimulatedNetwork
from services.gateway.simulated.pbx import SimulatedPbx
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

__all__ = [
    "AudioLibrary",
    "Behaviour",
    "Call",
    "Condition",
    "MemoryPbx",
    "Network",
    "PbxScript",
    "Phone",
    "Script",
    "SimulatedNetwork",
    "SimulatedPbx",
    "Step",
]
