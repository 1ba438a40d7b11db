"""Where voicemail reads the spool is somewhere, and no wire on which others hear recordings."""

import pytest

from services.gateway.service import reachable_spool
from services.gateway.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing listens here


def test_the_spool_is_at_the_internal_listener_unless_a_setting_says_where() -> None:
    """With a certificate of that listener it is encrypted."""
    alone = Settings(internal_port=18081)
    assert reachable_spool(alone) == "http://127.0.0.1:18081/spool?recording="
    own = Settings(internal_certificate="/certificate.pem", internal_host="gateway-0")
    assert reachable_spool(own) == "https://gateway-0:8081/spool?recording="
    named = Settings(internal_host=EVERYWHERE, spool_url="https://gateway-0.internal:8081/")
    assert reachable_spool(named) == "https://gateway-0.internal:8081/spool?recording="


@pytest.mark.parametrize("host", ["", EVERYWHERE, "::"])
def test_a_gateway_that_listens_everywhere_must_say_where_it_is(host: str) -> None:
    """Voicemail would look for the spool on its own machine, and find none."""
    with pytest.raises(ValueError, match="set RINGBACK_SPOOL_URL"):
        reachable_spool(Settings(internal_host=host, allow_plaintext_to="spool"))


def test_recordings_go_to_another_machine_encrypted_unless_the_operator_names_the_spool() -> None:
    """The same name that voicemail's side of the wire has."""
    clear = "http://gateway-0:8081"
    with pytest.raises(ValueError, match=r"RINGBACK_INTERNAL_CERTIFICATE.*RINGBACK_ALLOW_PLAINTEXT_TO"):
        reachable_spool(Settings(spool_url=clear, allow_plaintext_to="http"))
    allowed = reachable_spool(Settings(spool_url=clear, allow_plaintext_to="spool"))
    assert allowed == f"{clear}/spool?recording="
