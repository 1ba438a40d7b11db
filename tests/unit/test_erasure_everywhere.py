"""After an erasure no stored record of any decider holds the customer's number (V6).

The records are made from their types: a new field that may hold a number fails here until erasure covers it.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from msgspec import inspect

from contracts.history import CustomerErased
from contracts.ids import Instant
from devtools import record_samples, samples
from runtime.decision import Decider, step
from runtime.records import Record, State

NUMBER: Final = "+79161234567"
NUMBERS: Final = {
    "callback/orders.caller": NUMBER,
    "callback/orders.number": NUMBER,
    "callback/callbacks.number": NUMBER,
    "callback/counts.key": f"number/{NUMBER}",
    "queue/places.caller": NUMBER,
    "queue/legs.number": NUMBER,
    "queue/lines.customer": NUMBER,
    "queue/apologies.number": NUMBER,
    "routing/calls.caller": NUMBER,
    "routing/responsibles.number": NUMBER,
    "routing/responsibles.saved.number": NUMBER,
    "voicemail/messages.caller": NUMBER,
    "voicemail/callbacks.number": NUMBER,
    "voicemail/warnings.messages.caller": NUMBER,
}
"""Where a record holds a customer's number."""
OURS: Final = {"line", "lines", "numbers", "caller_id", "own_numbers", "satellite_numbers", "extension"}
"""Numbers of the organization itself."""
STAYS: Final = {"denied_numbers", "address", "addresses", "public_numbers"}
"""Settings and phones that somebody has entered: the record of an erasure names the cards."""
WORDS: Final = {
    "administrators", "agents", "allowed_regions", "allowed_types", "answer", "cancel_asked",
    "cause", "console_url", "declined", "element_id", "email", "failure", "holidays", "home_region",
    "key", "kind", "language", "leg", "legs", "login", "machine_of", "mark", "media", "missed",
    "mobile_of", "mp3_sha256", "name", "offers", "on", "parts", "reason", "region", "round_order",
    "sha256", "spool_url", "state", "subject", "text", "timezone", "to", "tried", "what",
}  # fmt: skip
"""Names, keys, ids and words; none of them is made of a caller's number."""
REMAINS: Final = {"callback/erased_numbers.checksum", "voicemail/erased_numbers.checksum"}
"""Two bytes of a checksum of an erased number, which thousands of numbers have (`erased_numbers.py`)."""
ENTERED: Final = {
    "routing/former_scenarios.saved.elements.number",
    "routing/scenarios.saved.elements.number",
    "routing/people.rules.mobile",
}
"""Numbers on cards, as `STAYS`."""


def leaves(type_: inspect.Type, path: str) -> Iterator[str]:
    """The dotted names of all text fields."""
    match type_:
        case inspect.StrType():
            yield path
        case inspect.Metadata():
            yield from leaves(type_.type, path)
        case inspect.UnionType():
            for each in type_.types:
                yield from leaves(each, path)
        case inspect.VarTupleType():
            yield from leaves(type_.item_type, path)
        case inspect.TupleType():
            for each in type_.item_types:
                yield from leaves(each, path)
        case inspect.StructType():
            for field in type_.fields:
                yield from leaves(field.type, f"{path}.{field.name}")
        case _:
            # A collection of another kind would go unseen.
            assert not isinstance(type_, inspect.DictType | inspect.ListType | inspect.AnyType), path


def texts() -> dict[str, None]:
    found: dict[str, None] = {}
    for name, table in record_samples.tables().items():
        if not name.startswith("host/"):
            for leaf in leaves(inspect.type_info(table.record_type), name):
                found[leaf] = None
    return found


def test_every_text_that_is_stored_is_known_to_hold_a_number_or_not() -> None:
    """Whoever adds a field says here whether a customer's number may get into it."""
    names = {path: path.rpartition(".")[2] for path in texts()}
    unknown = {
        path
        for path, name in names.items()
        if path not in NUMBERS.keys() | ENTERED | REMAINS
        and name not in OURS | STAYS | WORDS
        and not name.endswith(("_id", "_ids", "_leg", "_legs", "_key", "_at"))
    }
    assert unknown == set()
    assert set(NUMBERS) <= set(texts())


def with_number(decider: Decider[Any], path: str) -> State:
    """A state with one full record of a table, which holds the number at that place."""
    state: State = decider.new_state()
    table_name, _, field = path.partition("/")[2].partition(".")
    table = state.tables[table_name]
    record = samples.filled(table.record_type)
    assert isinstance(record, Record)
    table.put(_put(record, field.split("."), NUMBERS[path]))
    return state


def _put(struct: Any, names: list[str], value: str) -> Any:
    first, *others = names
    if not others:
        return msgspec.structs.replace(struct, **{first: value})
    inner = getattr(struct, first)
    if isinstance(inner, tuple):
        changed: Any = tuple(_put(each, others, value) for each in inner)
    else:
        changed = _put(inner, others, value)
    more = {"number": value} if first == "saved" and others == ["number"] else {}
    return msgspec.structs.replace(struct, **{first: changed}, **more)


def dump(state: State) -> str:
    return repr([[record for record in table] for table in state.tables.values()])  # noqa: C416  # in order


DECIDERS: Final = {decider.name: decider for decider in record_samples.deciders()}


@pytest.mark.rule("V6")
@pytest.mark.parametrize("path", NUMBERS)
def test_after_an_erasure_no_record_holds_the_number(path: str) -> None:
    """Whatever the record was in the middle of."""
    decider = DECIDERS[path.partition("/")[0]]
    state = with_number(decider, path)
    assert NUMBER in dump(state), "the record does not hold it where this test thinks"
    fact = CustomerErased(number=NUMBER, erasure_id="e1")
    decision = step(decider, state, fact, at=Instant(samples.SAMPLE_AT), cause="e1")
    assert NUMBER not in dump(state)
    assert NUMBER not in repr(decision), "what is said would put the number onto the log again"
    (answer,) = (each for each in decision.facts if getattr(each, "erasure_id", "") == "e1")
    assert type(answer).__struct_config__.tag == f"{decider.name}.number_erased"


@pytest.mark.parametrize("decider", DECIDERS.values(), ids=list(DECIDERS))
def test_an_erasure_of_an_older_version_is_answered_to_nobody(decider: Decider[Any]) -> None:
    """A log from before the answers is replayed to the same outputs."""
    state = decider.new_state()
    fact = CustomerErased(number=NUMBER)
    assert step(decider, state, fact, at=Instant(samples.SAMPLE_AT), cause="e1").facts == ()
