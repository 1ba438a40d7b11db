"""What a person starts: a cluster that stays until `down`, a command inside it, and the tests on one."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from devtools.cluster import cluster as clusters
from devtools.cluster.cluster import Cluster, reason_impossible
from devtools.cluster.given import KILLS_OF_TESTS, KUBECONFIG_OF_TESTS
from devtools.cluster.node import socket_of
from devtools.cluster.programs import PARTS, fetched, needed
from ringback.stack.journal import Journal, Started
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from runtime import private_files

RUN: Final = ROOT / ".run" / "cluster"
JOURNAL: Final = Journal(ROOT / ".run" / "cluster.jsonl")


def main(argv: list[str]) -> int:
    """Run one command; 1 if it fails."""
    options, more = _options(argv)
    try:
        with interrupted_by_signals():
            match options.command:
                case "fetch":
                    fetched(has_node=options.node)
                    return 0
                case "up":
                    return _up(has_node=options.node)
                case "run":
                    return _run(options.words)
                case "down":
                    return _down()
                case _:
                    return _test(options, more)
    except StackError as failure:
        print(f"cluster: {failure}", file=sys.stderr)
        return 1


def _options(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m devtools cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("fetch", "put the programs into the cache"), ("up", "start one, which stays")):
        commands.add_parser(name, help=does).add_argument("--node", action="store_true", help="with a node")
    words = commands.add_parser("run", help="run a command inside the one that is up, beside its pods")
    words.add_argument("words", nargs=argparse.REMAINDER, help="such as kubectl get pods")
    commands.add_parser("down", help="end the one that is up")
    test = commands.add_parser("test", help="the tests of the chart; further words are for pytest")
    test.add_argument(
        "--kubeconfig", help="use this cluster; it gets namespaces and CRDs, and loses them again"
    )
    test.add_argument("--node", action="store_true", help="with pods that run, on a node of our own")
    test.add_argument("--minutes", type=float, help="of kills at random on the node, 5; fewer write no page")
    test.add_argument("--if-cached", action="store_true", help="leave it out unless its programs are here")
    options, more = parser.parse_known_args(argv)
    if more and options.command != "test":
        parser.error(f"unknown: {' '.join(more)}")
    return options, more


def _up(*, has_node: bool) -> int:
    if JOURNAL.alive():
        raise StackError("a cluster is up already: python -m devtools cluster down")
    # Every start is a new cluster, also after one that nobody ended.
    shutil.rmtree(RUN, ignore_errors=True)
    private_files.folder(RUN)
    JOURNAL.forget()
    cluster = Cluster(RUN, has_node=has_node, journal=JOURNAL)
    programs = cluster.start()
    print(f"export KUBECONFIG={cluster.kubeconfig} PATH={programs.path}")
    return 0


def _started() -> Started:
    alive = JOURNAL.alive()
    if not alive:
        raise StackError("no cluster is up: python -m devtools cluster up")
    return alive[0]


def _run(words: list[str]) -> int:
    first = clusters.first_process(_started().pid)
    if first is None or not words:
        raise StackError("give a command: python -m devtools cluster run kubectl get pods")
    has_node = socket_of(RUN).exists()
    path = fetched(has_node=has_node).path
    env = {**os.environ, "KUBECONFIG": str(RUN / "kubeconfig"), "PATH": path}
    return subprocess.run(clusters.entered(first, words), env=env, check=False).returncode


def _down() -> int:
    started = _started()
    first = clusters.first_process(started.pid)
    started.end()
    clusters.clear(RUN, first)
    JOURNAL.forget()
    return 0


def _test(options: argparse.Namespace, more: list[str]) -> int:
    env = dict(os.environ)
    if options.minutes is not None:
        env[KILLS_OF_TESTS] = str(60 * options.minutes)
    if options.kubeconfig:
        given = Path(options.kubeconfig).expanduser().resolve()
        if not given.is_file():
            raise StackError(f"there is no file {given}: KUBECONFIG names the one of the cluster to use")
        env[KUBECONFIG_OF_TESTS] = str(given)
    elif options.if_cached and (reason := _reason_to_leave_out()):
        print(f"chart-cluster: left out, since {reason}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ringback-cluster-") as folder:
        argv = [sys.executable, "-m", "pytest", "-n", "0", "-m", "cluster", f"--basetemp={folder}/tests"]
        if options.node:
            from devtools.cluster.on_node import run_tests  # builds images, which nothing else here needs

            return run_tests(Path(folder) / "run", [*argv, "tests/cluster/node", *more], env)
        return subprocess.run([*argv, "tests/cluster", *more], cwd=ROOT, env=env, check=False).returncode


def _reason_to_leave_out() -> str | None:
    missing = [part.name for part in [*needed(has_node=False), PARTS["crds"]] if not part.is_cached()]
    if missing:
        return (
            f"{', '.join(missing)} are not in the cache: `make chart-cluster` puts them there, in 10 minutes"
        )
    return reason_impossible()
