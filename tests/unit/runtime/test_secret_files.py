"""Settings that come as files, and secrets that a settings object does not tell."""

from pathlib import Path

import pytest

from ringback import connect
from runtime import secret_files
from runtime.secret_files import SecretFileUnusable
from services.directory.settings import Settings as DirectorySettings
from services.gateway.settings import Settings as GatewaySettings
from services.tts.settings import Settings as TtsSettings


@pytest.fixture
def smtp_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that RINGBACK_SMTP_FILE names, and that is not there yet."""
    file = tmp_path / "smtp"
    monkeypatch.setenv("RINGBACK_SMTP_FILE", str(file))
    return file


def refusal() -> str:
    """What the settings of the directory are refused with."""
    with pytest.raises(SecretFileUnusable) as refused:
        DirectorySettings()
    return str(refused.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_setting_is_read_from_the_file_that_is_named_without_the_line_end(
    smtp_file: Path, end: str
) -> None:
    smtp_file.write_bytes(b"smtps://bot:s3cret@mail" + end.encode())
    assert DirectorySettings().smtp.get_secret_value() == "smtps://bot:s3cret@mail"


def test_only_one_line_end_is_dropped(smtp_file: Path) -> None:
    smtp_file.write_bytes(b" a\n\n")
    assert DirectorySettings().smtp.get_secret_value() == " a\n"


def test_numbers_and_json_are_read_from_files_as_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("HTTP_PORT", "81\n"),
        ("PBXS", '{"vostok/cloud": "ari://bot:s3cret@pbx"}'),
        ("TTS_FORMS", '["alaw"]'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv(f"RINGBACK_{name}_FILE", str(tmp_path / name))
    found = GatewaySettings()
    assert found.http_port == 81
    assert found.pbxs["vostok/cloud"].get_secret_value() == "ari://bot:s3cret@pbx"
    assert "s3cret" not in f"{found!r} {found.model_dump()} {found.model_dump_json()}"
    assert TtsSettings().tts_forms == ("alaw",)


def test_a_setting_that_is_set_twice_is_refused_and_both_names_are_said(
    smtp_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp_file.write_text("smtps://bot:s3cret@mail", encoding="utf-8")
    monkeypatch.setenv("RINGBACK_SMTP", "smtps://bot:s3cret@other")
    assert refusal() == "RINGBACK_SMTP and RINGBACK_SMTP_FILE are both set: unset one of them"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "can't be read: No such file or directory"),
        (b"s3cret\xff", "is not UTF-8"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cret" + b"x" * secret_files.CONTENT_BYTES_MAX, "has more than 65536 bytes"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_by_name_and_its_content_is_not_said(
    smtp_file: Path, data: bytes | None, why: str
) -> None:
    if data is not None:
        smtp_file.write_bytes(data)
    assert refusal() == f"RINGBACK_SMTP_FILE: {smtp_file} {why}"


def test_a_folder_is_no_file(smtp_file: Path) -> None:
    smtp_file.mkdir()
    assert refusal() == f"RINGBACK_SMTP_FILE: {smtp_file} is not a regular file"


def test_a_file_of_a_setting_that_the_service_does_not_have_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The files of all services may be named in one environment, and each mounts its own."""
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY_FILE", "/nowhere/key")
    assert GatewaySettings().pbxs == {}


def test_operators_programs_read_files_as_services_do(
    smtp_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_KAFKA", "127.0.0.1:1")
    with pytest.raises(connect.NotConfigured, match="RINGBACK_SMTP_FILE"):
        connect.environment()
    smtp_file.write_text("smtps://bot:s3cret@mail\n", encoding="utf-8")
    found = connect.environment()
    assert found["RINGBACK_SMTP"] == "smtps://bot:s3cret@mail"
    # A process that gets this environment would find the setting twice.
    assert "RINGBACK_SMTP_FILE" not in found


def test_an_environment_that_names_a_file_is_not_completed_with_the_stacks_own_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGBACK_KAFKA", raising=False)
    monkeypatch.delenv("RINGBACK_DIRECTORY_URL", raising=False)
    monkeypatch.setenv("RINGBACK_SMTP_FILE", str(tmp_path / "smtp"))
    (tmp_path / "smtp").write_text("smtp://own", encoding="utf-8")
    written = tmp_path / "env"
    written.write_text('RINGBACK_SMTP="smtp://stack"\nRINGBACK_REDIS="redis://stack"\n', encoding="utf-8")
    monkeypatch.setattr(connect, "ENV_FILE", written)
    found = connect.environment()
    assert (found["RINGBACK_SMTP"], found["RINGBACK_REDIS"]) == ("smtp://own", "redis://stack")
