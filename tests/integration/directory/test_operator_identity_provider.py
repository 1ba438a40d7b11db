"""`python -m ringback operator identity-provider`: named, shown, taken away, and typed wrong."""

import sqlite3
from pathlib import Path

import pytest

from ringback import operator

ORGANIZATION = "vostok"
CREATE = ["create", ORGANIZATION, "--name", "Восток", "--administrator", "Гусев Родион"]
CREATE += ["--email", "gusev@vostok.local", "--pbx", "Москва", "--number", "+74950001000"]
VERB = ["identity-provider", ORGANIZATION]
REDIRECT = ["--redirect", "https://console.vostok.example/openid"]
SECRET = "a secret that nobody guesses"


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An installation with an organization, and the option that names the file with the client's secret."""
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", f"sqlite:///{tmp_path / 'book.db'}")
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", "k" * 32)
    assert operator.main(CREATE) == 0
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return ["--client-secret-file", str(path)]


def named(secret: list[str], issuer: str = "https://login.vostok.example", *more: str) -> list[str]:
    """A whole `set`."""
    return [*VERB, "set", "--issuer", issuer, "--client-id", "ringback", *secret, *REDIRECT, *more]


def test_the_operator_names_a_provider_sees_it_and_takes_it_away(
    secret: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The secret is neither shown nor kept in the clear; each act but a look stands in the trail."""
    assert operator.main(named(secret)) == 0
    assert operator.main([*VERB, "show"]) == 0
    shown = capsys.readouterr().out
    assert "issuer: https://login.vostok.example" in shown
    assert "employees linked: 0 of 1" in shown
    assert "passwords: everybody's, too" in shown
    assert SECRET not in shown
    assert SECRET.encode() not in (tmp_path / "book.db").read_bytes()
    assert operator.main([*VERB, "remove"]) == 0
    assert operator.main([*VERB, "show"]) == operator.EXIT_NOT_DONE
    assert "has no identity provider" in capsys.readouterr().err
    with sqlite3.connect(tmp_path / "book.db") as database:
        found = database.execute("SELECT details FROM audit WHERE what = 'operator.acted'").fetchall()
    acts = ['{"act":"create"}', '{"act":"identity-provider set"}', '{"act":"identity-provider remove"}']
    assert [row[0] for row in found] == acts


def test_by_the_provider_alone_names_an_administrator_whose_password_stays(
    secret: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Naming the provider again without it gives passwords back."""
    assert operator.main(named(secret, "https://login.vostok.example", "--only", "gusev.r")) == 3
    assert "has not chosen a password" in capsys.readouterr().err
    with sqlite3.connect(tmp_path / "book.db") as database:
        database.execute("UPDATE passwords SET is_one_time = 0")
    assert operator.main(named(secret, "https://login.vostok.example", "--only", "gusev.r")) == 0
    assert "passwords: only that of gusev-r" in capsys.readouterr().out
    assert operator.main(named(secret, "https://login.vostok.example", "--only", "nobody")) == 3
    assert "there is no administrator with this login" in capsys.readouterr().err
    assert operator.main(named(secret)) == 0
    assert "passwords: everybody's, too" in capsys.readouterr().out


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.vostok.example",
        "http://127.0.0.1.example.org",
        "https://user:secret@login.vostok.example",
        "https://login.vostok.example?x=1",
        "https://login.vostok.example#x",
        "ftp://login.vostok.example",
        "https://login.vostok.example/" + "x" * 300,
    ],
)
def test_an_issuer_in_the_clear_or_with_a_secret_in_it_is_refused(
    secret: list[str], issuer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what is wrong, and nothing is named."""
    assert operator.main(named(secret, issuer)) == operator.EXIT_NOT_DONE
    assert capsys.readouterr().err.startswith("operator: --issuer")
    assert operator.main([*VERB, "show"]) == operator.EXIT_NOT_DONE


ROLES = ["--role-claim", "groups", "--role", "cn=admins,ou=vostok=administrator", "--role", "staff=user"]
ROLES += ["--role-otherwise", "restricted_user"]


def test_the_operator_says_which_value_of_a_claim_is_which_role(
    secret: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Shown in the order that counts; naming the provider again without it leaves roles to the cards."""
    assert operator.main(named(secret, "https://login.vostok.example", *ROLES)) == 0
    capsys.readouterr()
    assert operator.main([*VERB, "show"]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "roles: at each sign-in by the claim groups",
        "role: cn=admins,ou=vostok=administrator",
        "role: staff=user",
        "role otherwise: restricted_user",
    ]
    assert operator.main(named(secret)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "roles: those on the cards"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (ROLES[:2], "belong together: --role, --role-otherwise is missing"),
        (ROLES[2:], "belong together: --role-claim is missing"),
        (ROLES[:-2], "belong together: --role-otherwise is missing"),
        ([*ROLES, "--role", "staff"], "--role staff: it must be VALUE=ROLE"),
        (
            [*ROLES, "--role", "boss=boss"],
            "--role boss=boss: a role is one of administrator, department_head",
        ),
        ([*ROLES, "--role-otherwise", "nobody"], "--role-otherwise nobody: a role is one of administrator"),
        ([*ROLES, "--role", "=user"], "a value is one line of 1 to 500 characters"),
        ([*ROLES, "--role", "x\ny=user"], "a value is one line of 1 to 500 characters"),
        ([*ROLES, "--role", "staff=administrator"], "--role staff: this value is there twice"),
        ([*ROLES, *(f"--role={n}=user" for n in range(50))], "--role: name 1 to 50 values of the claim"),
        ([*ROLES, "--role-claim", "c" * 256], "--role-claim: it must be one line of 1 to 255 characters"),
    ],
)
def test_roles_that_say_half_or_two_things_are_refused_in_words(
    secret: list[str], more: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is named then."""
    assert operator.main(named(secret, "https://login.vostok.example", *more)) == operator.EXIT_NOT_DONE
    assert why in capsys.readouterr().err
    assert operator.main([*VERB, "show"]) == operator.EXIT_NOT_DONE


def test_what_is_missing_is_named(secret: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Also a file that is not there."""
    assert operator.main([*VERB, "set", "--issuer", "https://login.vostok.example", *secret]) == 3
    assert "--client-id, --redirect" in capsys.readouterr().err
    assert operator.main(named(["--client-secret-file", f"{secret[1]}-gone"])) == 3
    assert "--client-secret-file" in capsys.readouterr().err
