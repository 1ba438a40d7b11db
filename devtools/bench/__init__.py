"""Measures speed, growth and memory on this machine, each against a baseline of the same run (`make bench`).

`core` measures the queue's decider alone · `host` a fact's way through broker and store · `dialling`, `cost`
and `restart` a real queue service · `whole_call` every service that hears a call, beside Asterisk's queue,
and by `lag` how far history is behind · `replicas` three of each decider beside one · `organizations`
offices in which nobody calls · `voicemail` and `speech` their services' work · `past` (the group «history»)
a `week` of a million facts a day: its pages, its disk, reading it from the log, and by `period` and
`screens` statistics and the console · `present` (the group «live») how soon a fact is at a hundred screens ·
`fairness` what an organization notices of a neighbour · `calls` (the group «phones») real calls on an
Asterisk, beside its own queue · `seeds` the simulation that every test run plays.
`office`, `phones`, `traffic`, `recorded`, `live`, `background`, `neighbour` and `prepared` make the load;
`figures`, `machine` and `report` present the results.
Nothing here is a test: figures are printed and written down, never asserted.
"""

import argparse
import sys


def main(argv: list[str]) -> int:
    """Measure, print, and write docs/benchmarks.md and its JSON after a whole run."""
    # Imported here, so that listing the verbs needs none of its libraries.
    from devtools.bench import run

    parser = argparse.ArgumentParser(prog="python -m devtools bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(run.GROUPS), help="one group of figures; again for more"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, no Apache Kafka: to see that it works"
    )
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.* after a part or quick run, too"
    )
    options = parser.parse_args(argv)
    names = list(run.GROUPS) if options.only is None else list(dict.fromkeys(options.only))
    is_whole = options.only is None and not options.quick
    return run.run(names, is_quick=options.quick, writes=is_whole or options.write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
