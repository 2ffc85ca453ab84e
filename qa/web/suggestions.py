"""Questions to begin with: about the names that the most articles mention."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from qa.corpus import Corpus
from qa.records import Article, Question
from qa.text.sentences import is_heading, split_sentences
from qa.text.terms import index_terms
from qa.text.values import Kind, find_values

_MAX_READ, _MAX_ASKED = 40, 16  # articles, questions: seconds at most
_MIN_CONFIDENCE = 0.3
_MAX_CHARACTERS = 90  # it is shown on a button


def suggest(corpus: Corpus, count: int = 4) -> list[str]:
    """Return up to `count` questions that the articles answer.

    Each is asked first, and offered only if the article it was made from is quoted.
    """
    summaries = corpus.summaries()
    sample = summaries[:: 1 + len(summaries) // _MAX_READ]
    articles = corpus.articles([summary.article_id for summary in sample])
    whole = (a for a in articles if index_terms(a.title) and not a.title.endswith("…"))
    titles = ((article.title, article.article_id) for article in whole)
    candidates = (c for c in chain(_about_names(articles), titles) if len(c[0]) <= _MAX_CHARACTERS)
    chosen: list[str] = []
    for text, article_id in islice(candidates, _MAX_ASKED):
        answer = corpus.ask(Question(text))
        quoted = {citation.article.article_id for citation in answer.citations}
        if article_id in quoted and answer.confidence >= _MIN_CONFIDENCE:
            chosen.append(text)
        if len(chosen) == count:
            break
    return chosen


def _about_names(articles: Sequence[Article]) -> Iterator[tuple[str, str]]:
    """Yield questions about names, most mentioned first, each with the id of an article."""
    mentions: defaultdict[str, list[str]] = defaultdict(list)
    for article in articles:
        for name in _names(article) if article.language in ("en", None) else ():
            mentions[name].append(article.article_id)
    used: set[str] = set()
    for name in sorted(mentions, key=lambda name: (-len(mentions[name]), -len(name), name)):
        terms = set(index_terms(name))
        if not terms & used:  # else it is another form of a name
            used |= terms
            yield f"What is said about {name}?", mentions[name][0]


def _names(article: Article) -> set[str]:
    """Return the names of several words in the sentences of an article."""
    text, found = article.text, set()
    for start, end in split_sentences(text, language=article.language):
        if is_heading(text[start:end]) or any(a <= start < b for a, b in article.boilerplate):
            continue
        for value in find_values(text, start, end):
            name = " ".join(text[slice(*value.span)].split())
            # The first word of a sentence has a capital even if it is not part of a name.
            if value.kind is Kind.NAME and " " in name and value.span[0] > start:
                is_the = text[start : value.span[0]].lower().endswith("the ")
                found.add(f"the {name}" if is_the else name)
    return found
