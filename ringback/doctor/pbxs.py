"""Every PBX of the gateway, without ringing anybody and without taking it from the gateway.

An Asterisk gives each application's events to the last one that connects under its name, so the doctor has a
name of its own. What needs a channel gets one that leads nowhere and is not dialled, and a play is played
into an empty bridge.
"""

import asyncio
import secrets
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from contracts.ids import Address
from ringback.doctor.findings import Section
from ringback.doctor.scope import PBXS, Scope, Settings
from runtime import plaintext
from runtime.memory import MemoryBlobs
from services.gateway.activities.pbx_registry import owned
from services.gateway.asterisk import requirements
from services.gateway.asterisk.address import AsteriskAddress, read_address
from services.gateway.asterisk.ari import AriEvent, AriObject, Endpoint
from services.gateway.asterisk.client import AriClient, AriError, Refused, connected, path
from services.gateway.asterisk.media import MediaFolder, media_of
from services.gateway.asterisk.tone import RECORDING_TONE, recording_tone
from services.gateway.service import adapter_at
from services.gateway.simulated import wire

NAME: Final = "ringback-doctor"
LOOK_S_MAX: Final = 60.0
PLAY_S_MAX: Final = 15.0
"""A tone of a fifth of a second, which Asterisk may have to fetch over a network first."""
ONLINE, OFFLINE = "online", "offline"
SOMEBODY: Final = Address("tel:+78000000000")
"""Only its endpoint is looked up; it is not dialled."""
REMEDY: Final = "check that it runs, and its address in RINGBACK_PBXS"


class _Application(AriObject, frozen=True, kw_only=True):
    name: str


class _Value(AriObject, frozen=True, kw_only=True):
    value: str


async def examine(settings: Settings, scope: Scope) -> list[Section]:
    """Look at each PBX that RINGBACK_PBXS names."""
    if not settings.pbxs:
        section = Section("PBXs")
        section.not_configured(PBXS, is_needed=PBXS in scope.needed)
        return [section]
    looks = (
        _examine(name, address.get_secret_value(), settings)
        for name, address in sorted(settings.pbxs.items())
    )
    return list(await asyncio.gather(*looks))


async def _examine(name: str, address: str, settings: Settings) -> Section:
    section = Section(f"PBX {name}")
    try:
        _, pbx_id = owned(name)
        adapter_at(address, allowed_to=plaintext.allowed(settings.allow_plaintext_to))
        asterisk = None if address.startswith("tcp:") else read_address(pbx_id, address)
        tls = None if asterisk is None else asterisk.tls()
    except ValueError as error:
        section.red("address", f"{PBXS}: {error}")
        return section
    try:
        async with asyncio.timeout(LOOK_S_MAX):
            if asterisk is None:
                await _examine_simulated(section, address)
            else:
                await _examine_asterisk(section, asterisk, tls, settings)
    except TimeoutError:
        section.red("answers", f"no answer within {LOOK_S_MAX:.0f} s; {REMEDY}")
    except AriError as error:
        section.red("answers", f"{type(error).__name__}: {error}; it answered a moment ago: look again")
    return section


async def _examine_simulated(section: Section, address: str) -> None:
    """Ask it for its counts: a greeting with its name would take it from the gateway."""
    where = urlsplit(address)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=wire.LINE_BYTES_MAX)
        writer.write(wire.line(wire.Greeting(control=wire.Control())))
        answer = await reader.readline()
        writer.close()
    except (OSError, ValueError) as error:
        section.red("answers", f"{where.hostname}:{where.port}: {error}; {REMEDY}")
        return
    # Every line-based protocol greets with a line; only this one counts.
    if answer.startswith(b'{"counts"'):
        section.green("answers", f"{where.hostname}:{where.port}, simulated")
    else:
        section.red("answers", f"{where.hostname}:{where.port} is no simulated PBX; {REMEDY}")


async def _examine_asterisk(
    section: Section, address: AsteriskAddress, tls: ssl.SSLContext | None, settings: Settings
) -> None:
    where = urlsplit(address.url)
    over: dict[str, asyncio.Future[str]] = {}

    def hear(event: AriEvent) -> None:
        waits = over.get(event.playback.id) if event.playback is not None else None
        if event.type == "PlaybackFinished" and waits is not None and not waits.done():
            waits.set_result(event.playback.state if event.playback is not None else "")

    try:
        client = await connected(lambda: AriClient(address.url, NAME, hear, tls=tls))
    except Refused as error:
        section.red("answers", f"{error}: check user and password in {PBXS} and ari.conf, and the port")
        return
    except ssl.SSLCertVerificationError as error:
        section.red(
            "answers", f"{error.verify_message}: set ca= in {PBXS} to the authority of its certificate"
        )
        return
    except OSError as error:
        section.red("answers", f"{where.hostname}:{where.port}: {error}; {REMEDY}")
        return
    try:
        try:
            version = await requirements.check(client, address)
        except requirements.Unfit as unfit:
            section.red("version and modules", f"found {unfit.found}: needed are {unfit.needed}")
            return
        section.green("answers", f"{where.hostname}:{where.port}")
        section.green("version and modules", f"Asterisk {version}")
        await _examine_application(section, client, address)
        await _examine_phones(section, client, address)
        trunk = await _examine_trunk(section, client, address)
        await _examine_dialplan(section, client, address, trunk)
        await _examine_play(section, client, address, settings, over)
    finally:
        await client.close()


