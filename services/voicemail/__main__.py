"""`python -m services.voicemail`: start the service."""

from runtime.app import run_decider
from services.voicemail.service import EDGE, SERVICE
from services.voicemail.settings import Settings

if __name__ == "__main__":
    run_decider(SERVICE, Settings, edge=EDGE)
