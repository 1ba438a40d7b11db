"""The wire to a PBX has the login of its ARI, and every call: elsewhere it is encrypted or not made."""

import pytest

from ringback.export.reload import NotReloaded, reload
from runtime.plaintext import PlaintextRefused
from services.gateway.service import adapter_at

LOGIN = "ring:s3cret"


@pytest.mark.parametrize(
    "address",
    [f"ari+http://{LOGIN}@pbx.example.org:8088/ari", "tcp://pbx.example.org:5038", "tcp://10.0.0.1"],
)
def test_a_pbx_of_another_machine_is_reached_encrypted_or_not_at_all(address: str) -> None:
    with pytest.raises(PlaintextRefused) as refused:
        adapter_at(address, allowed_to=["spool", "http"])
    assert "ari+https://" in str(refused.value)
    assert "name pbx in RINGBACK_ALLOW_PLAINTEXT_TO" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    adapter_at(address, allowed_to=["pbx"])


@pytest.mark.parametrize(
    "address",
    [
        f"ari+https://{LOGIN}@pbx.example.org/ari",
        f"ari+http://{LOGIN}@127.0.0.1:8088/ari",
        "tcp://127.0.0.1:5038",
        "tcp://[::1]:5038",
    ],
)
def test_tls_and_this_machine_need_no_permission(address: str) -> None:
    adapter_at(address)


def test_a_reload_by_ari_takes_the_login_over_no_open_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"ari+http://{LOGIN}@pbx.example.org:8088/ari"
    monkeypatch.setenv("RINGBACK_PBXS", f'{{"vostok/cloud": "{address}"}}')
    with pytest.raises(NotReloaded, match="RINGBACK_ALLOW_PLAINTEXT_TO") as refused:
        reload("ari", "vostok", "cloud")
    assert "s3cret" not in str(refused.value)
