"""`helm test`: the doctor as each service, in a pod with its settings, its login and its secrets."""

from tests.cluster.node.office import Office


def test_the_doctor_finds_every_part_well_as_each_service_sees_it(office: Office) -> None:
    """The gateway's alone is not there: its PBXs are in its own pod."""
    assert set(office.run_doctors()) == {
        f"doctor-{name}"
        for name in ("routing", "queue", "callback", "voicemail", "tts", "directory", "history")
    }
