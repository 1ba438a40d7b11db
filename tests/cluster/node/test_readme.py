"""«A callback in ten minutes» of the chart's README, command by command, as a new user copies it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from devtools.charts import helm
from devtools.cluster import parts
from devtools.cluster.given import IMAGE_OF_TESTS
from devtools.cluster.node import ADDRESS
from devtools.cluster.parts import NodeParts, port_of
from ringback.stack.services import ROOT
from tests.cluster.kubernetes import Kubernetes

README: Final = ROOT / "charts" / "ringback" / "README.md"
NAMESPACE: Final = "ringback"
"""The README's own."""
WALK_S_MAX: Final = 1500
"""Far more than the ten minutes, for a machine that does other things, too."""


@pytest.fixture
def open_parts(tmp_path: Path) -> Iterator[NodeParts]:
    """Parts of its own beside the pods, in the clear, as those of the README are."""
    started = parts.start(tmp_path / "parts", has_tls=False)
    yield started
    started.stop()


@pytest.fixture
def shell(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a user who has kubectl, Helm and the image's name, and nothing else of ours."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "kubectl").symlink_to(helm.kubectl())
    (programs / "helm").symlink_to(helm.helm(4))
    # The README changes the context's namespace.
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(kubernetes.kubeconfig, kubeconfig)
    path = f"{programs}:{os.environ['PATH']}"
    yield {
        **kubernetes.environment(),
        "KUBECONFIG": str(kubeconfig),
        "PATH": path,
        "IMAGE": os.environ[IMAGE_OF_TESTS],
    }
    kubernetes.run("helm4", "uninstall", "ringback", "--namespace", NAMESPACE, "--wait", may_fail=True)
    kubernetes.remove_namespace(NAMESPACE)


def test_a_new_user_has_a_callback_connected_with_the_charts_readme_alone(
    shell: dict[str, str], open_parts: NodeParts, tmp_path: Path
) -> None:
    """Of all commands only those are replaced that start parts, whose images come from registries."""
    begin, *rest = _blocks()
    commands = begin.splitlines()
    assert commands[2:] == [
        "kubectl apply -f charts/ringback/examples/parts.yaml",
        "kubectl wait --for=condition=Available deployment --all --timeout=5m",
        "echo 's3.bucket.create -name ringback' | kubectl exec -i deployment/s3 -- weed shell",
    ]
    stand_ins = tmp_path / "parts.json"
    stand_ins.write_text(parts.as_list(_stand_ins(open_parts)), encoding="utf-8")
    told = "\n".join([*commands[:2], f"kubectl apply -f {stand_ins}", *rest])
    for said, is_so in {
        "redis://redis:6379/0": open_parts.redis.address.replace(
            f"127.0.0.1:{open_parts.redis.port}", "redis:6379"
        ),
        "access-key=ringback": f"access-key={open_parts.s3.access_key}",
        "secret-key=for-trying-out": f"secret-key={open_parts.s3.secret_key}",
    }.items():
        assert told.count(said) == 1, said
        told = told.replace(said, is_so)

    # When it is run where the chart is, beside which it leaves its files.
    here = tmp_path / "tree"
    here.mkdir()
    (here / "charts").symlink_to(ROOT / "charts")
    script = f"set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{told}\nhelm test ringback --logs\n"
    done = subprocess.run(
        ["bash", "-c", script], cwd=here, env=shell, capture_output=True, text=True, timeout=WALK_S_MAX
    )

    # Then the customer was called back, and every doctor is content.
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"reason":"connected"' in done.stdout
    assert "Phase:          Succeeded" in done.stdout


def _blocks() -> list[str]:
    """The commands of the section, a text for each of its blocks."""
    text = README.read_text(encoding="utf-8")
    section = text.partition("## A callback in ten minutes\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 5, blocks
    return blocks


def _stand_ins(started: NodeParts) -> list[dict[str, Any]]:
    """Services of the README's names and ports that lead to the parts beside the pods."""
    lead = {
        "kafka": (9092, started.kafka.address),
        "redis": (6379, started.redis.address),
        "s3": (8333, started.s3.address),
        "mail": (1025, started.smtp.address),
    }
    return [each for name, (port, address) in lead.items() for each in _service(name, port, port_of(address))]


def _service(name: str, port: int, leads_to: int) -> list[dict[str, Any]]:
    ports = [{"name": "part", "port": port}]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "part", "port": leads_to}],
            "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}],
        },
    ]
