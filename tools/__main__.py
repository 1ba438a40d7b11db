"""`python -m tools <verb> ...`: runs the verb where it is now, and says where that is."""

import sys

from ringback.verbs import run, verbs

if __name__ == "__main__":
    words = sys.argv[1:]
    package = "devtools" if words and words[0].replace("-", "_") in verbs("devtools") else "ringback"
    print(f"tools: write `python -m {' '.join([package, *words[:1]])}` from now on", file=sys.stderr)
    sys.exit(run(package, words))
