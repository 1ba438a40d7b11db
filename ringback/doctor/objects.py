"""S3: put, get, a link that anybody may fetch, and delete; without keys whether it can be reached."""

import asyncio
import ssl
import urllib.error
import urllib.request
from typing import Final

from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from runtime import checks, s3_blobs
from runtime.ports import BlobsUnavailable
from runtime.s3_blobs import S3Blobs

PART: Final = "s3"
KEY: Final = "checks/doctor"
DATA: Final = b"Ringback's doctor puts this, reads it and deletes it."
LINK_S: Final = 60
FETCH_S_MAX: Final = 20


async def examine(settings: Settings, scope: Scope) -> Section:
    """Look at the bucket. Its keys may be the environment's, so an endpoint or a key counts as configured."""
    section = Section("S3")
    if scope.webs and not scope.is_whole and PART not in scope.needed and _is_configured(settings):
        await _examine_reach(section, settings)
        return section
    if not scope.looks_at(PART) or not _is_configured(settings):
        section.not_configured("RINGBACK_S3_ENDPOINT or _ACCESS_KEY", is_needed=PART in scope.needed)
        return section
    where = f"{settings.s3_bucket} at {settings.s3_endpoint or settings.s3_region}"
    if section.lacks("put", await checks.s3(settings), where):
        return section
    blobs = s3_blobs.from_settings(settings)
    try:
        await _examine_object(section, settings, blobs)
    finally:
        blobs.close()
    return section


async def _examine_reach(section: Section, settings: Settings) -> None:
    """A service that has links and no keys: whatever S3 answers, it is there, and by its certificate."""
    endpoint = settings.s3_endpoint or f"https://{settings.s3_bucket}.s3.{settings.s3_region}.amazonaws.com"
    fault = await asyncio.to_thread(_unreached, endpoint, settings.s3_ca)
    section.green("reach", f"{endpoint}, without keys") if fault is None else section.red(
        "reach",
        f"{endpoint}: {fault}: recordings can't be heard; let this service through to S3, and give it the "
        "authority of its certificate in RINGBACK_S3_CA",
    )


def _is_configured(settings: Settings) -> bool:
    return bool(settings.s3_endpoint or settings.s3_access_key) or "s3_bucket" in settings.model_fields_set


async def _examine_object(section: Section, settings: Settings, blobs: S3Blobs) -> None:
    what = "get"
    try:
        await blobs.put(KEY, DATA)
        section.green("get", "as it was put") if await blobs.get(KEY) == DATA else section.red(
            "get", "another object came back than was put: look at what is between"
        )
        what = "link"
        link = await blobs.link(KEY, seconds=LINK_S, content_type="text/plain", name="doctor.txt")
        fault = await asyncio.to_thread(_fault_of, link, settings.s3_ca)
        section.green("link", "fetched without a login") if fault is None else section.red(
            "link",
            f"{fault}: a link to a recording does not lead to it; let the server take presigned requests "
            "(V4) under the name in RINGBACK_S3_ENDPOINT",
        )
        what = "delete"
        await blobs.delete(KEY)
        section.green("delete", "gone") if await blobs.get(KEY) is None else section.red(
            "delete", "it is still there: give the key s3:DeleteObject, or recordings outlive their retention"
        )
    except BlobsUnavailable as error:
        section.red(
            what, f"{error}: give the key s3:GetObject, s3:PutObject and s3:DeleteObject on the bucket"
        )


def _unreached(endpoint: str, ca: str) -> str | None:
    """Why a server can't be spoken to; None where it answers anything."""
    context = ssl.create_default_context(cafile=ca or None)
    try:
        with urllib.request.urlopen(endpoint, timeout=FETCH_S_MAX, context=context):  # noqa: S310  # a setting
            return None
    except urllib.error.HTTPError:
        return None
    except (urllib.error.URLError, OSError) as error:
        return str(getattr(error, "reason", error))


def _fault_of(link: str, ca: str) -> str | None:
    """Fetch a link as a browser would; what went wrong, without the link, which is a key to the object."""
    context = ssl.create_default_context(cafile=ca or None)
    try:
        with urllib.request.urlopen(link, timeout=FETCH_S_MAX, context=context) as answer:  # noqa: S310  # of our own S3
            return None if answer.read() == DATA else "another object came back"
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except (urllib.error.URLError, OSError) as error:
        return str(getattr(error, "reason", error))
