"""A release is installed, upgraded, rolled back and uninstalled on a real API server, by both Helms."""

from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import story as stories
from tests.cluster.kubernetes import Kubernetes
from tests.cluster.story import NEW_TAG, TAG_BEFORE, VALUES, Story

SERVICES = ("routing", "queue", "callback", "voicemail", "tts", "directory", "history", "gateway")
OF_CRDS = {
    "scaledobject.keda.sh",
    "servicemonitor.monitoring.coreos.com",
    "prometheusrule.monitoring.coreos.com",
}


@pytest.fixture(scope="module", params=[3, 4], ids=["helm3", "helm4"])
def story(request: pytest.FixtureRequest, kubernetes: Kubernetes, crds: bool) -> Iterator[Story]:
    """With the CRDs the other Helm upgrades: operators change from one to the other."""
    first: int = request.param
    second = 7 - first if crds else first
    namespace = kubernetes.make_namespace()
    yield stories.told(kubernetes, namespace, helms=(first, second), has_crds=crds)
    kubernetes.remove_namespace(namespace)


def test_a_namespace_of_these_tests_refuses_a_pod_that_may_do_more(
    kubernetes: Kubernetes, namespace: str
) -> None:
    """Otherwise it would prove nothing that the chart's pods are admitted."""
    said = kubernetes.kubectl("run", "root", "--image=any", "--namespace", namespace, may_fail=True)
    assert 'violates PodSecurity "restricted' in said


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
@pytest.mark.usefixtures("crds")
def test_the_server_accepts_every_object_and_warns_of_none(
    kubernetes: Kubernetes, namespace: str, helm: str
) -> None:
    """Hooks and tests, too; a field that the server does not know is refused, as is a deprecated kind."""
    chart = ("office", str(stories.CHART), "--namespace", namespace, "--values", str(VALUES))
    kubernetes.run(helm, "install", *chart, "--dry-run=server")
    rendered = kubernetes.run(helm, "template", *chart, "--validate")
    accounts = [each for each in yaml.safe_load_all(rendered) if each["kind"] == "ServiceAccount"]
    apply = ("apply", "--namespace", namespace, "--filename=-")
    # Without its account a pod is refused before anybody looks at it.
    kubernetes.kubectl(*apply, told=yaml.safe_dump_all(accounts))
    strictly = ("--dry-run=server", "--validate=strict", "--warnings-as-errors")
    kubernetes.kubectl(*apply, *strictly, told=rendered)


def test_every_pod_is_admitted_into_a_restricted_namespace(story: Story) -> None:
    assert story.pods_missing == {}
    assert story.kinds["statefulset.apps"] + story.kinds["deployment.apps"] == len(SERVICES)


def test_objects_of_other_products_are_there_only_where_these_are(story: Story) -> None:
    assert OF_CRDS & set(story.kinds) == (OF_CRDS if story.has_crds else set())


def test_an_upgrade_changes_every_workload(story: Story) -> None:
    assert {image.rpartition(":")[2] for image in story.images["upgrade"]} == {NEW_TAG}


def test_a_rollback_restores_every_workload(story: Story) -> None:
    assert story.images["rollback"] == story.images["install"]
    assert {image.rpartition(":")[2] for image in story.images["rollback"]} == {TAG_BEFORE}


def test_an_uninstallation_leaves_nothing_but_the_claims_of_volumes(story: Story) -> None:
    """Recordings that are not in S3 yet are on such a volume: whoever wants them gone says so."""
    assert {each.partition("/")[0] for each in story.left} <= {"persistentvolumeclaim"}
