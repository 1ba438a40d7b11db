"""What a side is made of: processes, their processor time and their memory."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from devtools.bench.machine import processor_s, rss_bytes

PBX_PART: Final = "asterisk"


class Reading(Struct, frozen=True):
    """Processor seconds and resident bytes of each process at one moment."""

    processor_s: dict[str, float]
    rss_bytes: dict[str, int]

    def since(self, earlier: "Reading") -> "Reading":
        """What has been added since an earlier reading."""
        return Reading(
            {name: now - earlier.processor_s[name] for name, now in self.processor_s.items()},
            {name: now - earlier.rss_bytes[name] for name, now in self.rss_bytes.items()},
        )

    @property
    def busy_s(self) -> float:
        """The processor seconds of all."""
        return sum(self.processor_s.values())


def read(pids: Mapping[str, int]) -> Reading:
    """Read every process of a side."""
    return Reading(
        {name: processor_s(pid) for name, pid in pids.items()},
        {name: rss_bytes(pid) for name, pid in pids.items()},
    )


def shares(values: Mapping[str, float], *, least: float = 0.05) -> str:
    """The parts of a sum that are worth naming, the largest first: «queue 6.1, gateway 4.2, others 0.3»."""
    whole = sum(values.values())
    named = {name: each for name, each in values.items() if each >= least * whole}
    words = [f"{name} {each:.3g}" for name, each in sorted(named.items(), key=lambda pair: -pair[1])]
    rest = whole - sum(named.values())
    return ", ".join([*words, f"others {rest:.3g}"] if len(named) < len(values) else words)
