"""Applies an office file: checks it, has the directory save it whole, and shows what changed.

`office.examine(document)` is the pure core: `document` reads YAML with its lines, `model` is the file's
shape, `office_sheet` translates it into the directory's cards, which services/directory/rules checks, and
`places` leads from a card's field back to its line. `directory_client` alone calls the directory, and `run`
is the program.
"""


def main(argv: list[str]) -> int:
    """Apply an office file."""
    from ringback.apply.run import main as run  # keeps the pure part free of network clients

    return run(argv)
