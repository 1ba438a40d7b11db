"""etcd, API server, controllers and scheduler, as processes on loopback of this network namespace."""

import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devtools.cluster.programs import Programs
from ringback.stack.process import Process, StackError
from runtime import private_files

ETCD: Final = "http://127.0.0.1:2379"
ETCD_PEERS: Final = "http://127.0.0.1:2380"
SERVICES: Final = "10.96.0.0/16"
START_S: Final = 180
"""The API server takes 3 s on an idle machine; 42 s were seen beside two linkers."""
KEY_BITS: Final = 2048


class ControlPlane:
    """A cluster's state and controllers; `kubeconfig` is its administrator's, inside and outside."""

    def __init__(self, run: Path, port: int, programs: Programs) -> None:
        self._run = run
        self._port = port
        self._programs = programs
        self._token = secrets.token_hex(16)
        self.kubeconfig = run / "kubeconfig"
        self.processes: list[Process] = []

    @property
    def address(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def authority(self) -> Path:
        """The certificate that the API server makes for itself at its start."""
        return self._run / "apiserver" / "apiserver.crt"

    def start(self) -> None:
        """Start all; return when the controllers work. Raises StackError."""
        key = self._run / "service-accounts.pem"
        private_files.write(key, _new_key())
        private_files.write(self._run / "tokens", f"{self._token},admin,admin,system:masters\n")
        self._start_etcd()
        server = self._start_api_server(key)
        server.wait_until(self._is_ready, "ready API server", START_S)
        private_files.write(self.kubeconfig, json.dumps(self._kubeconfig()))
        self._start_controllers(key)
        controllers = self.processes[-1]
        controllers.wait_until(self._has_accounts, "service account of the first namespace", START_S)

    def run_program(self, name: str, *options: str, umask: int = private_files.UMASK) -> Process:
        """Start a program of this cluster; it ends with its namespaces."""
        argv = [self._programs.program(name), *options]
        env = {"PATH": self._programs.path, "HOME": str(self._run), "KUBECONFIG": str(self.kubeconfig)}
        process = Process(name, argv, self._run, env=env, umask=umask)
        process.start()
        self.processes.append(process)
        return process

    def kubectl(self, *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator; `told` is its standard input."""
        argv = [self._programs.program("kubectl"), "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(argv, input=told, capture_output=True, text=True, check=False)

    def create(self, *objects: dict[str, Any]) -> None:
        """Create objects. Raises StackError."""
        told = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        created = self.kubectl("create", "-f", "-", told=told)
        if created.returncode != 0:
            raise StackError(f"the API server refuses the cluster's own objects: {created.stderr.strip()}")

    def get(self, path: str) -> Any:
        """What the API server answers to a GET, decoded. Raises OSError."""
        context = ssl.create_default_context(cafile=self.authority)
        headers = {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self.address + path, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
            body = answer.read()
        return json.loads(body) if body.startswith(b"{") else body

    def _start_etcd(self) -> None:
        # A test's cluster does not outlive a crash of the machine, so nothing is awaited from the disk.
        options = {
            "data-dir": str(self._run / "etcd"),
            "log-level": "error",
            "listen-client-urls": ETCD,
            "advertise-client-urls": ETCD,
            "listen-peer-urls": ETCD_PEERS,
            "initial-advertise-peer-urls": ETCD_PEERS,
            "initial-cluster": f"default={ETCD_PEERS}",
        }
        self.run_program("etcd", "--unsafe-no-fsync", *_flags(options))

    def _start_api_server(self, key: Path) -> Process:
        options = {
            "etcd-servers": ETCD,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": str(self._port),
            "cert-dir": str(self.authority.parent),
            # Its own address is loopback, which the API refuses as an endpoint.
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": SERVICES,
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-signing-key-file": str(key),
            "service-account-key-file": str(key),
            "token-auth-file": str(self._run / "tokens"),
            # Logs and exec find the node by its address, since its name is in no DNS.
            "kubelet-preferred-address-types": "InternalIP",
            "authorization-mode": "Node,RBAC",
            "allow-privileged": "true",
            "profiling": "false",
        }
        return self.run_program("kube-apiserver", *_flags(options))

    def _start_controllers(self, key: Path) -> None:
        common = {
            "kubeconfig": str(self.kubeconfig),
            "bind-address": "127.0.0.1",
            "leader-elect": "false",
            "profiling": "false",
        }
        self.run_program("kube-scheduler", *_flags(common))
        accounts = {
            "service-account-private-key-file": str(key),
            "root-ca-file": str(self.authority),
            "use-service-account-credentials": "false",
        }
        self.run_program("kube-controller-manager", *_flags(common | accounts))

    def _is_ready(self) -> bool:
        try:
            return bool(self.get("/readyz") == b"ok")
        except (OSError, urllib.error.URLError):
            return False

    def _has_accounts(self) -> bool:
        try:
            self.get("/api/v1/namespaces/default/serviceaccounts/default")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def _kubeconfig(self) -> dict[str, Any]:
        cluster = {"server": self.address, "certificate-authority": str(self.authority)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "ringback", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "ringback", "context": {"cluster": "ringback", "user": "admin"}}],
            "current-context": "ringback",
        }


def _flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _new_key() -> str:
    """A private key for the tokens of service accounts, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode()
