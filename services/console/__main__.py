"""`python -m services.console`: start the service."""

from runtime.web_process import run_web
from services.console.service import SERVICE
from services.console.settings import Settings

if __name__ == "__main__":
    run_web(SERVICE, Settings)
