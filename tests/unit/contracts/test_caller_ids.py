"""What networks write where a caller's number should be: withheld, a number, or neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import dialling, withheld
from contracts.dialling import DiallingPolicy, Refusal

RUSSIA, GERMANY = DiallingPolicy(), DiallingPolicy(home_region="DE")

WITHHELD = [
    None,
    "",
    "   ",
    "anonymous",
    "Anonymous",
    "ANONYMOUS",
    "Restricted",
    "unknown",
    "unavailable",
    "private",
    "Private Number",
    "No Caller ID",
    "NO_NUMBER",
    "Out of Area",
    "withheld",
    "n/a",
    "sip:anonymous@anonymous.invalid",
    "sip:+79165550001@anonymous.invalid",
    '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1a2b',
    "sips:unavailable@unknown.invalid:5061;transport=tls",
    "<sip:anonymous@10.0.0.5>",
    "anonymous@anonymous.invalid",
    "sip:anonymous.invalid",
    "tel:anonymous",
    "sip:@10.0.0.5",
    "Аноним",
    "скрытый номер",
    "«Номер скрыт»",
    "Неизвестен",
    "Номер не определён",
    "Анонімний номер",
    "unterdrückt",
    "Unbekannt",
    "numéro masqué",
    "Número oculto",
    "privato",
    "zastrzeżony",
    "neznámé číslo",
    "gizli numara",
    "非通知",
    "未知号码",
    "발신번호표시제한",
    "חסוי",
    "0",
    "+00000000",
    "+266696687",
    "+86282452253",
    "-",
    "+",
    "***",
    "\x00",
    "\u200b",
]


@pytest.mark.rule("G5")
@pytest.mark.parametrize("said", WITHHELD)
def test_p11_a_withheld_number_is_none_however_the_network_says_so(said: str | None) -> None:
    """Two strangers whose networks wrote the same word are not one customer."""
    assert withheld.known(said) is None
    assert dialling.canonical(said, RUSSIA) is None
    assert dialling.refusal(said, RUSSIA) in (Refusal.WITHHELD, Refusal.INVALID)


@pytest.mark.parametrize(
    "said",
    [
        "+79165550001",
        "84951234567",
        "102",
        "1",
        "sip:84951234567@10.0.0.5",
        '"Unknown" <sip:+79165550001@trunk.example>',
        "sip:privatbank@bank.example",
        "Unknown Soldier Ltd",
        "Anonymous 84951234567",
        "+10000000001",
    ],
)
def test_p11_who_shows_anything_else_is_known_by_it(said: str) -> None:
    """The table is closed: a name that only resembles one of its words is a name; a number is a number."""
    assert withheld.known(said) == said


@given(st.text(max_size=300))
def test_p11_what_is_known_of_a_caller_can_be_stored_and_is_known_again(said: str) -> None:
    """No control character reaches a database, and caller ids have a limit; a second call changes nothing."""
    found = withheld.known(said)
    if found is not None:
        assert "\x00" not in found
        assert len(found) <= withheld.LENGTH_MAX
    assert withheld.known(found) == found
    for policy in (RUSSIA, GERMANY):
        canonical = dialling.canonical(said, policy)
        assert dialling.canonical(canonical, policy) == canonical


@pytest.mark.rule("C8", "H5")
@pytest.mark.parametrize(
    "caller",
    [
        "84951234567",
        "4951234567",
        "74951234567",
        "+7 495 123-45-67",
        "8(495) 123-45-67",
        "tel:+7-495-123-45-67",
    ],
)
def test_p7_one_customer_is_one_number_however_the_trunk_writes_it(caller: str) -> None:
    """Trunks bring 8 495 …, 495 …, 7 495 …: every reader compares and dials the same text."""
    assert dialling.canonical(caller, RUSSIA) == "+74951234567"


@pytest.mark.parametrize(
    ("caller", "kept"),
    [("102", "102"), ("123-45-67", "1234567"), ("sip:bob@a.example", "sip:bob@a.example"), ("=1+1", "=1+1")],
)
def test_p7_what_is_no_number_of_a_country_is_kept_as_it_came(caller: str, kept: str) -> None:
    """Never guessed: an extension, a short number, a name."""
    assert dialling.canonical(caller, RUSSIA) == kept


def test_p8_a_number_is_read_as_the_organization_s_own_country_writes_it() -> None:
    """030 901820 is Berlin in Berlin, and nothing in Moscow."""
    assert dialling.canonical("030 901820", GERMANY) == "+4930901820"
    assert dialling.canonical("030 901820", RUSSIA) == "030901820"
    assert dialling.canonical("030 901820", DiallingPolicy(home_region="")) == "030901820"
