"""`python -m services.routing`: start the service."""

from runtime.app import run_decider
from services.routing.service import SERVICE
from services.routing.settings import Settings

if __name__ == "__main__":
    run_decider(SERVICE, Settings)
