"""Handles every fact that the service hears: answers of a gateway and of speech, and callbacks ordered."""

from contracts.callback import CallbackOrdered
from contracts.gateway import CommandRefused, ExtensionChecked
from contracts.tts import NoticeFailed, NoticeRendered
from runtime.edge import Heard
from services.directory.activities import outbox
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.notice_renderings import NoticeRenderings


class FactHandler:
    """Passes each fact to the part that keeps it; a fact heard twice changes nothing."""

    def __init__(
        self, extension_checks: ExtensionChecks, callbacks: Callbacks, notice_renderings: NoticeRenderings
    ) -> None:
        self._extension_checks = extension_checks
        self._callbacks = callbacks
        self._notice_renderings = notice_renderings

    async def hear(self, heard: Heard) -> None:
        """Handle one fact."""
        organization_id = heard.envelope.organization_id
        match heard.message:
            case ExtensionChecked(source=outbox.SOURCE) as answer:
                await self._extension_checks.note(organization_id, answer)
            case CommandRefused(source=outbox.SOURCE):
                # The PBX gave no answer: the request that waits for one runs into its timeout.
                return
            case NoticeRendered() | NoticeFailed() as fact:
                await self._notice_renderings.hear(organization_id, fact)
            case CallbackOrdered() as ordered:
                await self._callbacks.note(organization_id, ordered, heard.at)
            case _:
                return
