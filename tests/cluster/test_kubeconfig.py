"""The tests take any KUBECONFIG: also one whose login is a program, as clouds have it."""

import base64
import json
from pathlib import Path

import pytest

from tests.cluster.kubernetes import Kubernetes

LOGIN = "credential.json"
PLAIN, ENCODED = (
    {"token": "token"},
    {
        "client-certificate-data": "clientCertificateData",
        "client-key-data": "clientKeyData",
    },
)


@pytest.fixture
def home(kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user whose login to the cluster is kept there, as a program of a cloud keeps it."""
    shown = kubernetes.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
    user = json.loads(shown)["users"][0]["user"]
    if not set(user) <= {*PLAIN, *ENCODED}:
        pytest.skip("the login to this cluster is a program already, so that all other tests show it")
    status = {PLAIN[name]: value for name, value in user.items() if name in PLAIN}
    status |= {
        ENCODED[name]: base64.b64decode(value).decode() for name, value in user.items() if name in ENCODED
    }
    told = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    (tmp_path / LOGIN).write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("program", ["kubectl", "helm3", "helm4"])
def test_a_program_that_logs_in_finds_what_its_user_keeps_at_home(
    kubernetes: Kubernetes, home: Path, program: str
) -> None:
    config = json.loads(
        kubernetes.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
    )
    login = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f'cat "$HOME/{LOGIN}"'],
        "interactiveMode": "Never",
    }
    config["users"][0]["user"] = {"exec": login}
    file = home / "kubeconfig"
    file.write_text(json.dumps(config), encoding="utf-8")
    stranger = Kubernetes(file, kubernetes.home)
    words = ("get", "namespaces") if program == "kubectl" else ("list", "--all-namespaces")
    said = stranger.run(program, *words)
    assert "default" in said or "NAME" in said
