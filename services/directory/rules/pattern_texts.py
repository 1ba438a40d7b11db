"""Each pattern of a request's fields, in words."""

from typing import Final

from runtime.request_shape import TEXT_FORMS, Forms, Text
from services.directory.state import limits

# One row per pattern: a table is read across, whatever its length.
# fmt: off
PATTERN_TEXTS: Final[Forms] = {
    **TEXT_FORMS,
    limits.ARROW_PATTERN: Text(ru="next, цифру, open, closed, no_answer или no_choice", en="next, a digit, open, closed, no_answer or no_choice"),
    limits.CODE_PATTERN: Text(ru="шесть цифр", en="six digits"),
    limits.EMAIL_PATTERN: Text(ru="адрес, как name@company.example", en="an address such as name@company.example"),
    limits.EXTENSION_PATTERN: Text(ru="от одной до восьми цифр", en="one to eight digits"),
    limits.ID_PATTERN: Text(ru="строчные латинские буквы, цифры, точки, дефисы и подчёркивания, первой — букву", en="small Latin letters, digits, dots, dashes and underscores, a letter first"),
    limits.LOGIN_PATTERN: Text(ru="строчные латинские буквы, цифры, точки и дефисы, первой — букву", en="small Latin letters, digits, dots and dashes, a letter first"),
    limits.NAME_PATTERN: Text(ru="одну строку без пробелов по краям", en="one line, with no blank at its ends"),
    limits.NUMBER_PATTERN: Text(ru="международный номер: + и цифры, как +74950001000", en="an international number: + and digits, as +74950001000"),
    limits.REGION_PATTERN: Text(ru="две заглавные буквы страны, как RU", en="a country's two capital letters, as RU"),
    limits.TITLE_PATTERN: Text(ru="одну строку", en="one line"),
    limits.URL_PATTERN: Text(ru="адрес, который начинается с http:// или https://", en="an address that begins with http:// or https://"),
}
# fmt: on
