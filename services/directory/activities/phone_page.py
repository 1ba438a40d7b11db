"""The page behind a one-time link: a button, then the phone password; no scripts, nothing from elsewhere."""

import base64
import hashlib
from typing import Final

import msgspec
from markupsafe import Markup

from contracts.directory import Language
from runtime.mail.letter_templates import LetterTemplates
from services.directory.activities.phone_links import LinkOwner
from services.directory.activities.welcome_text import ACCENT
from services.directory.state.responses import Text

_STYLE: Final = f"""
body {{ margin: 0; padding: 32px 12px; background: #eef1f5; color: #1f2933;
  font-family: -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }}
main {{ box-sizing: border-box; max-width: 560px; margin: 0 auto; padding: 23px 32px 26px; background: #fff;
  border: 1px solid #dfe4ea; border-top: 5px solid {ACCENT}; border-radius: 10px; overflow-wrap: anywhere; }}
p {{ margin: 0; font-size: 15px; line-height: 23px; color: #4b5563; }}
.kind {{ font-size: 14px; line-height: 20px; font-weight: 600; color: {ACCENT}; }}
h1 {{ margin: 6px 0 10px; font-size: 26px; line-height: 34px; color: #111827; }}
dl {{ margin: 20px 0 0; border-top: 1px solid #e5e9ef; }}
dl div {{ display: flex; flex-wrap: wrap; padding: 11px 0; line-height: 20px;
  border-bottom: 1px solid #e5e9ef; }}
dt {{ width: 148px; font-size: 14px; color: #6b7280; }}
dd {{ margin: 0; font-size: 15px; color: #111827; }}
code {{ font: 600 17px/22px ui-monospace, Menlo, Consolas, monospace; }}
button {{ margin-top: 24px; padding: 11px 21px; border: 1px solid {ACCENT}; border-radius: 8px;
  background: {ACCENT}; color: #fff; font: inherit; font-weight: 600; cursor: pointer; }}
.note {{ margin-top: 20px; font-size: 14px; line-height: 21px; color: #6b7280; }}
.foot {{ margin-top: 28px; font-size: 13px; line-height: 19px; color: #6b7280; }}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Nothing keeps the page, frames it, runs in it or learns its address."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every sentence of the page."""

    kind: str
    title: str
    lead: str
    button: str
    shown_title: str
    shown_lead: str
    login: str
    extension: str
    for_phone: str
    note: str
    unknown_title: str


RUSSIAN: Final = Words(
    kind="Доступ к телефонии",
    title="Пароль вашего телефона",
    lead="Пароль показывается один раз. Откройте его, когда будете готовы ввести его в телефон.",
    button="Показать пароль",
    shown_title="Пароль вашего телефона",
    shown_lead="Введите его в настольный телефон или в программу-телефон сейчас: больше он показан не будет.",
    login="Логин",
    extension="Внутренний номер",
    for_phone="Пароль телефона",
    note="Если вы открыли эту страницу не сами, попросите администратора заменить пароль.",
    unknown_title="Пароль не показан",
)
ENGLISH: Final = Words(
    kind="Access to the phones",
    title="The password of your phone",
    lead="The password is shown once. Open it when you are ready to type it into your phone.",
    button="Show the password",
    shown_title="The password of your phone",
    shown_lead="Type it into your desk phone or softphone now: it will not be shown again.",
    login="Login",
    extension="Extension",
    for_phone="Phone password",
    note="If you did not open this page yourself, ask an administrator to replace the password.",
    unknown_title="The password is not shown",
)
WORDS: Final[dict[Language, Words]] = {Language.RUSSIAN: RUSSIAN, Language.ENGLISH: ENGLISH}


class PhonePage:
    """Writes the page in its three states."""

    def __init__(self) -> None:
        self._templates = LetterTemplates("services.directory.activities")

    def asking(self, owner: LinkOwner) -> str:
        """What a link opens: a button, since programs that scan letters open links as well."""
        words = WORDS[owner.language]
        return self._page(
            owner.language, title=words.title, lead=words.lead, owner=owner, button=words.button
        )

    def showing(self, owner: LinkOwner, phone_password: str) -> str:
        """What the button shows, once."""
        words = WORDS[owner.language]
        rows = [
            (words.extension, owner.extension),
            (words.login, owner.login),
        ]
        return self._page(
            owner.language,
            title=words.shown_title,
            lead=words.shown_lead,
            owner=owner,
            rows=[row for row in rows if row[1]],
            secret=(words.for_phone, phone_password),
            note=words.note,
        )

    def refusing(self, language: Language, cause: Text, remedy: Text) -> str:
        """Why nothing is shown, and what to do."""
        is_russian = language is Language.RUSSIAN
        lead, note = (cause.ru, remedy.ru) if is_russian else (cause.en, remedy.en)
        return self._page(language, title=WORDS[language].unknown_title, lead=lead, note=note)

    def _page(self, language: Language, *, owner: LinkOwner | None = None, **said: object) -> str:
        empty: dict[str, object] = {"rows": [], "secret": None, "note": "", "button": ""}
        page = {
            "language": str(language),
            # Ours, without anything of anybody's in it.
            "style": Markup(_STYLE),  # noqa: S704
            "kind": WORDS[language].kind,
            "company": owner.company if owner is not None else "",
        }
        return self._templates.html("phone_page", empty | page | said)
