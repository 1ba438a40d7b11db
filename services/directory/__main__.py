"""`python -m services.directory`: start the service; with a verb (`--help` lists them), do that instead."""

import sys

from runtime.app import run_edge
from services.directory.activities.cli import main
from services.directory.service import EDGE
from services.directory.settings import Settings

if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(sys.argv[1:]))
    run_edge(EDGE, Settings)
