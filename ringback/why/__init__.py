"""Why did I wait? For a place, a caller's number or a leg: which agents were skipped when, and why (H7).

Everything is read from the log: what happened to the place, and at every change why each agent of the
department was skipped. Numbers are masked unless --full.
"""


def main(argv: list[str]) -> int:
    """Show one place's story."""
    from ringback.why.run import main as run  # listing the verbs imports no rich

    return run(argv)
