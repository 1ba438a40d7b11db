"""Handles every fact that the service hears: answers of gateways and speech, callbacks, access to history."""

from typing import Final

import structlog

from contracts.callback import CallbackOrdered
from contracts.gateway import CommandRefused, ExtensionChecked
from contracts.history import Accessed, AccessRefused, CustomerErased
from contracts.tts import NoticeFailed, NoticeRendered
from runtime.edge import Heard
from runtime.metrics import ALLOWANCES
from services.directory.activities import outbox
from services.directory.activities.audit_trail import AuditTrail
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.erasing import Erasing
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.notice_renderings import NoticeRenderings

REMEDY: Final = "look at who orders; see `python -m ringback operator ceilings`"
_log = structlog.get_logger()


class FactHandler:
    """Passes each fact to the part that keeps it; a fact heard twice changes nothing."""

    def __init__(
        self,
        extension_checks: ExtensionChecks,
        callbacks: Callbacks,
        notice_renderings: NoticeRenderings,
        trail: AuditTrail,
        erasing: Erasing,
    ) -> None:
        self._trail = trail
        self._erasing = erasing
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
            case Accessed() | AccessRefused() as fact:
                await self._trail.hear(heard.envelope, heard.at, fact)
            case CustomerErased() as erased:
                await self._erasing.hear(heard, erased)
            case CallbackOrdered() as ordered:
                if ordered.is_alarm:
                    ALLOWANCES.labels("orders").inc()
                    _log.warning("dialling.orders_run_low", organization_id=organization_id, remedy=REMEDY)
                await self._callbacks.note(organization_id, ordered, heard.at)
            case _:
                return
