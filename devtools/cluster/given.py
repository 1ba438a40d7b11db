"""How tests learn which cluster they use: names of environment variables."""

from typing import Final

KUBECONFIG_OF_TESTS: Final = "RINGBACK_TEST_KUBECONFIG"
"""The cluster that the tests use; without it they start one."""
IMAGE_OF_TESTS: Final = "RINGBACK_TEST_IMAGE"
"""The image that the node of the tests has; without it there is no node."""
IMAGE_BEFORE_OF_TESTS: Final = "RINGBACK_TEST_IMAGE_BEFORE"
"""The image of the last release, which the node has as well; without it nothing is upgraded."""
KILLS_OF_TESTS: Final = "RINGBACK_TEST_KILLED_S"
"""How many seconds pods are killed at random; without it KILLED_S."""
KILLED_S: Final = 300
"""A shorter run writes no docs/cluster.md."""
