"""Audio files for notices: decoded at once, so that a faulty upload is refused with the reason (T4)."""

import asyncio
import hashlib
from typing import Final

from contracts.audio_keys import upload_key
from runtime import programs
from runtime.ports import Blobs, BlobsUnavailable
from runtime.uploads import Fault, Unfit, decoded
from services.directory.rules.errors import Code, Problem, RequestRefused

AT_ONCE_MAX: Final = 2
"""Decoders that run at once in one process."""
FAULTS: Final = {
    Fault.TOO_LARGE: Code.BODY_TOO_LARGE,
    Fault.NOT_AUDIO: Code.UPLOAD_NOT_AUDIO,
    Fault.BROKEN: Code.UPLOAD_BROKEN,
    Fault.TOO_LONG: Code.UPLOAD_TOO_LONG,
    Fault.SILENT: Code.UPLOAD_SILENT,
}


class Uploads:
    """Accepts files that can be played."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._free = asyncio.Semaphore(AT_ONCE_MAX)

    async def keep(self, organization_id: str, content: bytes) -> str:
        """Store a file, and return its key. Raises RequestRefused."""
        try:
            async with self._free:
                await decoded(content)
        except Unfit as error:
            raise RequestRefused(Problem(code=FAULTS[error.fault])) from error
        except (programs.ProgramMissing, OSError) as error:
            raise RequestRefused(Problem(code=Code.UPLOAD_UNCHECKED)) from error
        key = upload_key(organization_id, hashlib.sha256(content).hexdigest())
        try:
            await self._blobs.put(key, content)
        except BlobsUnavailable as error:
            raise RequestRefused(Problem(code=Code.UPLOAD_UNAVAILABLE)) from error
        return key
