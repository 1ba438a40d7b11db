"""The operator's page about upgrades: its order, and the release from which the tests upgrade."""

import subprocess
from pathlib import Path

import pytest

from devtools.cluster import release
from tests.cluster.node.upgrade_page import BACK, EVERY, UP, Command, Names, commands

CHARTS = Path("tests/golden/charts")


def names(*kept: str) -> Names:
    return Names("office", "phones", Path("values.json"), "old", "new", 3, frozenset(kept))


def steps(*kept: str) -> tuple[list[Command], list[Command]]:
    """The page's commands up and back."""
    return list(commands(UP, names(*kept))), list(commands(BACK, names(*kept)))


def test_the_way_back_is_the_way_up_backwards() -> None:
    """Readers before writers on the one, and after them on the other."""
    up, back = steps()
    assert [each.held for each in back] == [*(each.held for each in reversed(up[:-1])), EVERY]


def test_every_service_changes_in_one_step_up() -> None:
    up, _ = steps()
    before = [EVERY, *(each.held for each in up[:-1])]
    assert all(now.held < then for then, now in zip(before, up, strict=True))
    assert up[-1].held == frozenset()


def test_the_last_step_back_is_the_rollback_unless_a_migration_forbids_it() -> None:
    _, back = steps()
    assert back[-1].lines == "helm4 rollback office 3 --namespace phones --wait --timeout 15m"
    up, back = steps("history")
    assert "--set image.tag=old --set services.history.tag=new" in back[-1].lines
    assert all("history" not in each.held for each in (*up, *back))


def git(tree: Path, *words: str) -> str:
    """What git prints, whoever is logged in here."""
    who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    argv = ["git", "-C", str(tree), *who, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def add(tree: Path, *files: str) -> str:
    """Commit files; the commit."""
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name, encoding="utf-8")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "more")
    return git(tree, "rev-parse", "HEAD")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    made.mkdir()
    git(made, "init", "--quiet")
    return made


def test_the_last_release_is_the_commit_that_kept_its_chart(tree: Path) -> None:
    add(tree, f"{CHARTS}/ringback-1.9.0.tgz")
    kept = add(tree, f"{CHARTS}/ringback-1.10.0.tgz")
    add(tree, "more")
    assert release.chart(tree).name == "ringback-1.10.0.tgz"
    assert release.commit(tree) == kept
    assert release.commits_since(kept, tree) == 1


def test_a_clone_without_its_history_knows_no_last_release(tree: Path, tmp_path: Path) -> None:
    """Its oldest commit seems to have added every file."""
    add(tree, f"{CHARTS}/ringback-1.9.0.tgz")
    add(tree, "more")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tree}", "shallow")
    assert release.commit(tmp_path / "shallow") is None


def test_who_has_migrated_tables_since_is_known(tree: Path) -> None:
    """Another change of a service is no migration."""
    versions = "services/history/activities/migrations/versions"
    kept = add(tree, f"{CHARTS}/ringback-1.9.0.tgz", f"{versions}/0001.py", "services/directory/state.py")
    assert release.migrated_since(kept, tree) == set()
    add(tree, f"{versions}/0002.py", "services/directory/more.py")
    assert release.migrated_since(kept, tree) == {"history"}
