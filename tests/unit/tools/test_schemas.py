"""The committed schemas and samples: what other programs and old logs rely on."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from contracts import codec
from contracts.codec import TYPES, encode
from devtools import samples, schemas


@pytest.mark.parametrize("path", sorted(samples.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_message_that_was_once_on_a_log_decodes_and_encodes_to_the_same_bytes(path: Path) -> None:
    """Logs and snapshots outlive versions: whatever a type gains, its old messages stay readable."""
    line = path.read_bytes()
    name = json.loads(line)["type"]
    assert encode(codec.decode(name, line)) + b"\n" == line


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_a_sample_with_all_of_its_fields(name: str) -> None:
    """A sample that leaves a field out would not notice when that field's meaning changes."""
    newest = json.loads(samples.kept_samples(name)[-1].read_bytes())
    assert newest.keys() == {"type", *(field.name for field in msgspec.structs.fields(TYPES[name]))}


def test_samples_satisfy_the_json_schema_of_their_type() -> None:
    """Programs in other languages read our topics by these schemas."""
    for name, kind in TYPES.items():
        for path in samples.kept_samples(name):
            jsonschema.validate(json.loads(path.read_bytes()), schemas.schema(kind))


def test_a_changed_type_gets_a_new_sample_beside_the_old_one(tmp_path: Path) -> None:
    """An old sample is never written over: it stands for messages that are already on a log."""
    older = tmp_path / "queue.pbx_back.json"
    older.write_bytes(b'{"type":"queue.pbx_back","pbx_id":"an older one"}\n')
    new = samples.new_samples(tmp_path)
    assert tmp_path / "queue.pbx_back.2.json" in new
    assert older not in new


def test_asyncapi_places_every_message_on_exactly_one_topic() -> None:
    """A message that travels nowhere, or on two topics, has no order with the others."""
    document = schemas.asyncapi()
    placed = [name for channel in document["channels"].values() for name in channel["messages"]]
    assert sorted(placed) == sorted(TYPES)
    for operation in document["operations"].values():
        topic = operation["channel"]["$ref"].rpartition("/")[2]
        names = [message["$ref"].rpartition("/")[2] for message in operation["messages"]]
        assert set(names) <= document["channels"][topic]["messages"].keys()


def test_schemas_are_the_same_every_time_they_are_made() -> None:
    """`make check` compares them byte for byte."""
    assert schemas.documents() == schemas.documents()
