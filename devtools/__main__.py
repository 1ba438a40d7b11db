"""`python -m devtools <verb> ...`: programs for those who build Ringback."""

import sys

from ringback.verbs import run

if __name__ == "__main__":
    sys.exit(run("devtools", sys.argv[1:]))
