"""Applies an office file: checks it, has the directory save it whole, and shows what changed.

`office.examine(document)` is the pure heart: `document` reads YAML with its lines, `model` is the file's
shape, `sheet` says it in the words of the directory's cards, whose rules judge it (services/directory/rules),
and `places` leads from a card's field back to its line. `book` alone speaks to the directory, and `run` is
the program.
"""


def main(argv: list[str]) -> int:
    """Apply an office file."""
    from tools.apply.run import main as run  # keeps the pure part free of what asks over the network

    return run(argv)
