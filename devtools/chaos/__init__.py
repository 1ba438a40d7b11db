"""Injects faults into real processes, which die, freeze and lose data; then judges the log.

`workload` makes a morning from a seed, and `plan` its faults. `cluster` runs the real processes.
`fault_injector` carries the plan out and measures how long recovery takes; `proxy` is in front of S3 and the
mail server. `reading` collects what a run leaves behind, `verdict` judges that alone, and `report` prints it.
"""


def main(argv: list[str]) -> int:
    """Run the mornings; exit 0 only if nothing was lost or done twice."""
    from devtools.chaos.run import main as run  # the judging parts can be imported without the stack

    return run(argv)
