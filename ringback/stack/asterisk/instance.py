"""One Asterisk: its folder, its process, and its address.

Each has a loopback address of its own with the ordinary ports (SIP 5060, ARI 8088), so that any number run at
once. Its folder keeps registrations, recordings and address: it survives `kill` and `start`.
"""

import base64
import hashlib
import http
import http.client
import json
import random
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack
from urllib.parse import quote, urlencode

import msgspec

from ringback.pbx_files.dialplan import extensions_conf
from ringback.pbx_files.pjsip import pjsip_conf
from ringback.pbx_files.plan import PbxPlan
from ringback.stack.asterisk import configuration, sounds
from ringback.stack.asterisk.packages import NoAsterisk, Root, fetched
from ringback.stack.process import Process
from runtime import private_files

if TYPE_CHECKING:
    from ringback.stack.journal import Journal

START_S_MAX: Final = 60
"""It takes one second, and ten times that on a machine that does ten other things."""
STOP_S_MAX: Final = 5
"""Then it is killed: one with calls waits for nobody."""
ANSWER_S_MAX: Final = 2
COMMAND_S_MAX: Final = 20
SOCKET_PATH_BYTES_MAX: Final = 107
"""A longer path of a Unix socket does not fit into the kernel's address (unix(7))."""


class Options(TypedDict, total=False):
    """What any instance may have: an unpacked Asterisk that is not fetched, an address that others must know
    before (one of `free_address`), how often it sends RTCP, and the process's own options.
    """

    root: Root
    address: str
    rtcp_s: int
    dies_with_parent: bool
    journal: "Journal"


class Texts(TypedDict):
    """The two files that make a PBX what it is; SIP's needs the address."""

    pjsip: Callable[[str], str]
    extensions: str


def texts(plan: PbxPlan) -> Texts:
    """The files of a plan; also for `Instance.reconfigure`."""

    def pjsip(address: str) -> str:
        # Without it sound would be received on every address of the machine.
        bound = msgspec.structs.replace(plan, media_address=address)
        return configuration.transport(address) + pjsip_conf(bound)

    return Texts(pjsip=pjsip, extensions=extensions_conf(plan))


