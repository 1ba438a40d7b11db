"""A company of forty that works until Ctrl-C: two PBXs, three departments, customers who call all day.

`company` is its office, `day` says when who calls and what goes on, `run` starts everything and lets it
happen.
"""


def main(argv: list[str]) -> int:
    """Run it; 0 when somebody has ended it."""
    from devtools.live.run import main as run  # the pure parts can be imported without the stack

    return run(argv)
