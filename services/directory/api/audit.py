"""The route of the audit trail."""

from typing import Annotated, Any

from litestar import Controller, Request
from litestar.params import QueryParameter

from contracts.ids import Instant
from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from runtime.languages import accepted_language
from services.directory.activities.audit_reading import AuditFilters
from services.directory.api.methods import get
from services.directory.api.shared import (
    CurrentPrincipal,
    Cursor,
    GivenOperations,
    Limit,
    require,
    subject_of_organization,
)
from services.directory.state.responses import AuditListed

WhatKind = Annotated[
    str,
    QueryParameter(
        max_length=40,
        pattern=LINE_PATTERN,
        description="a kind of card, or an event or its first word: `session.login`",
    ),
]
Who = Annotated[
    str,
    QueryParameter(
        max_length=80,
        pattern=LINE_PATTERN,
        description="`agent/…`, `token/…`, as in a line's `who`",
    ),
]
At = Annotated[int, QueryParameter(ge=0, le=10**15, description="ms since 1970 UTC; 0: no limit")]


class AuditRoutes(Controller):
    """The audit trail."""

    path = "/audit"
    tags = ("audit",)

    @get()
    async def listed(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        kind: WhatKind = "",
        who: Who = "",
        since: At = 0,
        until: At = 0,
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> AuditListed:
        """Changes of cards and security events, newest first, in words by Accept-Language."""
        await require(operations, principal, Action.AUDIT_READ, "audit")
        filters = AuditFilters(
            kind=kind,
            who=who,
            since_at=Instant(since) if since else None,
            until_at=Instant(until) if until else None,
        )
        return await operations.audit_reading.listed(
            principal.organization_id,
            filters,
            accepted_language(request.headers.get("accept-language", "")),
            sees_numbers=principal.may(Action.NUMBER_SEE, subject_of_organization(principal)),
            cursor=cursor,
            limit=limit,
        )
