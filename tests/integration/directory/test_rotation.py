"""`python -m ringback operator rotate`: secrets are sealed anew with another key, and none is lost."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import insert, select

from ringback import operator
from services.directory.activities.database import Database, engine
from services.directory.activities.sealed_columns import BATCH_ROWS_MAX, SEALED, reseal
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.tables import METADATA, PASSWORDS

ORGANIZATION = "vostok"
CREATE = ["create", ORGANIZATION, "--name", "Восток", "--administrator", "Гусев Родион"]
CREATE += ["--email", "gusev@vostok.local", "--pbx", "Москва", "--number", "+74950001000"]
OLD, NEW, LOST = "o" * 32, "n" * 32, "l" * 32


def unnamed(key: str, text: str) -> str:
    """A text as versions sealed it that gave no key ids."""
    derived = hashlib.sha256(b"ringback directory vault\x00" + key.encode()).digest()
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, text.encode(), OctKey.import_key(derived))


def test_every_sealed_column_is_sealed_anew() -> None:
    """A column that is left out would be lost with the key of before."""
    named = {
        column for table in METADATA.tables.values() for column in table.columns if "sealed" in column.name
    }
    assert {f"{each.table.name}.{each.name}" for each in named} == {
        f"{each.table.name}.{each.name}" for each in SEALED
    }


def test_a_key_of_before_opens_and_the_first_one_seals() -> None:
    """Replicas with the newer and the older key read each other's secrets while they are restarted."""
    both = SecretBox(NEW, [OLD])
    assert both.open(SecretBox(OLD).seal("s3cret")) == "s3cret"
    assert SecretBox(NEW).open(both.seal("s3cret")) == "s3cret"
    assert SecretBox(OLD, [NEW]).open(both.seal("s3cret")) == "s3cret"
    with pytest.raises(JoseError, match="none of"):
        SecretBox(OLD).open(both.seal("s3cret"))


def test_what_was_sealed_before_texts_named_their_keys_still_opens() -> None:
    """An upgrade loses no phone password."""
    assert SecretBox(OLD).open(unnamed(OLD, "s3cret")) == "s3cret"
    assert SecretBox(NEW, [OLD]).open(unnamed(OLD, "s3cret")) == "s3cret"
    with pytest.raises(JoseError):
        SecretBox(NEW).open(unnamed(OLD, "s3cret"))


def test_a_short_key_is_refused_whichever_it_is() -> None:
    """A key that can be guessed must not be deployed."""
    with pytest.raises(ValueError, match="RINGBACK_DIRECTORY_KEY to 32"):
        SecretBox("short", [OLD])
    with pytest.raises(ValueError, match="RINGBACK_DIRECTORY_KEYS_BEFORE to 32"):
        SecretBox(NEW, ["short"])


async def _filled(folder: Path, texts: dict[str, str]) -> Database:
    database = Database(engine(f"sqlite:///{folder / 'book.db'}"))
    await database.upgrade()
    common: dict[str, Any] = {column.name: "" for column in PASSWORDS.columns}
    common |= {"organization_id": ORGANIZATION, "is_one_time": False}
    for column in PASSWORDS.columns:
        if column.name not in common or (not column.nullable and column.type.python_type is int):
            common[column.name] = 0
    rows = [{**common, "agent_id": id_, "sealed_phone_password": text} for id_, text in texts.items()]
    async with database.begin() as connection:
        await connection.execute(insert(PASSWORDS), rows)
    return database


async def _phone_passwords(database: Database, box: SecretBox) -> dict[str, str]:
    query = select(PASSWORDS.c.agent_id, PASSWORDS.c.sealed_phone_password)
    async with database.begin() as connection:
        return {row[0]: box.open(row[1]) for row in (await connection.execute(query)).all()}


async def test_more_than_one_batch_is_sealed_anew_and_what_no_key_opens_is_counted(tmp_path: Path) -> None:
    """Every batch begins after the one before, also past rows that stay as they are."""
    old = SecretBox(OLD)
    texts = {f"a{number:04}": old.seal(f"p{number}") for number in range(2 * BATCH_ROWS_MAX + 5)}
    lost = {f"a{number:04}x": SecretBox(LOST).seal("?") for number in (3, BATCH_ROWS_MAX)}
    plain = {"b1": unnamed(OLD, "p-unnamed")}
    database = await _filled(tmp_path, texts | lost | plain)
    try:
        found = (await reseal(database, SecretBox(NEW, [OLD])))[0]
        assert (found.done, found.left) == (len(texts) + 1, 2)
        again = (await reseal(database, SecretBox(NEW, [OLD])))[0]
        assert (again.done, again.left) == (0, 2)
        with_all = await reseal(database, SecretBox(NEW, [OLD, LOST]))
        assert (with_all[0].done, with_all[0].left) == (2, 0)
        opened = await _phone_passwords(database, SecretBox(NEW))
    finally:
        await database.close()
    assert opened["a0007"] == "p7"
    assert opened["b1"] == "p-unnamed"


def test_the_verb_is_done_when_nothing_is_left_under_an_older_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only then may the operator take the older key away."""
    book = tmp_path / "book.db"
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", f"sqlite:///{book}")
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", OLD)
    assert operator.main(CREATE) == 0
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", NEW)
    assert operator.main(["rotate"]) == operator.EXIT_NOT_DONE
    told = capsys.readouterr()
    assert "passwords.sealed_phone_password: 0 sealed anew, 1 left" in told.out
    assert "RINGBACK_DIRECTORY_KEYS_BEFORE" in told.err
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEYS_BEFORE", f"{LOST}\n{OLD},")
    assert operator.main(["rotate"]) == 0
    assert "passwords.sealed_phone_password: 1 sealed anew, 0 left" in capsys.readouterr().out
    monkeypatch.delenv("RINGBACK_DIRECTORY_KEYS_BEFORE")
    assert operator.main(["rotate"]) == 0
    with sqlite3.connect(book) as connection:
        [(sealed,)] = connection.execute("SELECT sealed_phone_password FROM passwords").fetchall()
    assert SecretBox(NEW).open(sealed)
    assert OLD not in capsys.readouterr().out
