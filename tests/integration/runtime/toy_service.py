"""The toy decider as a process, with the same composition root as every service."""

from runtime.app import run_decider
from runtime.settings import RuntimeSettings
from tests.unit.runtime.worlds import toy

if __name__ == "__main__":
    run_decider(toy(), RuntimeSettings)
