"""Makes and rotates the key sets with which tokens are signed and verified.

`keys tokens FILE --public FILE` makes a set, or puts a new key first and keeps the older ones; with
`--drop KID` it takes one of them out instead. FILE is private and the directory's alone
(RINGBACK_TOKEN_KEYS_FILE); `--public` is what services have that verify (RINGBACK_TOKEN_PUBLIC_KEYS_FILE).
"""

import argparse
import sys
from pathlib import Path

from runtime import private_files
from runtime.token_keys import KeysUnusable, SigningKeys

EXIT_NOT_DONE = 3


def main(argv: list[str]) -> int:
    """Carry it out; 0 when it was done, 3 with the reason when not."""
    options = _parser().parse_args(argv)
    try:
        keys = _changed(options.file, options.drop)
        # The public set first: no key may sign that nobody verifies.
        private_files.replace(options.public, keys.public.as_json() + "\n")
        private_files.replace(options.file, keys.as_private_json() + "\n")
    except KeysUnusable as error:
        print(f"keys: {options.file}: {error}", file=sys.stderr)
        return EXIT_NOT_DONE
    except (OSError, UnicodeDecodeError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return EXIT_NOT_DONE
    for number, kid in enumerate(keys.kids):
        print(f"{kid} {'verifies' if number else 'signs and verifies'}")
    return 0


def _changed(file: Path, drop: str | None) -> SigningKeys:
    if drop is None and not file.exists():
        return SigningKeys.generate()
    keys = SigningKeys.read(file.read_text(encoding="utf-8"))
    return keys.with_new_first() if drop is None else keys.without(drop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ringback keys", description=__doc__)
    tokens = parser.add_subparsers(dest="what", required=True).add_parser("tokens", help="key sets of tokens")
    tokens.add_argument("file", type=Path, metavar="FILE", help="the private set")
    tokens.add_argument("--public", type=Path, required=True, metavar="FILE", help="the public set")
    drop = (
        "take this key out: its tokens open nothing any more (--drop=KID for one that begins with a hyphen)"
    )
    tokens.add_argument("--drop", metavar="KID", help=drop)
    return parser
