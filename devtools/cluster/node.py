"""A real node: containerd, kubelet, kube-proxy, a bridge for pods, names of services, and local volumes.

Of the machine it uses a cgroup of its own and nothing else: its network, its mounts and its processes are
those of the cluster's namespaces.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from devtools.cluster.control_plane import START_S, ControlPlane
from devtools.cluster.programs import PAUSE_IMAGE, Programs
from ringback.stack.process import Process, StackError

NAME: Final = "node"
ADDRESS: Final = "10.10.0.1"
"""The node's own address, where pods also find the parts beside them."""
NETWORK: Final = f"{ADDRESS}/24"
NOWHERE: Final = "10.10.0.254"
"""The default route needs a gateway; nothing answers there."""
PODS: Final = "10.244.0.0/24"
DOMAIN: Final = "cluster.local"
VOLUMES: Final = 6
"""Each gateway has one, and the directory one if its database is a file."""
FILES_MAX: Final = 10_000
"""Below the hard limit of containers in which this runs, which is 20,000 where it was tried."""
CGROUPS: Final = Path("/sys/fs/cgroup")
CGROUP: Final = "ringback-cluster-{}"
"""By the hash of the cluster's folder: two clusters of one machine do not meet."""
WEIGHT: Final = 16
"""About the number of pods: each counts as one program."""
SETTINGS: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet would set for the whole machine. It finds files with these values there, and sets nothing."""
WORLD_READABLE: Final = 0o022
"""With a stricter mask a pod's user can't enter its own root file system."""

CONTAINERD: Final = """\
version = 2
root = "{run}/containerd/root"
state = "{run}/containerd/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # The machine may forbid to lower the score, as containers do.
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{run}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{runc}"
        SystemdCgroup = false
"""


def cgroups(run: Path) -> list[Path]:
    """A node's cgroup in every hierarchy of the machine: one with cgroup v2, many with v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / _cgroup(run)]
    return sorted({each.resolve() / _cgroup(run) for each in CGROUPS.iterdir() if each.is_dir()})


def _give_weight(group: Path) -> None:
    """All pods are one group, and would get together what one other program of the machine gets."""
    for name, of_one in (("cpu.shares", 1024), ("cpu.weight", 100)):
        if (group / name).exists():
            (group / name).write_text(str(WEIGHT * of_one), encoding="ascii")


def _cgroup(run: Path) -> str:
    return CGROUP.format(hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:8])