class Instance:
    """One Asterisk with the phones and the dialplan of `pjsip` and `extensions`."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        pjsip: Callable[[str], str],
        extensions: str,
        **options: Unpack[Options],
    ) -> None:
        """`name` is its `systemname`; `pjsip` makes the file for an address. Raises NoAsterisk."""
        self.folder = private_files.folder(folder.absolute())
        self.name = name
        self.root = options.get("root") or fetched()
        self._rtcp_s = options.get("rtcp_s", configuration.RTCP_S)
        self._pjsip = pjsip
        self._extensions = extensions
        self.address, self._password = self._identity(options.get("address"))
        self._run = self._run_folder()
        self.process = Process(
            f"asterisk-{name}",
            self.root.command(self.folder / "etc/asterisk.conf", "-f"),
            self.folder,
            dies_with_parent=options.get("dies_with_parent", False),
            journal=options.get("journal"),
            grace_s=STOP_S_MAX,
        )

    @classmethod
    def of_plan(cls, folder: Path, plan: PbxPlan, **options: Unpack[Options]) -> "Instance":
        """One with the phones, trunks, peers and dialplan of a plan, as an operator includes them."""
        return cls(folder, name=plan.pbx_id, **texts(plan), **options)

    @property
    def media_folder(self) -> Path:
        """Where media lies that it plays from disk."""
        return self.folder / "media"

    @property
    def recordings_folder(self) -> Path:
        """Where it keeps recordings until they are released."""
        return self.folder / "spool/recording"

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def ari_address(self, app: str = "ringback", **words: str) -> str:
        """Where a gateway finds it, as in RINGBACK_PBXS; `words` are added or replaced."""
        asked = {"app": app, "trunk": "trunk", "context": "from-phones", "media": str(self.media_folder)}
        user = f"{configuration.USER}:{quote(self._password)}"
        place = f"{user}@{self.address}:{configuration.HTTP_PORT}"
        return f"ari+http://{place}/ari?{urlencode({**asked, **words}, safe='/')}"

    def start(self) -> None:
        """Start it and wait until ARI answers; what an earlier run left goes on to be there."""
        self._lay_out()
        self.process.start_until(self._is_answering, "answer of ARI", START_S_MAX)

    def stop(self) -> None:
        """End it, as an operator would."""
        self.process.stop()

    def kill(self) -> None:
        """`kill -9`: its calls are gone, its registrations stay."""
        self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP: its connections stay and it does nothing."""
        self.process.freeze()

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        self.process.thaw()

    def reconfigure(
        self, *, pjsip: Callable[[str], str] | None = None, extensions: str | None = None
    ) -> None:
        """Replace files and let the running Asterisk read them, as an operator does."""
        self._pjsip, self._extensions = pjsip or self._pjsip, extensions or self._extensions
        self._write_plan()
        self.reload()

    def reload(self) -> None:
        """Read phones and dialplan again; calls go on."""
        self.cli("module", "reload", "res_pjsip.so")
        self.cli("dialplan", "reload")

    def cli(self, *words: str) -> str:
        """What its console says to a command."""
        command = self.root.command(self.folder / "etc/asterisk.conf", "-rx", " ".join(words))
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_S_MAX)
        return done.stdout

    # Files

    def _identity(self, wanted: str | None) -> tuple[str, str]:
        """Its address and ARI's password, kept over restarts."""
        file = self.folder / "identity.json"
        if file.exists():
            known = json.loads(file.read_text(encoding="utf-8"))
            return known["address"], known["password"]
        address, password = wanted or free_address(), secrets.token_urlsafe(16)
        private_files.write(file, json.dumps({"address": address, "password": password}))
        return address, password

    def _run_folder(self) -> Path:
        """Where its console listens: in its folder, unless that path is too long for a socket."""
        folder = self.folder / "run"
        if len(bytes(folder / "asterisk.ctl")) <= SOCKET_PATH_BYTES_MAX:
            return folder
        return Path(tempfile.gettempdir()) / f"ringback-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}"

    def _lay_out(self) -> None:
        """Write its folder; what it keeps stays as it is."""
        kept = ("etc", "lib/keys", "spool/recording", "log", "cache", "media")
        for name in (*kept, "data/sounds/en", "data/moh"):
            private_files.folder(self.folder / name)
        private_files.folder(self._run)
        for name in ("documentation", "rest-api"):
            link = self.folder / "data" / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.root.folder / "usr/share/asterisk" / name)
        (self.folder / "data/sounds/en/beep.alaw").write_bytes(sounds.beep())
        (self.folder / "data/moh/music.alaw").write_bytes(sounds.music())
        found = configuration.files(
            self.folder,
            run=self._run,
            modules=self.root.modules,
            name=self.name,
            address=self.address,
            password=self._password,
            rtcp_s=self._rtcp_s,
        )
        for name, text in found.items():
            private_files.write(self.folder / "etc" / name, text)
        self._write_plan()

    def _write_plan(self) -> None:
        private_files.write(self.folder / "etc/pjsip.conf", self._pjsip(self.address))
        private_files.write(self.folder / "etc/extensions.conf", self._extensions)

    def _is_answering(self) -> bool:
        asking = http.client.HTTPConnection(self.address, configuration.HTTP_PORT, timeout=ANSWER_S_MAX)
        word = base64.b64encode(f"{configuration.USER}:{self._password}".encode()).decode()
        try:
            asking.request("GET", "/ari/asterisk/ping", headers={"Authorization": f"Basic {word}"})
            return asking.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()


def free_address() -> str:
    """A loopback address whose ports nobody uses."""
    if sys.platform != "linux":
        raise NoAsterisk("each Asterisk has a loopback address of its own, and only Linux has them all")
    while True:
        draw = random.SystemRandom().randint
        address = f"127.{draw(10, 250)}.{draw(0, 250)}.{draw(1, 250)}"
        try:
            for kind, port in (
                (socket.SOCK_STREAM, configuration.HTTP_PORT),
                (socket.SOCK_DGRAM, configuration.SIP_PORT),
            ):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return address
