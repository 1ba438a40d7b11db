"""Looks at everything that an installation stands on, and says of each what is wrong and what to do.

It reads the settings that the services read, and asks what they ask: with their logins, over their wires, as
the rules of their rights are. It rings nobody and sends no letter. It leaves a record in the log that nobody
reads, and takes back what it puts anywhere else.
"""


def main(argv: list[str]) -> int:
    """Look, tell, and return 0 if nothing is red, else 1."""
    from ringback.doctor.run import main as run  # listing the verbs imports no client of anything

    return run(argv)
