"""Puts an office file on the log: validates, shows the difference, sends what changed (--dry-run: nothing).

`office.facts(document, now_at)` is the pure heart, without any I/O, for tests and simulation: `document`
reads YAML with its lines, `model` is the file's shape, `checks` what must fit together, `difference`
compares with what the log says, and `run` alone touches the world. Hours become UTC intervals, and extensions
are judged, by the book's own rules (services/directory/rules).
"""


def main(argv: list[str]) -> int:
    """Apply an office file."""
    from tools.apply.run import main as run  # keeps the pure part free of Kafka and S3

    return run(argv)
