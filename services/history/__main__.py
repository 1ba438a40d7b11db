"""`python -m services.history`: start the service; with `rebuild`, rebuild its tables first."""

import sys

from runtime.app import run_edge
from services.history.service import edge
from services.history.settings import Settings

if __name__ == "__main__":
    run_edge(edge(sys.argv[1:]), Settings)
