"""Where this machine gets its packages from, as secrets of a build: mirrors, proxies, and its authorities.

A build on a machine behind a mirror must use it, and its image must not name it. Secrets are mounted while a
step of the build runs, and are in no layer.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

from runtime import private_files

AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
INSIDE: Final = "/run/secrets"
"""Where builders mount secrets, each under its id."""
PIP_SETTINGS: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
"""What says how an index is reached; folders of this machine are not there in a build."""
APT_SETTINGS: Final = (["Acquire", "http"], ["Acquire", "https"])
"""Groups that say how a repository is reached."""
INDEX_FORMAT: Final = "$(ORIGIN)\t$(CODENAME)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"


def secrets(folder: Path, base: str) -> dict[str, Path]:
    """Write the secrets of a build on this base into a private folder; their files by id."""
    # Packages of another release of Debian would not fit together: then the base's own repositories are used.
    sources = apt_sources() if codename() and codename() in base else ""
    texts = {"apt-conf": apt_conf(has_sources=bool(sources)), "apt-sources": sources, "pip-conf": pip_conf()}
    found = {}
    for name, text in texts.items():
        if text:
            private_files.write(folder / name, text)
            found[name] = folder / name
    if AUTHORITIES.exists():
        found["authorities"] = AUTHORITIES
    return found


def debian_sources() -> list[tuple[str, str, str]]:
    """Debian's own repositories among apt's: address, suite, component; empty on other systems."""
    return list(dict.fromkeys((uri, suite, component) for _, uri, suite, component in _debian_indexes()))


def codename() -> str:
    """The codename of the Debian of this machine; empty on other systems."""
    # Those of updates and of security are `bookworm-updates` and `bookworm-security`.
    return next((name for name, _, _, _ in _debian_indexes() if "-" not in name), "")


def _debian_indexes() -> list[list[str]]:
    """Codename, address, suite and component of each index; apt knows the origin of those that it fetched."""
    lines = _printed("apt-get", "indextargets", "--format", INDEX_FORMAT, "Created-By: Packages").splitlines()
    return [row[1:] for row in (line.split("\t") for line in lines) if row[0] == "Debian"]


def apt_sources() -> str:
    """Debian's repositories as apt here knows them, with their source packages."""
    return "".join(
        f"{kind} {uri} {suite} {component}\n"
        for uri, suite, component in debian_sources()
        for kind in ("deb", "deb-src")
    )


def apt_conf(*, has_sources: bool) -> str:
    """How apt here reaches its repositories; with `apt_sources` as the only ones if there are some."""
    # «Acquire::http::Proxy "…";», and all of Acquire::https.
    settings = _printed("apt-config", "dump").splitlines()
    lines = [each for each in settings if each.split("::")[:2] in APT_SETTINGS]
    if has_sources:
        lines += [f'Dir::Etc::SourceList "{INSIDE}/apt-sources";', 'Dir::Etc::SourceParts "/dev/null";']
    if AUTHORITIES.exists():
        lines.append(f'Acquire::https::CaInfo "{INSIDE}/authorities";')
    # Secrets are root's alone, and apt fetches as another user otherwise.
    return "\n".join([*lines, 'APT::Sandbox::User "root";']) + "\n"


def pip_conf() -> str:
    """How pip here reaches its index: its files and its environment, the latter first, as pip has it."""
    told: dict[str, str] = {}
    for line in _printed(sys.executable, "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        scope, _, name = key.rpartition(".")
        if name in PIP_SETTINGS and (scope == ":env:" or name not in told):
            # Several values stand on lines of their own.
            told[name] = " ".join(str(ast.literal_eval(value)).split())
    if AUTHORITIES.exists():
        told["cert"] = f"{INSIDE}/authorities"
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in told.items())]) + "\n"


def _printed(*argv: str) -> str:
    """What a program prints; nothing if it is not here or fails."""
    try:
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