async def _examine_application(section: Section, client: AriClient, address: AsteriskAddress) -> None:
    """Whether a gateway is connected: Asterisk knows an application as long as somebody listens to it."""
    listed = (await client.insist("GET", "applications")).read(list[_Application])
    if address.app in {each.name for each in listed}:
        section.green("application", f"a gateway listens as {address.app}")
    else:
        section.red(
            "application",
            f"nobody listens as {address.app}, and calls go where the dialplan's fallback says: start the "
            "gateway",
        )


async def _examine_phones(section: Section, client: AriClient, address: AsteriskAddress) -> None:
    technology = address.phone.partition("/")[0]
    reply = await client.insist("GET", path("endpoints", technology))
    # Without any endpoint of a technology Asterisk says 404.
    endpoints = reply.read(list[Endpoint]) if reply.is_ok else []
    phones = [
        each for each in endpoints if address.phone_of(f"{each.technology}/{each.resource}") is not None
    ]
    registered = sum(each.state == ONLINE for each in phones)
    if not phones:
        section.red(
            "phones", "none: include what `python -m ringback export pjsip` writes (docs/asterisk.md, 7)"
        )
    elif not registered:
        section.red("phones", f"none of {len(phones)} is registered: look at one's server, user and password")
    else:
        section.green("phones", f"{registered} of {len(phones)} are registered")


async def _examine_trunk(section: Section, client: AriClient, address: AsteriskAddress) -> str:
    """Look at the endpoint of the public network; its name."""
    found = address.endpoint(SOMEBODY)
    assert found is not None, "a plain number can always be dialled"
    name = found[1]
    reply = await client.insist("GET", path("endpoints", *found))
    if not reply.is_ok:
        section.red("trunk", f"there is no endpoint {name}: name yours with trunk= in {PBXS}, or export one")
    elif (state := reply.read(Endpoint).state) == OFFLINE:
        section.red("trunk", f"{name} is out of reach: check its address, login and network")
    else:
        section.green("trunk", f"{name} is {state}")
    return name


async def _examine_dialplan(
    section: Section, client: AriClient, address: AsteriskAddress, trunk: str
) -> None:
    """Ask a channel that leads to the dialplan and is not dialled: only a channel reads it."""
    channel = f"{NAME}.{secrets.token_hex(4)}"
    made = await client.request(
        "POST",
        "channels/create",
        query={"endpoint": f"Local/s@{address.context}/n", "app": NAME, "channelId": channel},
    )
    if not made.is_ok:
        section.red(
            "dialplan", f"no channel leads to {address.context} ({made.status}): load chan_local and it"
        )
        return
    try:
        context = await _variable(client, channel, f"PJSIP_ENDPOINT({trunk},context)")
        for each, whose in ((address.context, "phones"), (context, "the trunk's calls")):
            if not each:
                section.not_tried(
                    "dialplan", f"where {whose} go: {trunk} or func_pjsip_endpoint is not there"
                )
            elif await _variable(client, channel, f"DIALPLAN_EXISTS({each})") == "1":
                section.green("dialplan", f"{each}, where {whose} go")
            else:
                section.red(
                    "dialplan",
                    f"there is no context {each}, where {whose} go: include the exported "
                    f"ringback-extensions.conf, or name yours with context= in {PBXS}",
                )
    finally:
        await client.insist("DELETE", path("channels", channel))


async def _variable(client: AriClient, channel: str, name: str) -> str:
    reply = await client.insist("GET", path("channels", channel, "variable"), query={"variable": name})
    return reply.read(_Value).value if reply.is_ok else ""


async def _examine_play(
    section: Section,
    client: AriClient,
    address: AsteriskAddress,
    settings: Settings,
    over: dict[str, asyncio.Future[str]],
) -> None:
    """Play the gateway's own tone, from where the gateway puts it, into a bridge with nobody in it."""
    if not address.media:
        section.red(
            "play", f"nothing can be played: add media= to the address in {PBXS} (docs/asterisk.md, 9)"
        )
        return
    folder = Path(address.media) if address.media.startswith("/") else settings.spool / "media"
    if not folder.is_dir():
        section.not_tried("play", f"{folder} is not on this machine: look from where the gateway runs")
        return
    # The tone is ours: nothing is fetched from blobs.
    media = media_of(address, MemoryBlobs(), MediaFolder(folder))
    tone = None if media is None else await media.own(RECORDING_TONE, recording_tone())
    if tone is None:
        section.red("play", f"{folder} can't be written by this user: look as the gateway's user")
        return
    bridge, playback = f"{NAME}.{secrets.token_hex(4)}", f"{NAME}.{secrets.token_hex(4)}"
    over[playback] = asyncio.get_running_loop().create_future()
    await client.insist("POST", "bridges", query={"type": "mixing", "bridgeId": bridge})
    try:
        await client.insist(
            "POST", path("applications", NAME, "subscription"), query={"eventSource": f"bridge:{bridge}"}
        )
        asked = await client.request(
            "POST", path("bridges", bridge, "play", playback), body={"media": [tone.uri]}
        )
        state = "refused" if not asked.is_ok else await _ended(over[playback])
    finally:
        await client.insist("DELETE", path("bridges", bridge))
    if state == "done":
        section.green("play", f"a tone of {tone.ms} ms was played to its end")
    else:
        section.red(
            "play",
            f"Asterisk can't play what the gateway puts into {folder} ({state}): let it read that folder "
            "under the same path, or reach the gateway's internal port; it needs chan_bridge_media, "
            "format_wav, and for addresses res_http_media_cache",
        )


async def _ended(over: asyncio.Future[str]) -> str:
    try:
        return await asyncio.wait_for(over, PLAY_S_MAX)
    except TimeoutError:
        return f"not over after {PLAY_S_MAX:.0f} s"
