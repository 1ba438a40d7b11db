"""Faults on real parts: what runs dies, freezes, forgets and lies; afterwards the log is judged.

`workload` makes a morning from a seed and `plan` its faults. `cluster` runs the real processes.
`fault_injector` carries the plan out and measures how long it takes until they work again; `proxy` stands
before S3 and the mail server. `reading` collects what a run leaves behind, `verdict` decides from that
alone, and `report` prints it.
"""


def main(argv: list[str]) -> int:
    """Run the mornings; exit 0 only if nothing was lost and nothing was done twice."""
    from devtools.chaos.run import main as run  # the judging parts can be imported without the stack

    return run(argv)
