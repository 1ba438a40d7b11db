"""What if? Replays a recorded stretch of the log with other settings, side by side with what happened.

    python -m ringback replay --from LOG --set sales.strategy=linear --set sales.no_answer_ms=300000

The deciders of queue and callback are the real ones; people and phones behave as recorded. The limits of this
model are printed beneath the figures and described in docs/what-if.md.
"""


def main(argv: list[str]) -> int:
    """Replay, and compare."""
    from ringback.replay.run import main as run  # listing the verbs imports no rich

    return run(argv)
