"""Which lines of an article are not the story: promotion, share lines, author boxes. Pure.

Only whole lines, only by what they say, and only where such lines stand: before the first line of
the story, after its last, or alone between two paragraphs. What is in doubt is story.
"""

import re

from qa.datatypes import Span
from qa.sentences import trim

_LINE = re.compile(r"[^\r\n]+")
# A line longer than this is a paragraph of the story, whatever it begins with.
_LONGEST = 400
_LONGEST_LINK = 160
_LETTERS = re.compile(r"[^\W\d_]+")


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_MARK = r"(?:[-–—•*|>\[(]\s*)*"
_SITES = (
    r"(?:twitter|x|facebook|instagram|telegram|youtube|linkedin|whatsapp|google|tiktok|bluesky)\b"
)
# Names and what stands between them. Words are parted, so that there is one way to match them.
_WORD = r"(?:[A-Z][\w.'’-]*|and|in|at|the|with|additional|reporting|editing|by)"
_PEOPLE = rf"(?-i:{_WORD}(?:[,;&\s]+{_WORD})*)[.;)]*$"
# Speak of the outlet, not of the story; at the end, and as far as they reach upwards from there.
_TAIL = _any(
    _MARK + r"(?:subscribe (?:to|now|today|for|here)\b|sign up (?:for|to|here|now|today)\b)",
    _MARK + r"(?:join (?:us on|our (?:channel|newsletter|community))|follow us)\b",
    _MARK + r"follow (?-i:[@A-Zh])\S*.*\bon " + _SITES,
    _MARK + r"(?:like|share) this (?:story|article|post|page|on)\b|share on\b|like this story\?",
    _MARK + r"(?:read about the|author.?s name)\b|newsletters?\s*(?::|$)|donate(?: now| here)?$",
    _MARK + r"support (?:us|our (?:work|journalism|reporting))\b|download (?:the|our)\b.*\bapp\b",
    r"if you enjoyed this|tell us what you think",
    r"get (?:the|our|your|access)\b.*\b(?:inbox|newsletters?|app|updates|subscriptions?)\b",
    r"(?:have|got) an? (?:tip|story|comment|question)\b.*[?].*\b(?:e-?mail|contact|send|reach)",
    r"(?:write|e-?mail|contact|reach)\b.*\S@\S|\S.*\bmay be reached at\b.*\S@\S",
    r"(?:copyright )?(?:\(c\)|©)|copyright (?:\d{4}|by\b)|all rights reserved",
    r"this (?:copy|material) (?:is for your|may not be)\b|order reprints$|print(?: article)?$",
    r"(?:tags?|categor(?:y|ies)|topics?|labels?)\s*(?::|$)|filed under\b|posted in\b",
    r"(?:view )?(?:all )?comments?$|leave a (?:reply|comment)\b|advertisement$|sponsored$",
    _MARK + r"(?:additional )?(?:reporting|editing|writing)(?: and \w+)? by " + _PEOPLE,
    r"\S.{0,120}\bcontributed to this (?:report|story|article)\b|updated at \d",
    r"this (?:story|article|report) (?:was|has been) (?:updated|corrected)\b",
    r"sources?: [^.]{2,80}$|more information: |provided by [^.]{2,60}$",
    r"abonnieren sie|folgen sie|suscr[ií]b(?:a|e|ete)\b|síguenos|abonnez-vous|suivez-nous",
    r"подпи(?:сывайтесь|шитесь)|takip edin|abone olun|تابعونا|اشترك|关注我们|订阅",
)
# Point to another article: a line of its own, and no sentence.
_LINK = _any(
    _MARK + r"(?:(?:read|see|watch|learn) (?:also|more|next)\b|also (?:read|on \S+)\b)",
    _MARK + r"related(?: (?:articles?|stor(?:y|ies)|topics?|coverage|news))?\s*(?::|$)",
    r"don.t miss\b|(?:you )?may also like\b|recommended\b.{0,20}$|most (?:read|popular)$",
    r"what to read next|see more photos|photo gallery$|advertisement(?:$|\s*[-–—] continue)",
    _MARK + r"(?:lesen sie (?:auch|mehr)|mehr (?:zum thema|dazu)|leggi anche|leia (?:também|mais))",
    _MARK + r"(?:lea también|lire aussi|à lire|читайте также|см\. также|ayrıca (?:bakınız|oku))",
    r"bunu da oku|اقرأ (?:أيضا|المزيد)|延伸阅读|相关阅读|阅读更多",
)
_SENTENCE_END = (".", "!", "?", "…", '"', "”", "。")
# Above the story: who wrote it and when, who took the picture.
_HEAD = _any(
    r"(?:by|von|por|par|автор:?) (?-i:[A-ZÀ-ÞА-Я])[^.!?]{1,80}$",
    r"(?:first )?(?:published|posted|updated|veröffentlicht|опубликовано)\b[^.!?]{0,60}$",
    r"last (?:updated|modified)\b[^.!?]{0,60}$",
    r"(?:photo|image|picture|foto|credit)(?: (?:by|credit))?\s*:.{1,80}$",
    r"(?:share|print|e-?mail|facebook|twitter|whatsapp|comments?|listen|menu|search|home)$",
    r"advertisement$|\d+ (?:min(?:ute)?s?\ read|comments?|shares?)$",
)
_STAMP = re.compile(
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s*)?"
    r"(?:\d{1,2}:\d\d\s*(?:[ap]\.?m\.?)?\s*(?:[A-Z]{2,5})?,?\s*)?"
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s*)?"
    r"(?:\d{1,2}(?:st|nd|rd|th)?\.?\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
    r"(?:\s+\d{1,2}(?:st|nd|rd|th)?)?,?\s+\d{4}(?:,?\s*(?:at\s+)?\d{1,2}:\d\d\s*(?:[ap]\.?m\.?)?)?"
    r"\s*(?:[A-Z]{2,5})?",
    re.IGNORECASE,
)


