"""What speech is asked for and what came of it. Results are idempotent by their subject."""

from contracts.dialling import HOME_REGION
from contracts.directory import Language
from contracts.ids import MediaKey, NoticeId
from contracts.message import Command, Fact


class RenderNotice(Command, tag="speech.render_notice", frozen=True, kw_only=True):
    """Make a notice playable: speak `text`, or bring the upload at `key` into the canonical form.

    `values` fills the placeholders that are known when saved (department, employee, return_date);
    those of a call (position, wait_minutes, number) stay open and become gaps between the parts. `region`
    is the country (ISO 3166) whose way of grouping the numbers in the text have that name none.
    """

    notice_id: NoticeId
    version: int
    language: Language
    text: str = ""
    key: MediaKey | None = None
    values: dict[str, str] = {}
    region: str = HOME_REGION


class NoticeRendered(Fact, tag="tts.notice_rendered", frozen=True, kw_only=True):
    """A notice can be played: `parts` in order, each a key, or a placeholder such as `{position}`."""

    notice_id: NoticeId
    version: int
    language: Language
    parts: tuple[str, ...]
    duration_ms: int


class NoticeFailed(Fact, tag="tts.notice_failed", frozen=True, kw_only=True):
    """A notice can't be made playable now; its predecessor stays live. `is_final`: no retry will help.

    `reason` is in the notice's language, `reasons` is the same in every language.
    """

    notice_id: NoticeId
    version: int
    reason: str
    is_final: bool
    reasons: dict[str, str] = {}
