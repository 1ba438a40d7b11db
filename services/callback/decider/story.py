"""A callback's story: one line for each step, told by the fact that ends the callback (C13)."""

import msgspec

from contracts.ids import AgentId, LegId
from services.callback import rules
from services.callback.state import CallbackState
from services.callback.state.records import Callback, StoryLine


def with_line(
    state: CallbackState,
    callback: Callback,
    what: str,
    *,
    agent_id: AgentId | None = None,
    leg_id: LegId | None = None,
    reason: str = "",
) -> Callback:
    """The callback with one more line in its story; lines beyond the maximum are only counted."""
    if len(callback.story) >= rules.STORY_LINES_MAX:
        return msgspec.structs.replace(callback, story_left_out=callback.story_left_out + 1)
    line = StoryLine(state.now_at, what, agent_id, leg_id, reason)
    return msgspec.structs.replace(callback, story=(*callback.story, line))
