"""Where a cluster's programs come from: Kubernetes from its Go modules, Helm from PyPI, the rest from Debian.

Kubernetes is built, since no package registry has its programs; go.sum verifies every module. etcd,
containerd and the CNI plugins are those of Debian sid, unpacked and not installed: they run with
the C library of Debian 12. The runc of sid does not, so that one is of Debian 12.
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from devtools.charts import helm
from devtools.cluster.cache import NoPrograms, Part, Say, say_on_stderr
from ringback.stack import debian

HERE: Final = Path(__file__).parent
KUBERNETES: Final = HERE / "program"
CRD_TYPES: Final = HERE / "crd_types"
NAMES: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
"""What the one program of Kubernetes is called by."""
SUITE: Final = "sid"
STABLE: Final = "bookworm"
STABLE_PACKAGES: Final = (
    *("runc", "catatonit", "nftables"),
    # What nft is linked with, and what these are.
    *("libbsd0", "libedit2", "libgmp10", "libjansson4", "libmd0", "libmnl0", "libnftables1", "libnftnl11"),
    *("libtinfo6", "libxtables12"),
)
CNI_PLUGINS: Final = ("bridge", "host-local", "loopback")
PAUSE_IMAGE: Final = "localhost/pause:1"
"""The image that holds the namespaces of a pod: one static program that waits."""
SAID_EVERY_S: Final = 20
OTHER_CLUSTER: Final = "or give a cluster that you have: make chart-cluster KUBECONFIG=…"


def _kubernetes_version() -> str:
    for line in (KUBERNETES / "go.mod").read_text(encoding="utf-8").splitlines():
        if line.split()[:1] == ["k8s.io/kubernetes"]:
            return line.split()[1]
    raise NoPrograms(f"{KUBERNETES / 'go.mod'} requires no k8s.io/kubernetes")


def _build_flags() -> list[str]:
    # Without a version in the program Helm's .Capabilities.KubeVersion is v0.0.0, and charts refuse it.
    version = _kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    told = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    told |= {"gitCommit": "unknown", "buildDate": "1970-01-01T00:00:00Z"}
    linked = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())
    return ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {linked}"]


def _go(folder: Path, *words: str, say: Say) -> None:
    """Run go in a folder of the tree, and tell how far it is. Raises NoPrograms."""
    if shutil.which("go") is None:
        raise NoPrograms(f"Kubernetes is built with Go, and there is none: install Go 1.26, {OTHER_CLUSTER}")
    began = told = time.monotonic()
    packages: list[str] = []
    others: list[str] = []
    # The toolchain of the machine, and not one that go would fetch by itself.
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    argv = ["nice", "-n", "10", "go", *words]
    with subprocess.Popen(argv, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as building:
        assert building.stderr is not None
        for line in building.stderr:
            # With -v go prints the path of each package that it compiles, and else only what is wrong.
            (packages if " " not in line.strip() else others).append(line)
            if time.monotonic() - told > SAID_EVERY_S:
                told = time.monotonic()
                say(f"go: {len(packages)} packages compiled, {told - began:.0f} s")
    if building.returncode != 0:
        ends = "".join((others or packages)[-10:])
        raise NoPrograms(f"`go {words[0]}` in {folder} failed; it says:\n{ends}")


def _make_kubernetes(folder: Path, say: Say) -> None:
    _go(KUBERNETES, "build", "-v", *_build_flags(), "-o", str(folder / "kubernetes"), ".", say=say)
    for name in NAMES:
        (folder / name).symlink_to("kubernetes")


def _make_crds(folder: Path, say: Say) -> None:
    packages = [
        line.split('"')[1]
        for line in (CRD_TYPES / "types.go").read_text(encoding="utf-8").splitlines()
        if line.startswith("\t_ ")
    ]
    # Without descriptions they are a tenth as large. KEDA's types have floats, which are dangerous elsewhere.
    options = ["crd:allowDangerousTypes=true,maxDescLen=0", f"output:crd:dir={folder}"]
    generator = [*options, *(f"paths={each}" for each in packages)]
    _go(CRD_TYPES, "run", "sigs.k8s.io/controller-tools/cmd/controller-gen", *generator, say=say)


def _from_debian(suite: str, *packages: str, root: Path) -> None:
    """Unpack packages of a suite into a folder. Raises NoPrograms."""
    try:
        with tempfile.TemporaryDirectory() as work:
            apt = debian.Apt(suite, Path(work))
            apt.prepare()
            for deb in apt.download(*packages):
                debian.output(["dpkg-deb", "--extract", str(deb), str(root)])
    except (debian.NotHere, FileNotFoundError) as error:
        raise NoPrograms(
            f"{', '.join(packages)} of Debian {suite} can't be had: {error}: mend that, {OTHER_CLUSTER}"
        ) from error


def _make_etcd(folder: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory() as root:
        _from_debian(SUITE, "etcd-server", root=Path(root))
        shutil.copy2(Path(root, "usr/bin/etcd"), folder)


def _make_node(folder: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        _from_debian(SUITE, "containerd", "containernetworking-plugins", root=root)
        _from_debian(STABLE, *STABLE_PACKAGES, root=root)
        for name in ("bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr", "sbin/runc"):
            shutil.copy2(root / "usr" / name, folder)
        (folder / "cni").mkdir()
        for name in CNI_PLUGINS:
            shutil.copy2(root / "usr/lib/cni" / name, folder / "cni")
        _keep_nft(root, folder)
        pause = (root / "usr/bin/catatonit").read_bytes()
        (folder / "pause.tar").write_bytes(_image_of(pause))


def _keep_nft(root: Path, folder: Path) -> None:
    """kube-proxy calls `nft`, which most machines lack: a script that starts it with its own libraries."""
    libraries = folder / "nft-libraries"
    libraries.mkdir()
    for each in [*root.glob("usr/lib/*-linux-gnu/*.so.*"), *root.glob("lib/*-linux-gnu/*.so.*")]:
        shutil.copy2(each, libraries)
    shutil.copy2(root / "usr/sbin/nft", libraries / "nft")
    script = folder / "nft"
    here = '"$(dirname "$0")/nft-libraries'
    script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={here}" exec {here}/nft" "$@"\n', encoding="ascii")
    script.chmod(0o755)


def _image_of(program: bytes) -> bytes:
    """An image, as `docker save` writes it, of one static program that is asked to wait (-P)."""
    layer = _tar({"pause": program})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause", "-P"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _tar({"layer.tar": layer, **files})


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _contents(*files: Path) -> bytes:
    return b"".join(file.read_bytes() for file in files)


PARTS: Final = {
    "kubernetes": Part(
        "kubernetes",
        _contents(*(KUBERNETES / name for name in ("main.go", "go.mod", "go.sum")))
        + repr(_build_flags()).encode(),
        _make_kubernetes,
        "about 9 minutes of processor time",
    ),
    "etcd": Part("etcd", f"{SUITE} 1".encode(), _make_etcd, "some seconds"),
    "crds": Part(
        "crds",
        _contents(*(CRD_TYPES / name for name in ("types.go", "go.mod", "go.sum"))) + b"maxDescLen=0",
        _make_crds,
        "about 3 minutes of processor time",
    ),
    "node": Part(
        "node", f"{SUITE} {STABLE} {STABLE_PACKAGES} {CNI_PLUGINS} 2".encode(), _make_node, "some seconds"
    ),
}


@dataclass(frozen=True, slots=True)
class Programs:
    """The folders of the parts that a cluster needs."""

    folders: dict[str, Path]

    def program(self, name: str) -> str:
        """The path of a program."""
        for folder in self.folders.values():
            if (folder / name).exists():
                return str(folder / name)
        raise NoPrograms(f"no part of this cluster has {name}; it has {', '.join(self.folders)}")

    @property
    def path(self) -> str:
        """The machine's PATH, with the programs in front."""
        return os.pathsep.join([*map(str, self.folders.values()), os.environ.get("PATH", os.defpath)])


def needed(*, has_node: bool) -> list[Part]:
    """The parts of a cluster; CRDs are for those who want to install them."""
    names = ("kubernetes", "etcd", "node") if has_node else ("kubernetes", "etcd")
    return [PARTS[name] for name in names]


def fetched(*, has_node: bool, say: Say = say_on_stderr) -> Programs:
    """Every program of a cluster; what is missing is made now. Raises NoPrograms."""
    parts = {part.name: part.fetched(say) for part in needed(has_node=has_node)}
    return Programs({**parts, "helm": helm.kubectl().parent})
