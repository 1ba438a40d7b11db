"""`python -m ringback <verb> ...`: programs for operators of Ringback."""

import sys

from ringback.verbs import run

if __name__ == "__main__":
    sys.exit(run("ringback", sys.argv[1:]))
