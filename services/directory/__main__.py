"""`python -m services.directory`: start the service; `python -m ringback operator` works on its database."""

from runtime.app import run_edge
from services.directory.service import EDGE
from services.directory.settings import Settings

if __name__ == "__main__":
    run_edge(EDGE, Settings)
