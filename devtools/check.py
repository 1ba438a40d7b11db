"""Ruff, mypy --strict, import-linter, licences and the tidy tests: what `make check` and CI run."""

import argparse
import subprocess
import sys
import time

from ringback.stack.services import ROOT

# Whether the tidy checks find what they look for is proven by test_planted, with the other tests.
STEPS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
    ("mypy --strict", ["mypy"]),
    ("import-linter", ["importlinter.cli", "--no-cache"]),
    ("licences", ["devtools", "licences", "--check"]),
    ("tidy tests", ["pytest", "-q", "tests/tidy", "--ignore=tests/tidy/test_planted.py"]),
)
# import-linter has no `python -m` of its own.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def main(argv: list[str]) -> int:
    """Run every step, also after a failure, and name the failed ones at the end."""
    argparse.ArgumentParser(prog="python -m devtools check", description=__doc__).parse_args(argv)
    failed = []
    for name, words in STEPS:
        started = time.monotonic()
        print(f"── {name}", flush=True)
        is_linter = words[0] == "importlinter.cli"
        start = ["-c", LINT_IMPORTS] if is_linter else ["-m", words[0]]
        if subprocess.run([sys.executable, *start, *words[1:]], cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
            print(f"── {name} failed after {time.monotonic() - started:.1f} s", flush=True)
    print(f"check: failed: {', '.join(failed)}" if failed else "check: all is well")
    return 1 if failed else 0
