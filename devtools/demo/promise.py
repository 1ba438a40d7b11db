"""The type of the demo's promises."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise, whether it was kept, and what the log says of it."""

    text: str
    is_kept: bool
    shown: str
