"""Writes files for others: `export log`, the log of facts; `export pjsip`, what a PBX of Asterisk includes.

Each of them is for its owner alone: the log has unmasked phone numbers, the PBX's files have passwords.
"""

import argparse

from ringback.export import log_file, pjsip


def main(argv: list[str]) -> int:
    """Write what the first word names."""
    parser = argparse.ArgumentParser(prog="python -m ringback export", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, module in (("log", log_file), ("pjsip", pjsip)):
        text = module.__doc__ or ""
        verb = verbs.add_parser(name, help=text.partition("\n")[0], description=text)
        module.add_options(verb)
        verb.set_defaults(run=module.run)
    options = parser.parse_args(argv)
    return int(options.run(options))
