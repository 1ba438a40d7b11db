"""`python -m services.gateway`: start the service."""

from runtime.app import run_edge
from services.gateway.service import EDGE
from services.gateway.settings import Settings

if __name__ == "__main__":
    run_edge(EDGE, Settings)
