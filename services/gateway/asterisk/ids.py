"""The ids that we give in Asterisk: each has a mark, so that what is somebody else's is never touched."""

from typing import Final

from contracts.ids import LegId, PbxId
from services.gateway.asterisk.address import ID_LENGTH_MAX

MARK: Final = "rb."


def marked(name: str) -> str:
    """The id in Asterisk of a leg, a play, a recording or a bridge of ours."""
    return MARK + name


def unmarked(found: str) -> str | None:
    """Whose id this is with us, or None: it is not ours."""
    return found.removeprefix(MARK) if found.startswith(MARK) else None


def is_fit(name: str) -> bool:
    """Whether Asterisk keeps this id whole."""
    return len(marked(name).encode()) <= ID_LENGTH_MAX


def arrived_leg(pbx_id: PbxId, channel_id: str) -> LegId:
    """The leg of a call that arrived: Asterisk made its channel and gave it the id."""
    return LegId(f"in.{pbx_id}.{channel_id}")
