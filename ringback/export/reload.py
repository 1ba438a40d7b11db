"""Lets Asterisk read its files again: by ARI, at the address that the gateway has, or by a command."""

import logging
import os
import shlex
import subprocess
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from contracts.ids import PbxId
from runtime import plaintext, secret_files
from services.gateway.asterisk.address import read_address

BY_ARI: Final = "ari"
MODULES: Final = ("res_pjsip.so", "pbx_config.so")
"""What reads phones and trunks, and what reads the dialplan."""
RELOAD_S_MAX: Final = 30


class NotReloaded(Exception):
    """Asterisk was not asked, or said no; the message says why, and never a secret."""


def reload(how: str, organization_id: str, pbx_id: str) -> None:
    """Ask Asterisk to read its files again. Raises NotReloaded."""
    if how == BY_ARI:
        _by_ari(_address(organization_id, pbx_id))
    else:
        _by_command(how)


def _by_command(command: str) -> None:
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=RELOAD_S_MAX, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        raise NotReloaded(f"the command to reload does not run: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().partition("\n")[0][:200]
        raise NotReloaded(f"the command to reload ended with {done.returncode}: {said}")


def _by_ari(address: str) -> None:
    # httpx writes every address that it asks into the log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    where = urlsplit(address).hostname
    for module in MODULES:
        try:
            answer = httpx.put(f"{address}/asterisk/modules/{module}", timeout=RELOAD_S_MAX)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReloaded(f"ARI at {where} does not answer: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise NotReloaded(f"ARI at {where} answers {answer.status_code} to the reload of {module}")


def _address(organization_id: str, pbx_id: str) -> str:
    """ARI of the PBX, with its login, as the gateways know it. Raises NotReloaded."""
    name = f"{organization_id}/{pbx_id}"
    try:
        settings = secret_files.resolved(os.environ)
        known = msgspec.json.decode(settings.get("RINGBACK_PBXS", "{}"), type=dict[str, str])
    except secret_files.SecretFileUnusable as error:
        raise NotReloaded(str(error)) from error
    except msgspec.DecodeError as error:
        raise NotReloaded("RINGBACK_PBXS is no JSON object of addresses") from error
    if name not in known:
        raise NotReloaded(f"RINGBACK_PBXS has no address of {name}")
    try:
        url = read_address(PbxId(pbx_id), known[name]).url
        if urlsplit(url).scheme == "http":
            plaintext.refuse(
                "pbx",
                [urlsplit(url).hostname or ""],
                allowed_to=plaintext.allowed(settings.get("RINGBACK_ALLOW_PLAINTEXT_TO", "")),
                remedy="set ari+https://… in RINGBACK_PBXS",
            )
    except ValueError as error:
        raise NotReloaded(str(error)) from error
    return url
