"""What the operator's pages tell somebody to type or to look at is there."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ringback.stack.services import ROOT
from ringback.verbs import verbs
from tests.chart.prometheus import exported
from tests.chart.rendering import CHART

FOLDER: Final = ROOT / "docs" / "operating"
PAGES: Final = ("upgrade.md", "rotation.md", "logs.md")
BLOCK: Final = re.compile(r"```bash\n(.*?)```", re.DOTALL)
VERB: Final = re.compile(r"python -m ringback ([a-z-]+)([^`\n]*)")
OPTION: Final = re.compile(r"--[a-z-]+")
SET: Final = re.compile(r"--set ([\w.]+)=")
HELD: Final = re.compile(r"^upgrade((?: [a-z]+)+)$", re.MULTILINE)
"""A step of an upgrade, with the services that it holds on their version."""
METRIC: Final = re.compile(r"\bringback_[a-z_]+\b")


def text_of(page: str) -> str:
    return (FOLDER / page).read_text(encoding="utf-8")


def sources(verb: str) -> str:
    """The code of one of our programs."""
    module = verb.replace("-", "_")
    files = [*(ROOT / "ringback").glob(f"{module}.py"), *(ROOT / "ringback" / module).rglob("*.py")]
    return "".join(each.read_text(encoding="utf-8") for each in files)


def value(path: str) -> Any:
    """The default of a value of the chart, or of what every service may have of its own."""
    found: Any = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    top, *names = path.split(".")
    if top == "services" and names[1] in found["defaults"]:
        assert names[0] in found["services"], path
        return found["defaults"][names[1]]
    for name in (top, *names):
        found = found[name]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_shell_reads_every_block_of_commands(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(BLOCK.findall(text_of(page))):
        script = tmp_path / f"{number}.sh"
        script.write_text(block, encoding="utf-8")
        done = subprocess.run(["bash", "-n", str(script)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_program_of_ours_has_the_verb_and_the_options(page: str) -> None:
    for verb, words in VERB.findall(text_of(page)):
        assert verb in verbs("ringback"), verb
        for option in OPTION.findall(words):
            assert f'"{option}"' in sources(verb), f"{verb} {option}"


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_is_exported(page: str) -> None:
    """A look at a metric that is not there finds nothing wrong."""
    named = set(METRIC.findall(text_of(page)))
    assert named <= exported().keys(), named - exported().keys()


def test_every_value_that_is_set_is_a_value_of_the_chart() -> None:
    page = text_of("upgrade.md")
    held = {name for names in HELD.findall(page) for name in names.split()}
    assert "queue" in held
    assert "--set services.$held.tag=" in page
    for path in [*SET.findall(page), *(f"services.{name}.tag" for name in sorted(held))]:
        assert value(path) == "", path


def test_operating_leads_to_every_page() -> None:
    main = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert [each.name for each in FOLDER.glob("*.md") if f"(operating/{each.name})" not in main] == []
