"""Which names of files are accepted, and how names are shown."""

from collections.abc import Iterable

UNPRINTABLE = "has a name that cannot be shown: rename it"


def printable(name: str) -> str:
    """Return a name with its control and formatting characters escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a name in a path begins with a dot."""
    return any(part.startswith(".") and part != ".." for part in parts)
