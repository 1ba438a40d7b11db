"""What checkov finds in the objects, and why each of it is meant."""

from pathlib import Path
from typing import Final

import pytest
import yaml

from devtools.charts import checkov
from tests.chart import rendering

MEANT: Final = {
    "CKV_K8S_11": "no limit of processors: a decider that waits for its turn lets customers wait",
    "CKV_K8S_8": "the doctor looks once, and ends",
    "CKV_K8S_9": "the doctor looks once, and ends",
}
FOR_TRYING_OUT: Final = {
    "CKV_K8S_15": "the image of somebody who tries is in the cluster already",
    "CKV_K8S_43": "and has a tag",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_unsafe_that_is_not_meant(tmp_path: Path) -> None:
    """Every check of checkov for Kubernetes, on the profile for production and on the one for trying out.

    One object is made unsafe, to see that it is found: in the same run, since checkov takes long to start.
    """
    texts = {profile: rendering.rendered(profile) for profile in ("production", "minimal")}
    (pod, *_) = rendering.of_kind(rendering.objects("minimal"), "Pod")
    texts["unsafe"] = yaml.safe_dump(pod).replace("readOnlyRootFilesystem: true", "privileged: true")
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    found = checkov.findings([tmp_path / f"{name}.yaml" for name in texts])

    of = {name: {each.check for each in found if each.file == f"{name}.yaml"} for name in texts}
    assert of["production"] == MEANT.keys(), found
    assert of["minimal"] == MEANT.keys() | FOR_TRYING_OUT.keys(), found
    assert {"CKV_K8S_16", "CKV_K8S_22"} <= of["unsafe"], "neither privileged nor a root that can be written"
    without_probes = {each.where for each in found if each.check in ("CKV_K8S_8", "CKV_K8S_9")}
    assert all("-doctor-" in each for each in without_probes), without_probes
