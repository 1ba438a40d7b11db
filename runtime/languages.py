"""Which language a reader of ours prefers."""

from contracts.directory import Language


def accepted_language(accepted: str) -> Language | None:
    """Russian or English, whichever an Accept-Language header names first; None: neither."""
    for each in accepted.lower().split(","):
        tag = each.split(";")[0].strip().split("-")[0]
        if tag in (Language.RUSSIAN, Language.ENGLISH):
            return Language(tag)
    return None
