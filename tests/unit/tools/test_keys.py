"""`python -m ringback keys tokens`: sets are made, rotated and thinned out, and nobody else may read them."""

import stat
from pathlib import Path

import pytest

from contracts.ids import AgentId, Instant, OrganizationId
from ringback import keys
from runtime.token_keys import SigningKeys, VerifyingKeys
from runtime.tokens import Claims, TokenRefused, TokenUse, sign, verify

NOW = Instant(1_700_000_000_000)
CLAIMS = Claims(
    organization_id=OrganizationId("org"), use=TokenUse.ACCESS, agent_id=AgentId("gusev"), issued_at=NOW
)


class Files:
    """The two files, and the verb on them."""

    def __init__(self, folder: Path) -> None:
        self.private = folder / "keys.json"
        self.public = folder / "public.json"

    def run(self, *more: str) -> int:
        return keys.main(["tokens", str(self.private), "--public", str(self.public), *more])

    @property
    def signing(self) -> SigningKeys:
        return SigningKeys.read(self.private.read_text(encoding="utf-8"))

    @property
    def verifying(self) -> VerifyingKeys:
        return VerifyingKeys.read(self.public.read_text(encoding="utf-8"))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_first_set_is_made_for_its_owner_alone(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """The private set signs tokens for everybody; the screen names it and shows no key."""
    assert files.run() == 0
    assert files.verifying.kids == files.signing.kids
    assert stat.S_IMODE(files.private.stat().st_mode) == 0o600
    assert capsys.readouterr().out == f"{files.signing.kids[0]} signs and verifies\n"


def test_another_key_is_put_first_and_the_older_ones_stay(files: Files) -> None:
    """Tokens of the older key hold on, and who has only the new public set reads both."""
    files.run()
    older = files.signing
    assert files.run() == 0
    assert files.signing.kids[1:] == older.kids
    assert verify(sign(CLAIMS, older), files.verifying, NOW) == CLAIMS
    assert verify(sign(CLAIMS, files.signing), files.verifying, NOW) == CLAIMS


def test_a_key_that_is_dropped_opens_nothing_any_more(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of a rotation, and what to do at once about a key that got out."""
    files.run()
    older = files.signing
    files.run()
    assert files.run("--drop", older.kids[0]) == 0
    assert older.kids[0] not in files.signing.kids + files.verifying.kids
    with pytest.raises(TokenRefused, match="kid"):
        verify(sign(CLAIMS, older), files.verifying, NOW)
    left = files.private.read_text(encoding="utf-8")
    capsys.readouterr()
    assert files.run("--drop", older.kids[0]) == keys.EXIT_NOT_DONE
    assert "there is no key" in capsys.readouterr().err
    assert files.run("--drop", files.signing.kids[0]) == keys.EXIT_NOT_DONE
    assert "the only key" in capsys.readouterr().err
    assert files.private.read_text(encoding="utf-8") == left


def test_a_file_that_is_no_set_is_left_as_it_is(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path must not cost a file, nor show what is in it."""
    files.private.write_text("s3cret", encoding="utf-8")
    assert files.run() == keys.EXIT_NOT_DONE
    told = capsys.readouterr().err
    assert "not a JWK set" in told
    assert "s3cret" not in told
    assert files.private.read_text(encoding="utf-8") == "s3cret"
    assert not files.public.exists()
