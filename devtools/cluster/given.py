"""How tests learn which cluster they use: names of environment variables."""

from typing import Final

KUBECONFIG_OF_TESTS: Final = "RINGBACK_TEST_KUBECONFIG"
"""The cluster that the tests use; without it they start one."""
IMAGE_OF_TESTS: Final = "RINGBACK_TEST_IMAGE"
"""The image that the node of the tests has; without it there is no node."""
