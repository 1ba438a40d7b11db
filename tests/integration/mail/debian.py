"""Real mail servers, from Debian's packages: Postfix and OpenSMTPD on loopback, with folders of their own.

As installed packages they exclude each other. So they are fetched with apt and unpacked into a cache, where
they are found again, and each runs in a mount namespace of its own: OpenSMTPD's paths are built in, and
both want users of their own in /etc/passwd. Nothing outside of it changes.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme

from ringback.stack.process import Process, StackError, free_port, is_listening

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback" / "mail-servers"
PACKAGES: Final = ("postfix", "opensmtpd")
START_S: Final = 60
SLOW_S: Final = 6
UID: Final = 4201
"""Of the first user in the namespace, and so on; nobody else has them."""
USERS: Final = ("boxes", "postfix", "postdrop", "opensmtpd", "opensmtpq")
UNPACKED: Final = "/usr/libexec/unpacked"
QUEUES: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace"),
    *("private", "public", "maildrop", "pid"),
)

SERVICES: Final = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
rewrite unix - - n - - trivial-rewrite
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""
"""Postfix's master.cf: what it takes to receive and to deliver."""


def reason_missing() -> str | None:
    """Why the servers can't be started here, with the remedy; None when they can."""
    if os.geteuid() != 0:
        return "the mail servers need root, and a mount namespace: run the tests in a container as root"
    for program in ("apt-get", "dpkg", "unshare"):
        if shutil.which(program) is None:
            return f"there is no {program}: the mail servers come from Debian's packages"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "there are no mount namespaces here: the container must be allowed to make them"
    return None


def unpacked() -> Path:
    """The folder with both servers: from the cache, else fetched and unpacked by one of those who want it."""
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with CACHE.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / "ready").exists():
            _unpack()
    return CACHE


def _unpack() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    names = [*PACKAGES, *_libraries()]
    with tempfile.TemporaryDirectory() as folder:
        # Not by apt's own user, which may not write there; what apt has fetched it has verified.
        argv = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", *names]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=300)
        for package in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(CACHE)], check=True, timeout=60)
    (CACHE / "ready").write_text("\n".join(names), encoding="utf-8")


def _libraries() -> list[str]:
    """The libraries that the packages want, without the system's own."""
    argv = ["apt-cache", "depends", "--important", *PACKAGES]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    found = {line.partition("Depends: ")[2].strip() for line in told.splitlines() if "  Depends: lib" in line}
    return sorted(found - {"libc6"})


@dataclass(slots=True)
class MailServer:
    """A running server; letters of `<name>@volga.example` lie in the folder `boxes/<name>`."""

    name: str
    run: Path
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ringback-mail-")))
    port: int = field(default_factory=free_port)
    process: Process | None = None

    def letters(self, name: str) -> list[Path]:
        """What was delivered to somebody, in the order of arrival."""
        found = self.folder.glob(f"boxes/{name}/new/*")
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, prepare: str, command: str) -> None:
        """Start it in a namespace of its own, in which `prepare` has made its paths."""
        self.folder.chmod(0o755)
        boxes = self.folder / "boxes"
        boxes.mkdir()
        os.chown(boxes, UID, UID)
        for file, line in (("passwd", "{name}:x:{id}:{id}::/:/bin/false\n"), ("group", "{name}:x:{id}:\n")):
            more = "".join(line.format(name=name, id=UID + number) for number, name in enumerate(USERS))
            text = Path(f"/etc/{file}").read_text(encoding="utf-8")
            (self.folder / file).write_text(text + more, encoding="utf-8")
        script = f"""
            set -e
            for folder in /run /var/spool /var/lib /usr/libexec; do mount -t tmpfs none $folder; done
            for file in passwd group; do mount --bind {self.folder}/$file /etc/$file; done
            mkdir {UNPACKED} && mount --bind {unpacked()} {UNPACKED}
            {prepare}
            exec {command}
        """
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        # What loads a program finds the libraries of the packages before the system's, which may lack some.
        env = {"LD_LIBRARY_PATH": f"{UNPACKED}/usr/lib/x86_64-linux-gnu:{UNPACKED}/usr/lib/postfix"}
        self.process = Process(
            self.name, argv, self.run, env=env, dies_with_parent=True, grace_s=2, umask=0o022
        )
        try:
            self.process.start_until(lambda: is_listening(self.port), "open port", START_S)
        except StackError as error:
            # Postfix says why into a file of its own.
            maillog = self.folder / "maillog"
            why = maillog.read_text(encoding="utf-8", errors="replace") if maillog.exists() else ""
            raise StackError(f"{error}\n{why}") from error


