"""Asterisk's own configuration for a part of the stack: everything named, nothing found by itself.

What concerns phones, trunks and the dialplan comes from outside, as the texts of `pjsip.conf` and
`extensions.conf`.
"""

from pathlib import Path
from typing import Final

from ringback.pbx_files.modules import MODULES as OPERATORS_MODULES

SIP_PORT: Final = 5060
HTTP_PORT: Final = 8088
RTP_PORT_MIN, RTP_PORT_MAX = 10_000, 20_000
"""Each leg takes two: enough for 2,500 bridged calls."""
USER: Final = "ringback"
RTCP_S: Final = 5
"""Asterisk's own default of how often each side of a call tells how it receives the other."""
SESSIONS_MAX: Final = 500
"""HTTP connections at once; the default of 100 is few for media and recordings of 200 calls."""
WEBSOCKET_WRITE_MS_MAX: Final = 1_000
"""A reader that is slower than this is cut; the default of 100 ms cuts a gateway on a busy machine."""

MODULES: Final = [
    *OPERATORS_MODULES,
    # Of the town, of tests that read what goes over the wire, and of app_queue beside us.
    "res_pjsip_logger",
    "res_pjsip_sips_contact",
    "res_rtp_multicast",
    "res_srtp",
    "chan_rtp",
    "app_echo",
    "app_mixmonitor",
    "app_playback",
    "app_playtones",
    "app_queue",
    "app_senddtmf",
    "app_stack",
    "app_verbose",
    "func_devstate",
    "func_global",
    "func_groupcount",
    "func_logic",
    "func_extstate",
]
"""Loading all of them by `autoload` would take half a second more, and some listen on every address."""
DEFAULTS: Final = (
    "ccss",
    "cdr",
    "cel",
    "codecs",
    "dsp",
    "features",
    "manager",
    "queues",
    "res_curl",
    "res_http_media_cache",
    "sorcery",
    "udptl",
    "websocket_client",
)
"""Files that modules ask for, and whose defaults are right."""
EMPTY: Final = ("acl", "queuerules", "stasis")
"""The same, where not even a section may be."""
INDICATIONS: Final = """\
[general]
country = ru
[ru]
description = Russia
ringcadence = 1000,4000
dial = 425
busy = 425/350,0/350
ring = 425/1000,0/4000
congestion = 425/175,0/175
"""


def files(
    folder: Path, *, run: Path, modules: Path, name: str, address: str, password: str, rtcp_s: int = RTCP_S
) -> dict[str, str]:
    """Every file of `etc` but `pjsip.conf` and `extensions.conf`, by name."""
    found = {
        "asterisk": _sections(
            directories=_places(folder, run, modules),
            options={
                "systemname": name,
                "nocolor": "yes",
                "hideconnect": "yes",
                "documentation_language": "en_US",
            },
        ),
        "modules": "[modules]\nautoload = no\n" + "".join(f"load = {each}.so\n" for each in MODULES),
        "logger": _sections(
            general={"dateformat": "%F %T.%3q"}, logfiles={"messages": "notice,warning,error"}
        ),
        "http": _sections(
            general={
                "enabled": "yes",
                "bindaddr": address,
                "bindport": str(HTTP_PORT),
                "sessionlimit": str(SESSIONS_MAX),
            }
        ),
        "ari": _sections(
            general={
                "enabled": "yes",
                "channelvars": "RINGBACK_RING_MS",
                "websocket_write_timeout": str(WEBSOCKET_WRITE_MS_MAX),
            },
            **{USER: {"type": "user", "password": password}},
        ),
        "rtp": _sections(
            general={
                "rtpstart": str(RTP_PORT_MIN),
                "rtpend": str(RTP_PORT_MAX),
                "icesupport": "no",
                "rtcpinterval": str(rtcp_s * 1_000),
            }
        ),
        "indications": INDICATIONS,
        "musiconhold": _sections(default={"mode": "files", "directory": str(folder / "data/moh")}),
        "pjproject": _sections(
            startup={"log_mappings": "no"},
            log_mappings={"type": "log_mappings", "asterisk_error": "0", "asterisk_warning": "1"},
        ),
        **dict.fromkeys(DEFAULTS, "[general]\n"),
        **dict.fromkeys(EMPTY, ""),
    }
    return {f"{each}.conf": text for each, text in found.items()}


def _places(folder: Path, run: Path, modules: Path) -> dict[str, str]:
    """Where an instance has what: nothing outside its folder is written, but for the console's socket."""
    places = {
        "astetcdir": folder / "etc",
        "astmoddir": modules,
        "astvarlibdir": folder / "lib",
        "astdbdir": folder / "lib",
        "astkeydir": folder / "lib",
        "astdatadir": folder / "data",
        "astagidir": folder / "lib",
        "astspooldir": folder / "spool",
        "astrundir": run,
        "astlogdir": folder / "log",
        "astcachedir": folder / "cache",
    }
    return {each: str(place) for each, place in places.items()}


def _sections(**sections: dict[str, str]) -> str:
    """Sections of `name = value`, which Asterisk takes for `name => value` as well."""
    return "".join(
        f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for section, entries in sections.items()
    )


def transport(address: str, *, name: str = "udp") -> str:
    """What an operator's pjsip.conf has above the generated part: where SIP is heard."""
    return (
        "[global]\ntype = global\nuser_agent = pbx\n[system]\ntype = system\n"
        f"[{name}]\ntype = transport\nprotocol = udp\nbind = {address}:{SIP_PORT}\n"
    )
