"""Applies an office file: checks it, saves it whole through the directory, and shows what changed.

`office.examine(document)` is the pure core: `document` reads YAML with its lines, `model` is the file's
shape, `office_sheet` translates it into the directory's cards, which services/directory/rules checks, and
`places` maps a card's field to its line. Only `directory_client` calls the directory. `run` is the program.
"""


def main(argv: list[str]) -> int:
    """Apply an office file."""
    from ringback.apply.run import main as run  # keeps the pure part free of network clients

    return run(argv)
