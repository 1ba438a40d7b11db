"""`python -m ringback <verb> ...`: programs for operators of Ringback."""

import sys

from ringback.verbs import run
from runtime import private_files

if __name__ == "__main__":
    private_files.own_files_only()
    sys.exit(run("ringback", sys.argv[1:]))
