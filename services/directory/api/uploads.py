"""The route that takes audio files for notices."""

from typing import Any

from litestar import Controller, Request

from contracts.rights import Action
from services.directory.api.methods import post
from services.directory.api.shared import CurrentPrincipal, GivenOperations, require
from services.directory.state.responses import (
    UploadShown,
)


class UploadRoutes(Controller):
    """Audio files for notices."""

    path = "/uploads"
    tags = ("notices",)

    @post(quota="uploads")
    async def upload(
        self, request: Request[Any, Any, Any], operations: GivenOperations, principal: CurrentPrincipal
    ) -> UploadShown:
        """Check and keep an audio file, the request's body (WAV, MP3, OGG/Opus, M4A, 10 MB, 5 min)."""
        await require(operations, principal, Action.SETTINGS_WRITE, "upload")
        data = await request.body()
        await operations.usages.count_upload(principal.organization_id, len(data))
        return UploadShown(key=await operations.uploads.keep(principal.organization_id, data))