def find_boilerplate(text: str, start: int = 0, title: str | None = None) -> list[Span]:
    """Return the lines of ``text[start:]`` that are not the story, as spans of `text`, in order.

    Args:
        text: The whole text.
        start: Where the story may begin: behind front matter and headline.
        title: The headline; where it is repeated as the first line below itself, that is no story.

    Returns:
        Half-open spans. At least one line is always left: an article is never all boilerplate.
    """
    lines = [trim(text, match.span()) for match in _LINE.finditer(text, start)]
    lines = [line for line in lines if line[0] < line[1]]
    first, last = 0, len(lines)
    while last > first + 1 and _is_tail(text[slice(*lines[last - 1])]):
        last -= 1
    last = _link_list_above(text, lines, first, last)
    while first < last - 1 and _is_head(text[slice(*lines[first])], title):
        first += 1
    inside = [line for line in lines[first + 1 : last] if _is_link(text[slice(*line)])]
    return [*lines[:first], *inside, *lines[last:]]


def _link_list_above(text: str, lines: list[Span], first: int, last: int) -> int:
    """Go on upwards over a closing "Read more:" with the list of links below it."""
    at = last
    while at > first + 1 and at > last - 12:
        line = text[slice(*lines[at - 1])]
        if _is_link(line):
            last = at - 1
        elif not line.startswith(("- ", "• ", "* ")) or line.endswith(_SENTENCE_END):
            break
        at -= 1
    while last > first + 1 and _is_tail(text[slice(*lines[last - 1])]):
        last -= 1
    return last


def _is_tail(line: str) -> bool:
    return len(line) <= _LONGEST and bool(_TAIL.match(line) or _is_link(line))


def _is_link(line: str) -> bool:
    short = len(line) <= _LONGEST_LINK and not line.endswith(_SENTENCE_END)
    return short and bool(_LINK.match(line))


def _is_head(line: str, title: str | None) -> bool:
    if len(line) > _LONGEST_LINK:
        return False
    if title and _letters(line) == _letters(title):
        return True
    return bool(_HEAD.match(line) or _STAMP.fullmatch(line))


def _letters(line: str) -> str:
    return "".join(_LETTERS.findall(line)).casefold()
