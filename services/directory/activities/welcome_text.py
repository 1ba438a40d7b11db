"""The text of the welcome letter (E3): how to log in to the console, and how to connect phones.

No sentence ends with a name: companies are called «Volga Ltd.».
"""

from typing import Final

import msgspec

from contracts.directory import Language
from runtime import urls
from runtime.mail import addresses
from runtime.mail.letter import Letter, Mailbox
from runtime.mail.letter_templates import LetterTemplates
from runtime.text import one_line
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Office

ACCENT: Final = "#1d4ed8"
PHONE_PATH: Final = "/phone-password"
"""Where the directory shows a phone password once."""


class LetterSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets that a letter tells; without a link the administrator has the phone password."""

    password: str
    phone_link: str = ""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every sentence of the letter."""

    subject: str
    title: str
    greeting: str
    lead: str
    company: str
    organization: str
    login: str
    one_time: str
    extension: str
    for_phone: str
    note: str
    phone_note: str
    link_note: str
    no_link_note: str
    console: str
    softphone: str
    footer: str


RUSSIAN: Final = Words(
    subject="Ваш доступ к телефонии: {company}",
    title="Доступ к телефонии",
    greeting="Здравствуйте, {name}!",
    lead="Для вас открыт доступ к телефонии вашей компании.",
    company="Компания",
    organization="Организация",
    login="Логин",
    one_time="Одноразовый пароль",
    extension="Внутренний номер",
    for_phone="Показать пароль телефона",
    note="Одноразовый пароль действует 72 часа. При первом входе консоль попросит заменить его своим.",
    phone_note="С паролем телефона и тем же логином подключаются настольный телефон и программа-телефон.",
    link_note="Ссылка показывает пароль телефона один раз и действует 72 часа.",
    no_link_note="Пароль телефона вам сообщит администратор.",
    console="Открыть консоль",
    softphone="Программа-телефон",
    footer="Письмо отправлено автоматически, отвечать на него не нужно. "
    "В нём ваш доступ: не показывайте и не пересылайте его никому.",
)
ENGLISH: Final = Words(
    subject="Your access to the phones: {company}",
    title="Access to the phones",
    greeting="Hello {name}!",
    lead="You now have access to the phones of your company.",
    company="Company",
    organization="Organization",
    login="Login",
    one_time="One-time password",
    extension="Extension",
    for_phone="Show the phone password",
    note="The one-time password is valid for 72 hours. When you first log in, the console asks for your own.",
    phone_note="Desk phones and softphones connect with the phone password and the same login.",
    link_note="The link shows the phone password once, and is valid for 72 hours.",
    no_link_note="Your administrator tells you the phone password.",
    console="Open the console",
    softphone="Softphone",
    footer="This letter was sent automatically; there is no need to answer it. "
    "It has your access: show it to nobody, and do not forward it.",
)
WORDS: Final[dict[Language, Words]] = {Language.RUSSIAN: RUSSIAN, Language.ENGLISH: ENGLISH}


class WelcomeWriter:
    """Writes welcome letters from one sender; an empty `softphone_url` is left out.

    `directory_url` is where browsers reach the directory; empty: no letter links to a phone password.
    """

    def __init__(self, *, sender_name: str, sender: str, softphone_url: str, directory_url: str = "") -> None:
        """Raises ValueError for a sender that is no address, and for a page that is not encrypted."""
        try:
            self._sender = Mailbox(sender_name, addresses.on_the_wire(sender))
        except addresses.InvalidAddress as error:
            raise ValueError(
                f"set RINGBACK_MAIL_FROM to the address that welcome letters come from: {error}"
            ) from error
        self.domain = addresses.domain(sender)
        self._softphone_url = softphone_url
        if directory_url:
            try:
                urls.private(directory_url)
            except urls.Unusable as error:
                raise ValueError(
                    f"RINGBACK_DIRECTORY_URL: {error}; phone passwords are shown there"
                ) from error
        self._directory_url = directory_url.rstrip("/")
        self._templates = LetterTemplates("services.directory.activities")

    @property
    def has_links(self) -> bool:
        """Whether letters link to phone passwords."""
        return bool(self._directory_url)

    def letter(self, office: Office, card: EmployeeCard, secrets: LetterSecrets, message_id: str) -> Letter:
        """Write a letter. Raises InvalidAddress."""
        language = card.language or office.organization.language
        page = self._page(office, card, secrets, WORDS[language])
        return Letter(
            message_id=message_id,
            sender=self._sender,
            recipient=Mailbox(card.name, addresses.on_the_wire(card.email or "")),
            subject=str(page["subject"]),
            text=self._templates.text("welcome", page),
            html=self._templates.html("welcome", page | {"language": str(language)}),
            language=str(language),
        )

    def _page(
        self, office: Office, card: EmployeeCard, secrets: LetterSecrets, words: Words
    ) -> dict[str, object]:
        company = one_line(office.organization.name)
        rows = [
            (words.company, company),
            (words.organization, office.organization_id),
            (words.login, card.login),
            (words.one_time, secrets.password),
        ]
        phone_rows = [(words.extension, card.extension)]
        has_link = bool(secrets.phone_link) and self.has_links
        phone_url = f"{self._directory_url}{PHONE_PATH}/{secrets.phone_link}"
        links = [(words.console, office.organization.console_url), (words.softphone, self._softphone_url)]
        return {
            "subject": words.subject.format(company=company),
            "accent": ACCENT,
            "title": words.title,
            "greeting": words.greeting.format(name=one_line(card.name)),
            "lead": words.lead,
            "rows": [row for row in rows if row[1]],
            "note": words.note if secrets.password else "",
            "phone_rows": [row for row in phone_rows if row[1]],
            "phone_note": f"{words.phone_note} {words.link_note if has_link else words.no_link_note}",
            "phone_links": [(words.for_phone, phone_url)] if has_link else [],
            "links": [(label, url) for label, url in links if url],
            "organization": company,
            "footer": words.footer,
        }
