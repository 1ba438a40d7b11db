"""`python -m devtools <verb> ...`: programs for developers of Ringback."""

import sys

from ringback.verbs import run

if __name__ == "__main__":
    sys.exit(run("devtools", sys.argv[1:]))