def start_postfix(run: Path, *, policy_port: int, certificate: trustme.LeafCert) -> MailServer:
    """Postfix for `volga.example`, whose letters have 300 kB at most.

    For `grey@` it asks a policy server, and for `slow@` it takes its time behind the dot.
    """
    server = MailServer("postfix", run)
    folder = server.folder
    config, queue = folder / "config", folder / "queue"
    for path in (config, queue, folder / "data", *(queue / name for name in QUEUES)):
        path.mkdir()
    names = ("anna", "boris", "vera", "slow", "grey", "o'brien", "иван")
    boxes = "".join(f"{name}@volga.example {name}/\n" for name in names)
    (config / "boxes").write_text(boxes, encoding="utf-8")
    (config / "slow").write_text("slow@volga.example slowly\n", encoding="utf-8")
    (config / "grey").write_text("grey@volga.example greylisted\n", encoding="utf-8")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(config / "tls.pem"))
    lines = [f"{name} = {value}\n" for name, value in _main_cf(folder, policy_port).items()]
    (config / "main.cf").write_text("".join(lines), encoding="utf-8")
    (config / "master.cf").write_text(SERVICES.format(port=server.port), encoding="utf-8")
    owned = " ".join(name for name in QUEUES if name not in ("pid", "maildrop", "public"))
    prepare = f"""
        cd {queue} && chown postfix {owned} {folder}/data && chown postfix:postdrop maildrop public
        chmod 700 {owned} && chmod 730 maildrop && chmod 710 public && chmod 755 pid
        touch {folder}/maillog && cd /
    """
    server.start(prepare, f"{UNPACKED}/usr/lib/postfix/sbin/master -d -c {config}")
    return server


def _main_cf(folder: Path, policy_port: int) -> dict[str, str]:
    config = folder / "config"
    return {
        "compatibility_level": "3.6",
        "command_directory": f"{UNPACKED}/usr/sbin",
        "daemon_directory": f"{UNPACKED}/usr/lib/postfix/sbin",
        "shlib_directory": "no",
        "import_environment": "LD_LIBRARY_PATH MAIL_CONFIG",
        "queue_directory": str(folder / "queue"),
        "data_directory": str(folder / "data"),
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": str(folder / "maillog"),
        "maillog_file_prefixes": str(folder),
        "inet_interfaces": "127.0.0.1",
        "myhostname": "mail.volga.example",
        "mydestination": "",
        "mynetworks": "",
        "alias_maps": "",
        "local_recipient_maps": "",
        "virtual_mailbox_domains": "volga.example",
        "virtual_mailbox_base": str(folder / "boxes"),
        "virtual_mailbox_maps": f"texthash:{config}/boxes",
        "virtual_uid_maps": f"static:{UID}",
        "virtual_gid_maps": f"static:{UID}",
        "smtpd_helo_required": "yes",
        "smtpd_helo_restrictions": "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
        "message_size_limit": "300000",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtpd_restriction_classes": "slowly, greylisted",
        "slowly": f"sleep {SLOW_S}",
        "greylisted": f"check_policy_service inet:127.0.0.1:{policy_port}",
        "smtpd_recipient_restrictions": f"check_recipient_access texthash:{config}/grey",
        "smtpd_end_of_data_restrictions": f"check_recipient_access texthash:{config}/slow",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_chain_files": str(config / "tls.pem"),
    }


def start_opensmtpd(run: Path) -> MailServer:
    """OpenSMTPD for `volga.example`."""
    server = MailServer("opensmtpd", run)
    folder = server.folder
    (folder / "boxes.txt").write_text(
        "anna@volga.example boxes\nboris@volga.example boxes\n", encoding="utf-8"
    )
    (folder / "smtpd.conf").write_text(
        f"table people file:{folder}/boxes.txt\n"
        f"listen on 127.0.0.1 port {server.port} hostname mail.volga.example\n"
        f'action "keep" maildir "{folder}/boxes/%{{rcpt.user}}" virtual <people>\n'
        'match from any for domain "volga.example" action "keep"\n',
        encoding="utf-8",
    )
    prepare = f"""
        mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd && chmod 711 /var/spool/smtpd
        cp -r {UNPACKED}/usr/libexec/opensmtpd /usr/libexec/opensmtpd
    """
    server.start(prepare, f"{UNPACKED}/usr/sbin/smtpd -d -f {folder}/smtpd.conf")
    return server
