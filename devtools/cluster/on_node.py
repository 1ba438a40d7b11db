"""Runs tests inside of a cluster with a node, which has the images of this tree and of the last release."""

import subprocess
from pathlib import Path

from devtools.cluster import release
from devtools.cluster.cache import say_on_stderr
from devtools.cluster.cluster import Cluster, entered, first_process
from devtools.cluster.given import IMAGE_BEFORE_OF_TESTS, IMAGE_OF_TESTS, KUBECONFIG_OF_TESTS
from devtools.cluster.node import socket_of
from devtools.image.archive import Built
from devtools.image.build import built, built_of
from devtools.image.engine import ImageFailed
from ringback.stack import kafka
from ringback.stack.process import StackError
from ringback.stack.services import ROOT


def run_tests(run: Path, argv: list[str], env: dict[str, str]) -> int:
    """Run pytest inside of a cluster with a node, which has both images."""
    images = _images()
    # The broker is started inside, from where no registry can be reached.
    kafka.jars()
    cluster = Cluster(run, has_node=True, dies_with_parent=True)
    programs = cluster.start()
    try:
        first = first_process(cluster.process.pid)
        assert first is not None
        for image in images.values():
            say_on_stderr(f"importing {image.reference}, about a minute")
            importing = [programs.program("ctr"), "--address", str(socket_of(run)), "--namespace", "k8s.io"]
            importing += ["images", "import", str(image.archive)]
            subprocess.run(entered(first, importing), check=True)
        told = {setting: image.reference for setting, image in images.items()}
        told[KUBECONFIG_OF_TESTS] = str(cluster.kubeconfig)
        return subprocess.run(entered(first, argv), cwd=ROOT, env=env | told, check=False).returncode
    finally:
        cluster.stop()


def _images() -> dict[str, Built]:
    """The images by what tells the tests of them. Raises StackError."""
    try:
        images = {IMAGE_OF_TESTS: built()}
        released = release.commit()
        if released is None:
            say_on_stderr("git has no commit of the last release here, so that nothing is upgraded from it")
        else:
            say_on_stderr(f"the image of the last release, {released[:12]}")
            images[IMAGE_BEFORE_OF_TESTS] = built_of(released)
    except ImageFailed as failure:
        raise StackError(str(failure)) from failure
    return images
