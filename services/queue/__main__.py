"""`python -m services.queue`: start the service."""

from runtime.app import run_decider
from services.queue.service import SERVICE
from services.queue.settings import Settings

if __name__ == "__main__":
    run_decider(SERVICE, Settings)
