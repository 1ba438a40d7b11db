"""Static files: read once, under addresses that change with their content, so that browsers keep them."""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent.parent / "api" / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGEST_LENGTH: Final = 12


class StaticFile(NamedTuple):
    """One file."""

    content: bytes
    type: str


class StaticFiles:
    """All files of the folder, by their addresses below `/static/`."""

    def __init__(self) -> None:
        self.files: dict[str, StaticFile] = {}
        self._addresses: dict[str, str] = {}
        for path in sorted(FOLDER.iterdir()):
            if path.suffix not in TYPES:
                continue
            content = path.read_bytes()
            hashed = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
            named = f"{path.stem}.{hashed}{path.suffix}"
            self.files[named] = StaticFile(content, TYPES[path.suffix])
            self._addresses[path.name] = f"/static/{named}"

    def address(self, name: str) -> str:
        """The address of a file. Raises KeyError."""
        return self._addresses[name]
