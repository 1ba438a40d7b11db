"""`python -m services.callback`: start the service."""

from runtime.app import run_decider
from services.callback.service import SERVICE
from services.callback.settings import Settings

if __name__ == "__main__":
    run_decider(SERVICE, Settings)
