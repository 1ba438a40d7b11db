"""What a network writes where the caller's number should be: a number, or one of many words for «withheld».

A withheld number is None for everybody from the gateway's edge on: two strangers whose network wrote
«anonymous» are not one customer (G5, C8). What is no number and no such word stays as it came.
"""

import unicodedata
from typing import Final

from contracts.plain_text import cleaned

LENGTH_MAX: Final = 128
"""Whoever calls writes the From of SIP; a user part of an address and its host are shorter."""

_NO_HOST: Final = ".invalid"
"""RFC 3323 4.1.1.3 and 3GPP TS 29.163: `sip:anonymous@anonymous.invalid`, `sip:unavailable@unknown.invalid`;
RFC 2606 keeps the domain for names that can't exist."""

_NUMBERS: Final = frozenset(
    # ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN and BLOCKED as a keypad spells them: so carriers say it in
    # networks that carry digits only. None of them is anybody's number.
    {"266696687", "7378742883", "86282452253", "8656696", "2562533"}
)

_WORDS: Final = """
    anonymous | anonymous caller | restricted | restricted number | unknown | unknown caller
    unknown number | unavailable | number unavailable | caller unavailable | not available | private
    private caller | private number | privacy | withheld | number withheld | caller withheld
    id withheld | blocked | blocked number | hidden | hidden number | caller id withheld
    caller id restricted | caller id blocked | caller id unknown | caller id private | suppressed
    secret | no number | no caller id | no cid | no caller | caller id unavailable | out of area | clir
    presentation restricted | not specified | none | null | nil | n a | na | undefined | invalid
    payphone | coin line payphone | interaction with other service | p | o
    аноним | анонимно | анонимный | анонимный абонент | анонимный номер | анонимный вызов | скрыт
    скрыто | скрытый | скрытый номер | номер скрыт | неизвестен | неизвестно | неизвестный
    неизвестный номер | неизвестный абонент | номер неизвестен | номер не определен | не определен
    неопределен | номер недоступен | недоступен | недоступно | ограничен | ограничено | номер ограничен
    запрещен | определение запрещено | засекречен | засекречено | секретный | секретный номер | частный
    частный номер | приватный | приватный номер | без номера | нет номера | антиопределитель | антиаон
    аон запрещен | анонім | анонімно | анонімний | анонімний номер | прихований | приховано
    прихований номер | номер приховано | невідомий | невідомо | невідомий номер | приватний
    приватний номер | недоступний | обмежено | ананімны | невядомы | схаваны нумар | белгісіз
    белгісіз нөмір | жасырын | жасырын нөмір
    anonym | anonymer anrufer | unbekannt | unbekannte nummer | unbekannter anrufer
    unbekannter teilnehmer | unterdruckt | nummer unterdruckt | rufnummer unterdruckt | privat
    private nummer | nicht verfugbar | keine nummer | geheim | anoniem | onbekend | onbekend nummer
    prive nummer | privenummer | geheim nummer | afgeschermd | niet beschikbaar | ukendt | ukendt nummer
    hemmeligt nummer | skjult | skjult nummer | ukjent | ukjent nummer | hemmelig nummer | okand
    okant nummer | hemligt nummer | dolt nummer | dold | tuntematon | tuntematon numero | salainen
    salainen numero
    anonyme | inconnu | numero inconnu | appelant inconnu | masque | numero masque | appel masque
    prive | numero prive | indisponible | numero indisponible | non disponible | confidentiel | anonimo
    desconocido | numero desconocido | oculto | numero oculto | privado | numero privado | no disponible
    restringido | desconhecido | numero desconhecido | restrito | confidencial | nao identificado
    numero nao identificado | indisponivel | nao disponivel | sconosciuto | numero sconosciuto | privato
    numero privato | nascosto | numero nascosto | riservato | non disponibile | numar ascuns
    necunoscut | numar necunoscut | numar privat | ascuns
    anonimowy | nieznany | numer nieznany | zastrzezony | numer zastrzezony | prywatny | numer prywatny
    niedostepny | anonymni | neznamy | nezname cislo | skryte cislo | skryty | soukrome cislo | anonymny
    sukromne cislo | nedostupne | ismeretlen | ismeretlen szam | rejtett | rejtett szam | titkos
    titkos szam | nepoznat | nepoznat broj | skriven | skriven broj | непознат | непознат број
    скривен број | анонимен | неизвестен номер | скрит номер | скрит | anonuumne | tundmatu
    varjatud number | anonims | nezinams | slepts | anonimas | nezinomas | slaptas | ανωνυμος | αγνωστος
    αποκρυψη | απορρητο | αγνωστος αριθμος
    anonim | bilinmeyen | bilinmeyen numara | bilinmiyor | gizli | gizli numara | ozel | ozel numara
    kısıtlı | مجهول | غير معروف | رقم خاص | خاص | محجوب | חסוי | מספר חסוי | לא ידוע | פרטי
    ناشناس | شماره خصوصی | 匿名 | 匿名来电 | 未知 | 未知号码 | 未知號碼 | 私人号码 | 私人號碼 | 隐藏号码
    隱藏號碼 | 无号码 | 不显示号码 | 非通知 | 非通知設定 | 不明 | 表示圏外 | 公衆電話 | 通知不可能
    발신번호표시제한 | 발신자표시제한 | 발신번호없음 | 익명 | 알수없음 | so rieng | khong xac dinh
    an danh
"""
"""English with what SIP stacks and ISDN interworking write (RFC 3323, RFC 3325, Q.951), then the languages of
Europe from east to west, then of Asia; accents are of no account."""


def _folded(text: str) -> str:
    """Letters and digits in one case and without accents, a space between words: how words are compared."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    letters = (each for each in apart if unicodedata.category(each)[0] != "M")
    return " ".join("".join(each if each.isalnum() else " " for each in letters).split())


WITHHELD: Final = frozenset(_folded(word) for word in _WORDS.replace("\n", "|").split("|"))
"""The closed table: what networks, trunks and PBXs are known to write for «withheld», folded."""


def known(said: str | None) -> str | None:
    """What is known of a caller: the text as it came, without invisible characters; None: withheld."""
    if said is None:
        return None
    text = cleaned(said)[:LENGTH_MAX].strip()
    return None if _is_withheld(text) else text


def _is_withheld(text: str) -> bool:
    user, host = _parts(text)
    if host.endswith(_NO_HOST):
        return True
    folded = _folded(user)
    digits = folded.replace(" ", "")
    # Nothing, signs alone, and nothing but zeros name nobody.
    return folded in WITHHELD or digits in _NUMBERS or not digits.strip("0")


def _parts(text: str) -> tuple[str, str]:
    """The user part and the host of what may be a bare text, an address, or a display name with one."""
    _, bracket, address = text.partition("<")
    address = address.partition(">")[0] if bracket else text
    scheme, colon, rest = address.partition(":")
    if colon and scheme.strip().casefold() in ("sip", "sips", "tel"):
        address = rest
    user, at, host = address.rpartition("@")
    if not at:
        user = host = address
    host = host.partition(";")[0].partition(":")[0].strip(" .\"'").casefold()
    return user.partition(";")[0], host