class Node:
    """The one node of a cluster; started in the cluster's namespaces, by process 1."""

    def __init__(self, run: Path, plane: ControlPlane, programs: Programs) -> None:
        self._run = run
        self._plane = plane
        self._programs = programs
        self._socket = socket_of(run)

    def start(self) -> None:
        """Start all; return when the node is ready for pods. Raises StackError."""
        self._make_network()
        self._shield_machine()
        self._start_containerd()
        self._plane.create(*_storage(self._run / "volumes"))
        self._start_names()
        kubelet = self._start_kubelet()
        self._start_proxy()
        kubelet.wait_until(self._is_ready, "ready node", START_S)

    def _make_network(self) -> None:
        # Kernels without the dummy driver are common in containers; a veth pair is everywhere.
        for words in (
            "link add node0 type veth peer name node0p",
            "link set node0p up",
            f"addr add {NETWORK} dev node0",
            "link set node0 up",
            f"route add default via {NOWHERE} dev node0",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")

    def _shield_machine(self) -> None:
        # containerd, the CNI and kubelet keep files there, wherever their own folders are.
        for place in ("/run", "/var/lib/cni", "/var/log/containers"):
            Path(place).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
        folder = self._run / "settings"
        folder.mkdir()
        for name, value in SETTINGS.items():
            file = folder / name.replace("/", ".")
            file.write_text(f"{value}\n", encoding="ascii")
            subprocess.run(["mount", "--bind", str(file), f"/proc/sys/{name}"], check=True)
        # The machine's name servers can't be reached from here, and each question would wait for them.
        resolver = folder / "resolv.conf"
        resolver.write_text(f"nameserver {ADDRESS}\n", encoding="ascii")
        subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
        for group in cgroups(self._run):
            group.mkdir(exist_ok=True)
            _give_weight(group)

    def _start_containerd(self) -> None:
        node = self._programs.folders["node"]
        settings = self._run / "containerd.toml"
        told = CONTAINERD.format(
            run=self._run, socket=self._socket, pause=PAUSE_IMAGE, cni=node / "cni", runc=node / "runc"
        )
        settings.write_text(told, encoding="utf-8")
        (self._run / "cni").mkdir()
        (self._run / "cni" / "10-bridge.conflist").write_text(
            json.dumps(_bridge(self._run)), encoding="utf-8"
        )
        containerd = self._plane.run_program("containerd", "--config", str(settings), umask=WORLD_READABLE)
        containerd.wait_until(lambda: self._ctr("version").returncode == 0, "answer to ctr", START_S)
        imported = self._ctr("--namespace", "k8s.io", "images", "import", str(node / "pause.tar"))
        if imported.returncode != 0:
            raise StackError(f"containerd refuses the image of pods: {imported.stderr.strip()}")

    def _ctr(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [self._programs.program("ctr"), "--address", str(self._socket), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def _start_names(self) -> None:
        argv = [sys.executable, "-m", "devtools.cluster.names", str(self._run), self._plane.address, ADDRESS]
        names = Process("names", argv, self._run)
        names.start()
        self._plane.processes.append(names)

    def _start_kubelet(self) -> Process:
        settings = self._run / "kubelet.json"
        settings.write_text(json.dumps(_kubelet(self._run)), encoding="utf-8")
        return self._plane.run_program(
            "kubelet",
            f"--config={settings}",
            f"--kubeconfig={self._plane.kubeconfig}",
            f"--root-dir={self._run / 'kubelet'}",
            f"--cert-dir={self._run / 'kubelet-certificates'}",
            f"--hostname-override={NAME}",
            f"--node-ip={ADDRESS}",
            umask=WORLD_READABLE,
        )

    def _start_proxy(self) -> None:
        limits = ("max-per-core", "min", "tcp-timeout-established", "tcp-timeout-close-wait")
        self._plane.run_program(
            "kube-proxy",
            f"--kubeconfig={self._plane.kubeconfig}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={PODS}",
            # Pods share one bridge: without it an answer would go to the asking pod past the translation.
            "--masquerade-all=true",
            "--bind-address=127.0.0.1",
            f"--hostname-override={NAME}",
            # The limits are the machine's, which stay as they are.
            *(f"--conntrack-{name}={'0s' if 'timeout' in name else '0'}" for name in limits),
        )

    def _is_ready(self) -> bool:
        try:
            node = self._plane.get(f"/api/v1/nodes/{NAME}")
        except OSError:
            return False
        return any(
            each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"]
        )


def socket_of(run: Path) -> Path:
    """Where containerd of a cluster listens, for `ctr --address`, which wants an absolute path."""
    return run.resolve() / "containerd.sock"


def _bridge(run: Path) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": str(run / "cni" / "leases"),
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": "bridge", "plugins": [bridge]}


def _kubelet(run: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        # Only this network namespace reaches it.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{_cgroup(run)}",
        "failCgroupV1": False,
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": f"unix://{socket_of(run)}",
        # A full disk of the machine is no reason to end the pods of a test, nor to remove its images.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "maxOpenFiles": FILES_MAX,
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(run / "pod-logs"),
        "nodeStatusUpdateFrequency": "4s",
    }


def _storage(folder: Path) -> list[dict[str, Any]]:
    """A default class and its volumes: kubelet gives `local` ones to a pod's fsGroup, and no hostPath."""
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": default},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    for number in range(VOLUMES):
        path = folder / str(number)
        path.mkdir(parents=True)
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"local-{number}"},
                "spec": {
                    "capacity": {"storage": "10Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": "standard",
                    "local": {"path": str(path)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
                },
            }
        )
    return objects
