"""Text to sentence spans. Pure: no files, no models, offsets in and offsets out."""

import re
from collections.abc import Iterator

import sentencex

from qa.records import Span

_LINE = re.compile(r"[^\r\n\u2028\u2029\f\v]+")
_BULLET = re.compile(r"\s*(?:[-*+•‣◦·▪–—]|\d{1,3}[.)]|#{1,6}|>|\|)\s")
_TERMINAL = re.compile(r"[.!?…。！？؟।:;,][\"'”’»)\]*_]*\s*$")
# "wrote on X." at the end of a line: a single letter there is more often a word than an initial.
_LONE_LETTER = re.compile(r"\s[^\W\d_]\.[\"”’»)]*$")
_SPACE = re.compile(r"\s")
_WORD = re.compile(r"\w+")
_QUOTE_MARK = re.compile(r"[\"“”«»]")
_CLOSING = '"”»'
_SAID = re.compile(
    r"(?:[A-Z][^\s,]* ){1,4}(?:said|says|added|told|wrote|stated|argued|noted|warned|explained"
    r"|continued|insisted|claimed)\b|(?:[Hh]e|[Ss]he|[Tt]hey) (?:said|added|told|wrote|stated)\b"
)
_LONGEST_SPEECH = 1_000
# Every white-space character (as Python defines them) and the byte order mark.
_BLANK = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff"
_NUMBER = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]")

# These do not end a sentence although the splitter may say so: "bn. in", "3. kez" (Turkish), a
# title of one letter (Arabic), "who?" — he asked (Russian).
_NO_END = re.compile(
    r"(?P<arabic>(?<!\w)[\u0600-\u06ff]\.\s+(?=[\u0600-\u06ff]))"
    r"|(?:\d|(?<!\w)[^\W\d_]{1,4})\.\s+(?=[^\W\d_]+(?!\w))"
    r"|[»”]\s*(?=[—–-]\s+[^\W\d_])"
)

# Longer lines are cut at a space before they go to the splitter.
_LONGEST_RUN = 20_000
# Text set in a column (e-mail, agency wires) breaks lines inside sentences, all near this width.
_COLUMN_WIDTH = (40, 100)


def split_sentences(
    text: str, start: int = 0, end: int | None = None, language: str | None = None
) -> list[Span]:
    """Return the sentences of ``text[start:end]`` as spans of the whole `text`.

    A blank line and a list item always end a sentence. A single line break ends one if the line is
    a heading (no closing punctuation) or ends in a single letter ("on X."), unless the text is set
    in a column or continues in lower case. Otherwise the splitter decides, so that
    "U.S.⏎Ambassador" stays in one sentence.

    Args:
        text: Any text; it is never changed.
        start: First character to consider.
        end: One past the last character to consider; the end of `text` if None.
        language: ISO 639-1 code of the text's language; English if None.

    Returns:
        Half-open character spans, ascending, disjoint and without surrounding white space. Every
        character of ``text[start:end]`` that is not white space lies in exactly one of them.
    """
    spans: list[Span] = []
    for block in _blocks(text, start, len(text) if end is None else end):
        spans.extend(_split_block(text, block, language or "en"))
    return spans


def is_heading(sentence: str) -> bool:
    """Return whether a sentence is a heading: no closing punctuation, and Capitalised Like This."""
    if _TERMINAL.search(sentence) or _BULLET.match(sentence):
        return False
    words = [word for word in sentence.split() if len(word) > 3]
    return sum(not word[0].islower() for word in words) > 0.6 * len(words)


