"""A real Kubernetes in namespaces of its own, for the tests of the chart: fetch, up, run, down, test.

`programs` says where the programs come from, and `cache` keeps them. `cluster` is the outside: it starts
`namespaces`, whose process 1 is `inside`, which starts `control_plane` and, if wanted, `node`.
"""


def main(argv: list[str]) -> int:
    """Run one of the commands."""
    from devtools.cluster.commands import main as run  # process 1 imports this package, and not the commands

    return run(argv)
