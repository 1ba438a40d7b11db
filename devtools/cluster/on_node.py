"""Runs tests inside of a cluster with a node, which has the image of this tree."""

import subprocess
from pathlib import Path

from devtools.cluster.cache import say_on_stderr
from devtools.cluster.cluster import Cluster, entered, first_process
from devtools.cluster.given import IMAGE_OF_TESTS, KUBECONFIG_OF_TESTS
from devtools.cluster.node import socket_of
from devtools.image.build import built
from devtools.image.engine import ImageFailed
from ringback.stack.process import StackError
from ringback.stack.services import ROOT


def run_tests(run: Path, argv: list[str], env: dict[str, str]) -> int:
    """Run pytest inside of a cluster with a node, which has the image of this tree."""
    try:
        image = built()
    except ImageFailed as failure:
        raise StackError(str(failure)) from failure
    cluster = Cluster(run, has_node=True, dies_with_parent=True)
    programs = cluster.start()
    try:
        first = first_process(cluster.process.pid)
        assert first is not None
        say_on_stderr(f"importing {image.reference}, about a minute")
        importing = [programs.program("ctr"), "--address", str(socket_of(run)), "--namespace", "k8s.io"]
        importing += ["images", "import", str(image.archive)]
        subprocess.run(entered(first, importing), check=True)
        told = {KUBECONFIG_OF_TESTS: str(cluster.kubeconfig), IMAGE_OF_TESTS: image.reference}
        return subprocess.run(entered(first, argv), cwd=ROOT, env=env | told, check=False).returncode
    finally:
        cluster.stop()
