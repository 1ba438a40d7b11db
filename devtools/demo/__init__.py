"""A morning at the company, live, on the embedded parts, with every service a real process (--fast).

`timeline` reads the log and judges what was promised, `screen` shows it, `run` starts and stops the world.
"""


def main(argv: list[str]) -> int:
    """Run the demo; exit 0 only if what was promised happened."""
    from devtools.demo.run import main as run  # the pure parts can be imported without the stack

    return run(argv)
