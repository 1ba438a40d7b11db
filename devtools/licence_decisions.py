"""Decisions about licences: which are permitted, those of unclear packages, and which programs are separate.

A package that a module imports becomes part of the program, so its licence must leave ours free. A program
that is started as a process of its own, and gets files, pipes or sockets, does not become part of it: there a
GPL is no obstacle.
"""

from typing import Final, NamedTuple

PERMITTED: Final = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0"),
        *("Unlicense", "Zlib"),
        # Binds those who change its files to publish these files; we install them as they are.
        "MPL-2.0",
    }
)
"""Licences (SPDX) that any package may have. Every other licence is refused, whatever it says."""

LGPL_PREFIX: Final = "LGPL-"
"""An LGPL is permitted to a package with a reason of its own, and to no other."""
LGPL_BECAUSE: Final = {
    "num2words": (
        "installed unchanged, as a package of its own, which whoever runs Ringback may replace by another "
        "version (LGPL-2.1, section 6); nothing of it is copied into the tree"
    ),
}


class Declared(NamedTuple):
    """The licence of a package whose metadata say it unclearly or are not installed everywhere."""

    licence: str
    because: str


DECLARED: Final = {
    "audioop-lts": Declared("PSF-2.0", "a module of Python's own, installed from Python 3.13 on"),
    "axe-playwright-python": Declared(
        "MIT AND MPL-2.0", "its LICENSE, and the head of axe.min.js inside; the metadata say nothing"
    ),
    "colorama": Declared("BSD-3-Clause", "its LICENSE.txt; installed on Windows only"),
    "itsdangerous": Declared("BSD-3-Clause", "its LICENSE.txt; the metadata say «BSD License»"),
    "jinja2": Declared("BSD-3-Clause", "its LICENSE.txt; the metadata say «BSD License»"),
    "kubernetes-validate": Declared("Apache-2.0", "its LICENSE; the metadata say «Apache»"),
    "num2words": Declared("LGPL-2.1-or-later", "the head of its files; the metadata say «LGPL»"),
    "pip-api": Declared("Apache-2.0", "its LICENSE; the metadata say «Apache License»"),
    "python-dateutil": Declared(
        "BSD-3-Clause", "its LICENSE: the BSD licence applies to all code; the metadata say «Dual License»"
    ),
    "segno": Declared("BSD-3-Clause", "its LICENSE; the metadata say «BSD License»"),
    "uvloop": Declared("MIT OR Apache-2.0", "has both licences as files; the metadata's two places differ"),
}


class Program(NamedTuple):
    """A program that runs as a process of its own; `started_by` is where in the tree."""

    licence: str
    started_by: str
    does: str
    is_shipped: bool = False


PROGRAMS: Final = {
    "asterisk": Program(
        "GPL-2.0-only WITH Asterisk-linking-protocols-exception",
        "ringback/stack/asterisk/instance.py",
        "the PBX; controlled over ARI, a socket",
    ),
    "baresip": Program(
        "BSD-3-Clause", "tests/integration/asterisk/baresip.py", "a phone of another make, in the tests"
    ),
    "catatonit": Program("GPL-2.0-or-later", "devtools/cluster/programs.py", "waits in a test's pods"),
    "checkov": Program("Apache-2.0", "devtools/charts/checkov.py", "looks for unsafe objects of the chart"),
    "chromium": Program(
        "BSD-3-Clause", "tests/integration/mail/test_screens.py", "shows our letters in the tests"
    ),
    "containerd": Program("Apache-2.0", "devtools/cluster/node.py", "the containers of the chart's tests"),
    "containernetworking-plugins": Program(
        "Apache-2.0", "devtools/cluster/programs.py", "the network of the chart's tests"
    ),
    "espeak-ng": Program(
        "GPL-3.0-or-later", "services/tts/activities/engine.py", "speaks; text in, sound out", is_shipped=True
    ),
    "etcd-server": Program("Apache-2.0", "devtools/cluster/control_plane.py", "keeps a test's cluster"),
    "ffmpeg": Program(
        "GPL-2.0-or-later",
        "services/voicemail/activities/conversion.py",
        "makes MP3 of recordings, and reads uploads",
        is_shipped=True,
    ),
    "helm": Program("Apache-2.0", "tests/chart/rendering.py", "renders the chart in the tests"),
    "libmime-tools-perl": Program(
        "Artistic-1.0-Perl OR GPL-1.0-or-later",
        "tests/integration/mail/readers.py",
        "reads our letters in the tests, inside a perl of its own",
    ),
    "maven": Program("Apache-2.0", "ringback/stack/kafka.py", "fetches Kafka for the tests"),
    "nftables": Program(
        "GPL-2.0-only", "devtools/cluster/programs.py", "kube-proxy's rules in the chart's tests"
    ),
    "openjdk-17-jre-headless": Program(
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "ringback/stack/kafka.py",
        "runs Apache Kafka in the tests",
    ),
    "opensmtpd": Program("ISC", "tests/integration/mail/debian.py", "takes our letters in the tests"),
    "postfix": Program(
        "EPL-2.0 OR IPL-1.0", "tests/integration/mail/debian.py", "takes our letters in the tests"
    ),
    "postgresql": Program("PostgreSQL", "ringback/stack/postgres.py", "the office's book and history"),
    "prometheus": Program(
        "Apache-2.0", "tests/chart/prometheus.py", "its promtool checks the alert rules, in the tests"
    ),
    "redis-server": Program("BSD-3-Clause", "ringback/stack/parts.py", "Redis with TLS, in the tests"),
    "runc": Program("Apache-2.0", "devtools/cluster/node.py", "the containers of the chart's tests"),
    "sox": Program(
        "GPL-2.0-or-later", "services/tts/activities/audio.py", "brings speech to 8 kHz", is_shipped=True
    ),
    "spamassassin": Program(
        "Apache-2.0", "tests/integration/mail/readers.py", "scores our letters in the tests"
    ),
    "systemd": Program(
        "LGPL-2.1-or-later", "tests/unit/tools/test_systemd.py", "judges our units in the tests"
    ),
}
"""By Debian package. Kafka, Redis, S3 and the mail server of production are the operator's choice."""
