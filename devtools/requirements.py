"""Resolves requirements/*.in into the hashed *.txt, without naming the packages' index."""

import argparse
import subprocess
import sys

from ringback.stack.services import ROOT

COMPILE = ["pip", "compile", "-q", "--no-header", "--generate-hashes", "--no-emit-index-url", "--universal"]
PYTHON_MIN = "3.11"


def main(argv: list[str]) -> int:
    """Resolve all lists; with --upgrade to the newest versions, else pins stay if possible."""
    parser = argparse.ArgumentParser(prog="python -m devtools requirements", description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    options = parser.parse_args(argv)
    upgrade = ["--upgrade"] if options.upgrade else []
    for name in ("uv", "base", "dev", "charts", "checkov"):
        files = [f"requirements/{name}.in", "-o", f"requirements/{name}.txt"]
        uv = [sys.executable, "-m", "uv", *COMPILE, "--python-version", PYTHON_MIN]
        # Of charts.in only what is named is fetched, and nothing is installed.
        alone = ["--no-deps"] if name == "charts" else []
        code = subprocess.run([*uv, *upgrade, *alone, *files], cwd=ROOT, check=False).returncode
        if code != 0:
            return code
    return 0
