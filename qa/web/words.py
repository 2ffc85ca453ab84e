"""Every word of the interface that is not an article's: to translate the page, translate these."""

from datetime import date

NAME = "qa"
PURPOSE = "These articles' own words"
LIBRARY, CONVERSATION, READER = "Library", "Conversation", "Reader"
PLACES = "Places"

QUESTION = "Question"
ASK_HERE = "Ask these articles"
ASK, STOP = "Ask", "Stop"
STOPPED = "Stopped before there was an answer."
FAILED = "Something went wrong here, and the question was not answered. The terminal says more."
AGAIN = "Ask again"
NEW = "New conversation"
NARROW = "Narrow down"
OUTLETS, ALL_OUTLETS = "Outlets", "All outlets"
SINCE, UNTIL = "Since", "Until"
DAY = "2025-12-17"
TRY = "Try"

NOT_HERE = "Not in these articles."
NEAREST = "The nearest passages, which do not answer it"
BY_OUTLET = "Outlet by outlet"
DIFFER = "The outlets differ"
WHO_SAYS = "Who says what"
OUTLET = "Outlet"
SAYS_SO = "says so"
SAYS_NOT = "does not"
TIMELINE = "When it was published"
ALSO_IN = "Also in"
SILENT = "Nothing quoted from"
ONLY = "Only in"
SEARCHED = "Searched for"
ALONE = "Ask without the words from earlier questions"
KINDS = {
    "amount": "amount",
    "percentage": "percentage",
    "date": "date",
    "quantity": "quantity",
    "name": "name",
    "denial": "denied or not",
}

READ = "Read citation {} in its article"
PREVIOUS, NEXT = "Previous citation", "Next citation"
ONLY_THIS = "Ask about this article only"
ALL_ARTICLES = "Ask all articles again"
COPY, COPIED = "Copy quote with source", "Copied"
CHOOSE = "Choose a citation, or an article in the library, to read it here."
GONE = "This article is not in the folder any more, or has changed since the link was made."
PUBLISHED = "published"

EXPORT = "Save as evidence"
EXPORT_ALL = "Save the conversation as evidence"
HELPS, MISSES = "Quote {} answers this", "Quote {} does not answer this"
RIGHT = "Right: the articles do not say it"
WHY, KEEP = "Why? (as you like)", "Keep"
KEPT = "Kept on this machine. Measure with: qa eval {}"

ADD = "Add articles"
DROP = "Drop files or a folder anywhere on this page, or"
FILES, FOLDER = "choose files", "choose a folder"
SENDING = "Copying {} of {} …"
REMOVE = "Remove {}"
REMOVED = "{} is out of the folder."
UNDO = "Put it back"
WAITING, IN, SKIPPED = "waiting", "in", "skipped"
LEFT_OUT = "{} of what is in it was skipped: see the list below"
NOT_SENT = "could not be copied: it may have {} MB at most"
NO_ARTICLES = "There are no articles here yet. Drop some, and ask."
MORE = "and {} more"
CITED = "cited {}×"
SOURCES_FOUND = "{} from {}"
# What a client is told that may not pass.
WRONG_HOST = "This server does not go by the name {!r}. If it should: qa serve --name NAME"
FOREIGN = (
    "Another site's page may not ask this server. If a proxy stands in front of it, have the proxy "
    "pass the Host header on."
)
WHO = "Who are you? A name and a password are needed here."
WRONG_PASSWORDS = "Too many wrong passwords from this address. Wait a minute."
NO_PAGE = "There is nothing under this address."
CLOSING = "The server is about to end."
CROWDED = "Too many people are here just now. Try again in a moment."
TOO_MANY = "Too many requests. Wait a moment."
NO_LENGTH = "A request must say how long it is."
TOO_LARGE = "This is too large: {:,} MB at most."
UPLOADS = "Others are bringing files just now. Try again in a moment."

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def confidence(probability: float) -> str:
    """Say in words how likely it is that the articles answer the question."""
    if probability >= 0.8:
        return "The articles very likely answer this."
    if probability >= 0.5:
        return "The articles probably answer this."
    if probability >= 0.2:
        return "The articles may answer this: read the quotes."
    return "The articles hardly answer this: these passages come nearest."


def articles(count: int) -> str:
    """Say how many articles."""
    return "1 article" if count == 1 else f"{count:,} articles"


def quotes(count: int) -> str:
    """Say how many quotes."""
    return "1 quote" if count == 1 else f"{count} quotes"


def outlets(count: int) -> str:
    """Say how many outlets (articles, where the outlet is not known)."""
    return "1 source" if count == 1 else f"{count} sources"


def hint(count: int) -> str:
    """Say what can be asked."""
    if not count:
        return NO_ARTICLES
    return f"Ask about the {articles(count)} in this folder. The reply is made of their own words."


def looking(count: int) -> str:
    """Say that an answer is on its way."""
    return f"Looking through {articles(count)} …"


def length(words: int, characters: int) -> str:
    """Say how long an article is; in characters where no spaces part the words."""
    if characters > 20 * words:
        return f"{characters:,} characters"
    return "1 word" if words == 1 else f"{words:,} words"


def language(code: str) -> str:
    """Name a language; its code, where the name is not known here."""
    return LANGUAGES.get(code, code)


def day(value: date) -> str:
    """Write a day so that every reader understands it."""
    return value.isoformat()


def position(kind: str, first: int, last: int) -> str:
    """Say on which lines or pages of its file a quote stands."""
    return f"{kind} {first}" if first == last else f"{kind}s {first}–{last}"


def citation_of(number: int, count: int) -> str:
    """Say which of an article's citations is read."""
    return f"Citation {number} of {count} in this article"


def progress(done: int, total: int, seconds_left: float | None) -> str:
    """Say how far the reading of new articles is."""
    said = f"{done} of {articles(total)} can be asked"
    return said if seconds_left is None else f"{said}; {time_left(seconds_left)} left"


def time_left(seconds: float) -> str:
    """Say roughly how long it takes."""
    if seconds < 60:
        return f"about {max(5, round(seconds / 5) * 5)} seconds"
    minutes = max(1, round(seconds / 60))
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def taken_in(added: int, skipped: int) -> str:
    """Say what came of the files that were brought."""
    said = f"{articles(added)} added"
    return f"{said}, {skipped} skipped" if skipped else said


def skipped_files(count: int) -> str:
    """Say that files in the folder are not articles."""
    return "1 file was skipped" if count == 1 else f"{count} files were skipped"
