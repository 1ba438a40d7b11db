"""Builds the container image that `Containerfile` describes, and keeps it as an archive (`make image`).

`engine` finds docker, podman or buildah, or installs podman · `machine` tells the build where this machine
gets its packages from · `base` makes a base image where none can be pulled · `archive` names the result by
what it is made of, and reads it · `build` puts them together.

For programs: `devtools.image.build.built()` returns the archive of the image of this tree, which it builds if
there is none yet; `ctr images import` and `docker load` take it. `make image-test` tests it (`tests/image`).
"""

import argparse
import sys


def main(argv: list[str]) -> int:
    """Build the image, or say that it is there; print where it is, and what its parts take."""
    # Imported here, so that listing the verbs needs none of its libraries.
    from devtools.image import base, build, engine

    parser = argparse.ArgumentParser(prog="python -m devtools image", description=__doc__)
    parser.add_argument(
        "--base",
        default=base.PUBLIC,
        help=f"Debian 12 or newer ({base.PUBLIC}; made here if it can't be pulled)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="build every layer anew, with what Debian has mended meanwhile"
    )
    options = parser.parse_args(argv)
    try:
        made = build.built(options.base, is_fresh=options.fresh)
    except engine.ImageFailed as failure:
        print(f"image: {failure}", file=sys.stderr)
        return 1
    build.show(made)
    return 0
