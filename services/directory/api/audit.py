"""The route of the audit trail."""

from litestar import Controller

from contracts.rights import Action
from services.directory.api.methods import get
from services.directory.api.shared import CurrentPrincipal, Cursor, GivenOperations, Limit, require
from services.directory.state.responses import (
    AuditListed,
)


class AuditRoutes(Controller):
    """The audit trail."""

    path = "/audit"
    tags = ("audit",)

    @get()
    async def listed(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> AuditListed:
        """The audit trail, newest first."""
        await require(operations, principal, Action.AUDIT_READ, "audit")
        return await operations.repository.audited(principal.organization_id, cursor=cursor, limit=limit)
