"""A setting `RINGBACK_X` may come as a file that `RINGBACK_X_FILE` names: how orchestrators hand out secrets.

Every other process of the user can read a process's environment, and it is inherited; a mounted file is not.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

SUFFIX: Final = "_FILE"
CONTENT_BYTES_MAX: Final = 64 * 1024
"""A secret has a line; the largest setting, the addresses of some hundred PBXs, stays below this."""


class SecretFileUnusable(ValueError):
    """A setting's file can't be used; the message names both, and has nothing of the content."""


def paths(variables: Mapping[str, str], names: Iterable[str]) -> dict[str, Path]:
    """The files of those settings that come from files. Raises SecretFileUnusable when one is set twice.

    Names are in upper case; those of the variables may be in any case.
    """
    found = {name.upper(): value for name, value in variables.items() if value}
    files = {}
    for name in names:
        file = found.get(name + SUFFIX)
        if file is None:
            continue
        if name in found:
            raise SecretFileUnusable(f"{name} and {name}{SUFFIX} are both set: unset one of them")
        files[name] = Path(file)
    return files


def read(setting: str, path: Path) -> str:
    """The file's text without one line end at its end. Raises SecretFileUnusable."""
    if path.exists() and not path.is_file():
        # A pipe would keep whoever reads it waiting.
        raise SecretFileUnusable(f"{setting}{SUFFIX}: {path} is not a regular file")
    try:
        with path.open("rb") as file:
            data = file.read(CONTENT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SecretFileUnusable(f"{setting}{SUFFIX}: {path} can't be read: {why}") from None
    if len(data) > CONTENT_BYTES_MAX:
        raise SecretFileUnusable(f"{setting}{SUFFIX}: {path} has more than {CONTENT_BYTES_MAX} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # Without the cause, which holds the content.
        raise SecretFileUnusable(f"{setting}{SUFFIX}: {path} is not UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretFileUnusable(f"{setting}{SUFFIX}: {path} is empty")
    return text


def resolved(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment with the content of files in place of their names. Raises SecretFileUnusable."""
    names = [
        name.removesuffix(SUFFIX)
        for name in variables
        if name.startswith("RINGBACK_") and name.endswith(SUFFIX)
    ]
    texts = {name: read(name, path) for name, path in paths(variables, names).items()}
    left = {name: value for name, value in variables.items() if name.removesuffix(SUFFIX) not in names}
    return {**left, **texts}
