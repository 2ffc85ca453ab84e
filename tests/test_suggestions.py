"""Questions to begin with come from the articles, and the articles answer them."""

from pathlib import Path

import pytest

import qa
from qa.web.suggestions import _about_names, suggest


def write(place: Path, **texts: str) -> Path:
    place.mkdir()
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text)
    return place


def test_sample_offers_questions_that_it_answers(seeds: qa.Corpus) -> None:
    offered = suggest(seeds)
    assert len(offered) == len(set(offered)) == 4
    for question in offered:
        assert question.startswith("What is said about ")
        answer = seeds.answer(question)
        assert not answer.abstained
        assert answer.confidence >= 0.3


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("They met Mayor Petrova.", ["What is said about Mayor Petrova?"]),
        ("Lorries left the Danube Bridge.", ["What is said about the Danube Bridge?"]),
        ("Deliveries Of Salt went on in Varna.", []),  # capitals because a sentence begins
        ("They went on to Varna.", []),  # one word may be anything
        ("MAYOR PETROVA AND THE TRAM\n\nIt was late.", []),  # a heading
    ],
)
def test_names_in_sentences_become_questions(text: str, questions: list[str]) -> None:
    article = qa.Article("0" * 64, "a.txt", text, "A", language="en")
    assert [question for question, _ in _about_names([article])] == questions


def test_names_in_the_most_articles_come_first() -> None:
    texts = (
        "They met Mayor Petrova and Captain Dimov.",
        "They saw Captain Dimov.",
        "They heard Captain Stefan Dimov and Mayor Petrova and Driver Kolev.",
        "They asked Mayor Petrova and Mayor Petrova.",
    )
    articles = [qa.Article(f"{i:064x}", "a.txt", text, "A") for i, text in enumerate(texts)]
    assert list(_about_names(articles)) == [
        ("What is said about Mayor Petrova?", "0" * 64),
        ("What is said about Captain Dimov?", "0" * 64),
        ("What is said about Driver Kolev?", f"{2:064x}"),
    ]


def test_titles_are_offered_where_no_name_is_known(tmp_path: Path) -> None:
    place = write(
        tmp_path / "a",
        de="Hafen wieder offen\n\nDer Hafen von Warna wurde nach dem Sturm am Montag wieder "
        "geöffnet, teilte die Verwaltung am Dienstag in einer Erklärung mit.",
        dots="...\n\nEs war einmal ein Schiff, das fuhr nach Burgas und kam nie wieder zurück.",
        cut="Der Bahnhof von Warna wurde nach dem Sturm am Montag wieder geöffnet, teilte die "
        "Verwaltung am Dienstag in einer Erklärung mit, die an alle Zeitungen der Stadt ging.",
    )
    with qa.Corpus.open(place, tmp_path / "index") as corpus:
        articles = {article.path: article for article in corpus.articles()}
        assert articles["de.txt"].language == "de"
        assert articles["cut.txt"].title.endswith("…"), "a fragment"
        assert suggest(corpus) == ["Hafen wieder offen"]


def test_empty_folder_offers_nothing(tmp_path: Path) -> None:
    with qa.Corpus.open(write(tmp_path / "a"), tmp_path / "i", may_be_empty=True) as corpus:
        assert suggest(corpus) == []
