"""The cluster of the chart's tests: its cache, why there can be none, and the names that pods look up."""

from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from devtools.cluster import commands
from devtools.cluster.cache import NoPrograms, Part, Say
from devtools.cluster.cluster import reason_impossible
from devtools.cluster.names import addresses, answered


@pytest.fixture(autouse=True)
def an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def silent(line: str) -> None:
    """Progress that nobody reads."""


def part(recipe: str, made: list[str]) -> Part:
    def make(folder: Path, say: Say) -> None:
        made.append(recipe)
        (folder / "program").write_text(recipe)

    return Part("some", recipe.encode(), make, "a moment")


def test_a_part_is_made_once_for_each_recipe() -> None:
    made: list[str] = []
    first, second = part("one", made), part("two", made)
    for _ in range(2):
        assert (first.fetched(silent) / "program").read_text() == "one"
        assert (second.fetched(silent) / "program").read_text() == "two"
    assert made == ["one", "two"]


def test_a_part_that_could_not_be_made_is_not_there() -> None:
    """Half of it would be taken for all of it by the next run."""

    def fail(folder: Path, say: Say) -> None:
        (folder / "half").touch()
        raise NoPrograms("no network")

    broken = Part("some", b"", fail, "a moment")
    with pytest.raises(NoPrograms, match="no network"):
        broken.fetched(silent)
    assert not broken.is_cached()


def test_a_kubeconfig_that_is_not_there_is_told_before_any_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs would take a missing file for a cluster on this machine."""
    assert commands.main(["test", "--kubeconfig", str(tmp_path / "config")]) == 1
    assert f"there is no file {tmp_path / 'config'}" in capsys.readouterr().err


def test_ci_leaves_the_chart_tests_out_where_their_programs_would_have_to_be_built(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says which are missing, and what puts them there."""
    assert commands.main(["test", "--if-cached"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("chart-cluster: left out, since kubernetes, etcd, crds are not in the cache")
    assert "make chart-cluster" in said


def test_a_machine_without_the_programs_that_make_namespaces_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(reason_impossible()).startswith(
        "there is no unshare: apt-get install util-linux iproute2, or "
    )


def test_a_machine_that_forbids_namespaces_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("unshare", "nsenter", "ip"):
        (tmp_path / name).write_text(
            "#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2; exit 1\n"
        )
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "lets nobody make namespaces (unshare failed: Operation not permitted)" in str(reason_impossible())


def test_a_user_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert str(reason_impossible()).startswith("a cluster of our own needs root")


def service(name: str, address: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "office"}, "spec": {"clusterIP": address}}


def ends(of: str, *endpoints: dict[str, Any]) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": of}
    return {"metadata": {"namespace": "office", "labels": labels}, "endpoints": list(endpoints)}


def pod(name: str, address: str, *, is_ready: bool = True) -> dict[str, Any]:
    return {"hostname": name, "addresses": [address], "conditions": {"ready": is_ready}}


KNOWN = addresses(
    [service("api", "10.96.0.7"), service("pods", "None")],
    [
        ends("api", pod("a", "10.244.0.5")),
        ends("pods", pod("a", "10.244.0.5"), pod("b", "10.244.0.6", is_ready=False)),
    ],
)
SUFFIX = "office.svc.cluster.local"


def test_a_service_has_its_own_address_and_a_headless_one_those_of_its_ready_pods() -> None:
    assert KNOWN[f"api.{SUFFIX}"] == ["10.96.0.7"]
    assert KNOWN[f"pods.{SUFFIX}"] == ["10.244.0.5"]


def test_a_pod_behind_a_headless_service_has_a_name_as_long_as_it_is_ready() -> None:
    """The gateway's recordings are fetched by it."""
    assert KNOWN[f"a.pods.{SUFFIX}"] == ["10.244.0.5"]
    assert f"b.pods.{SUFFIX}" not in KNOWN


@pytest.mark.parametrize(
    ("name", "kind", "code", "found"),
    [
        (f"API.{SUFFIX}", "A", dns.rcode.NOERROR, ["10.96.0.7"]),
        (f"api.{SUFFIX}", "AAAA", dns.rcode.NOERROR, []),
        ("s3.example", "A", dns.rcode.NXDOMAIN, []),
    ],
)
def test_a_question_gets_addresses_or_that_there_is_no_such_name(
    name: str, kind: str, code: int, found: list[str]
) -> None:
    """Without an answer to AAAA a pod's resolver waits five seconds for each connection."""
    reply = dns.message.from_wire(answered(dns.message.make_query(name, kind).to_wire(), KNOWN.get))
    assert reply.rcode() == code
    assert [str(each) for answer in reply.answer for each in answer] == found
