"""`python -m services.tts`: start the service."""

from runtime.app import run_edge
from services.tts.service import EDGE
from services.tts.settings import Settings

if __name__ == "__main__":
    run_edge(EDGE, Settings)
