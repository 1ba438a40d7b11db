"""Keys of audio in the bucket, and whether a key is an organization's own (O1).

A key on the log or in a request is a claim: whoever opens, removes or renders the object judges it here
first. Speech (`speech/…`) is named by its content and belongs to nobody.
"""

import hashlib
import re
from typing import Final

from contracts.ids import MediaKey, OrganizationId

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""One name without a folder: neither `..` nor an encoded slash."""


def upload_key(organization_id: str, digest: str) -> MediaKey:
    """An uploaded file's key, by its SHA-256: equal files of an organization are one object."""
    return MediaKey(f"uploads/{organization_id}/{digest}")


def is_own_upload(organization_id: str, key: str) -> bool:
    """Whether a key is that of a file which the organization has uploaded."""
    prefix = upload_key(organization_id, "")
    return key.startswith(prefix) and _DIGEST.fullmatch(key, len(prefix)) is not None


def recording_key(organization_id: str, digest: str) -> MediaKey:
    """The key of a recording as its gateway stored it."""
    return MediaKey(f"{organization_id}/recordings/{digest}.wav")


def folder_of(organization_id: OrganizationId) -> str:
    """An organization's folder of voice messages and letters; hashed, because an id may be a name."""
    return hashlib.sha256(b"organization/" + organization_id.encode()).hexdigest()[:16]


def message_key(organization_id: OrganizationId, digest: str, kind: str) -> MediaKey:
    """The key of what voicemail made of a recording: `mp3`, or the `original` of a spool."""
    return MediaKey(f"voice-messages/{folder_of(organization_id)}/{digest}.{kind}")


def is_own_recording(organization_id: OrganizationId, key: str) -> bool:
    """Whether a key is that of a recording or a voice message of the organization."""
    prefixes = (f"{organization_id}/recordings/", f"voice-messages/{folder_of(organization_id)}/")
    return any(
        key.startswith(prefix) and _NAME.fullmatch(key, len(prefix)) is not None for prefix in prefixes
    )
