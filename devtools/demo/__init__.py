"""A morning at the company, live, on the embedded parts, with every service a real process (--fast).

`timeline` reads the log, `promises` judges it, `screen` shows it, `run` starts and stops everything.
"""


def main(argv: list[str]) -> int:
    """Run the demo; exit 0 only if every promise was kept."""
    from devtools.demo.run import main as run  # the pure parts can be imported without the stack

    return run(argv)