def with_speaker(text: str, span: Span, language: str | None = None) -> Span:
    """Return a sentence of direct speech extended to the whole quotation and its speaker.

    A quotation that begins before the sentence or continues after it is included up to
    `_LONGEST_SPEECH` characters on either side, and so is a following "…, X said." Any other
    sentence is returned as it is.

    Args:
        text: The whole text.
        span: A sentence of it.
        language: As for `split_sentences`.
    """
    start, end = span
    low = max(text.rfind("\n", 0, start) + 1, start - _LONGEST_SPEECH)
    high = min(end + _LONGEST_SPEECH, len(text))
    newline = text.find("\n", end, high)
    high = newline if newline >= 0 else high
    opened = _open_quotation(text, low, start)
    goes_on = _open_quotation(text, low, end) is not None
    if opened is None and not goes_on and text[end - 1] not in _CLOSING:
        return span
    around = split_sentences(text, low, high, language)
    if opened is not None:
        start = next((s for s, e in around if s <= opened < e), start)
    for s, e in around:
        if s >= end and (goes_on or (text[end - 1] in _CLOSING and _SAID.match(text, s, e))):
            end = e
            goes_on = _open_quotation(text, low, end) is not None
    return start, end


def _open_quotation(text: str, low: int, at: int) -> int | None:
    """Return where the quotation begins that is open at `at`, if any; search from `low` on."""
    opened = None
    for match in _QUOTE_MARK.finditer(text, low, at):
        mark = match[0]
        closes = mark in "”»" or (mark == '"' and opened is not None)
        opened = None if closes else match.start()
    return opened


def trim(text: str, span: Span) -> Span:
    """Return `span` without the white space (and byte order marks) at its two ends."""
    start, end = span
    piece = text[start:end].rstrip(_BLANK)
    return start + len(piece) - len(piece.lstrip(_BLANK)), start + len(piece)


def _blocks(text: str, start: int, end: int) -> Iterator[list[Span]]:
    """Yield paragraphs as lists of line spans; a list item is a separate paragraph."""
    block: list[Span] = []
    previous_end = start
    for match in _LINE.finditer(text, start, end):
        gap = text[previous_end : match.start()]
        blank = len(gap.replace("\r\n", "\n")) > 1
        line = trim(text, match.span())
        previous_end = match.end()
        if block and (blank or line[0] == line[1] or _BULLET.match(text, *match.span())):
            yield block
            block = []
        if line[0] < line[1]:
            block.append(line)
    if block:
        yield block


def _split_block(text: str, lines: list[Span], language: str) -> Iterator[Span]:
    in_column = _is_column(lines)
    run_start = lines[0][0]
    for here, following in zip(lines, [*lines[1:], None], strict=True):
        if following is None or (
            not in_column
            and not text[following[0]].islower()
            and (not _TERMINAL.search(text, *here) or _LONE_LETTER.search(text, *here))
        ):
            yield from _split_run(text, run_start, here[1], language)
            if following is not None:
                run_start = following[0]


def _is_column(lines: list[Span]) -> bool:
    widths = [end - start for start, end in lines[:-1]]
    if len(widths) < 2:
        return False
    low, high = _COLUMN_WIDTH
    return high >= max(widths) and min(widths) >= max(low, 0.6 * max(widths))


def _split_run(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    while start < end:
        stop = end
        if end - start > _LONGEST_RUN:
            stop = start + _LONGEST_RUN
            space = max(text.rfind(" ", start + 1, stop), text.rfind("\n", start + 1, stop))
            stop = space if space > start else stop
        # Every white space becomes one plain space, character for character: offsets stay true.
        flat = _SPACE.sub(" ", text[start:stop])
        sentence_start = start
        for boundary in sentencex.get_sentence_boundaries(language, flat):
            span = trim(text, (sentence_start, start + boundary["end_index"]))
            if _NUMBER.fullmatch(text, *span) and span[1] < stop:
                continue  # "1." belongs to the item that it numbers
            if span[1] < stop and _goes_on(text, span[1]):
                continue
            sentence_start = start + boundary["end_index"]
            if span[0] < span[1]:
                yield span
        start = stop


def _goes_on(text: str, end: int) -> bool:
    """Return whether a sentence continues after `end`, an apparent end."""
    around = _NO_END.finditer(text, max(0, end - 6), end + 6)
    match = next((m for m in around if m.start() < end <= m.end()), None)
    if match is None:
        return False
    following = _WORD.search(text, match.end())
    return bool(match["arabic"]) or bool(following and following[0].islower())
