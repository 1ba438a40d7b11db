"""The words of the pages: gettext catalogues of both languages, read from their sources at the start.

There is no compiled file and no build step: Babel makes the catalogue's binary form in memory.
"""

import gettext
import io
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER: Final = Path(__file__).parent / "locale"
LANGUAGES: Final = ("ru", "en")
DEFAULT: Final = "ru"


def translations() -> dict[str, gettext.GNUTranslations]:
    """The catalogue of each language."""
    return {language: _read(FOLDER / f"{language}.po", language) for language in LANGUAGES}


def _read(path: Path, language: str) -> gettext.GNUTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language, abort_invalid=True)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    binary.seek(0)
    return gettext.GNUTranslations(binary)
