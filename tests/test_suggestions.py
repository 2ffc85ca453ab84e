"""Questions to begin with come from the articles, and the articles answer them."""

from pathlib import Path

import pytest

import qa
from qa.suggestions import _candidates, suggest


def write(place: Path, **texts: str) -> Path:
    place.mkdir()
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text)
    return place


def test_sample_offers_questions_that_it_answers(seeds: qa.Corpus) -> None:
    offered = suggest(seeds)
    assert len(offered) == len(set(offered)) == 4
    assert "Who is the US ambassador to Türkiye?" in offered  # the outlets differ on it
    for question in offered:
        assert not seeds.answer(question).abstained
    assert len({question.split()[0] for question in offered}) == 3


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The bridge at Ruse was closed to lorries in May 2024.", None),  # "at Ruse": no name alone
        ("The Danube Bridge was closed to lorries in May 2024.",
         "When was the Danube Bridge closed to lorries?"),
        ("In June, Varna Port was sold to a fund on 3 June 2024.", "When was Varna Port sold"),
        ("It was closed in 2024.", None),
        ("Mayor Petrova rejected the plan for a tram.", "What did Mayor Petrova reject?"),
        ("They rejected the plan for a tram.", None),
        ("On Monday the ambassador left.", None),
        ("On Monday French Ambassador to Bulgaria Anne Roux left.",
         "Who is the French ambassador to Bulgaria?"),
        ("U.S. President Jane Roe arrived on Monday.", "Who is the US president?"),
    ],
)  # fmt: skip
def test_statement_becomes_a_question(text: str, question: str | None) -> None:
    article = qa.Article("0" * 64, "a.txt", text, "A")
    drawn = [c.question for c in _candidates([article]) if c.tier == 0 and "said about" not in c[0]]
    if question is None:
        assert drawn == []
    else:
        assert [found[: len(question)] for found in drawn] == [question]


def test_other_folders_offer_other_questions(tmp_path: Path) -> None:
    place = write(
        tmp_path / "a",
        one="The harbour of Varna was quiet. Mayor Petrova rejected the plan for a new tram line.",
        two="The Danube Bridge was closed to lorries in May 2024. Drivers were told to wait.",
    )
    with qa.Corpus.open(place, tmp_path / "index") as corpus:
        assert suggest(corpus)[:2] == [
            "When was the Danube Bridge closed to lorries?", "What did Mayor Petrova reject?",
        ]  # fmt: skip


def test_articles_that_are_not_english_offer_their_titles(tmp_path: Path) -> None:
    place = write(
        tmp_path / "a",
        de="Hafen wieder offen\n\nDer Hafen von Warna wurde nach dem Sturm am Montag wieder "
        "geöffnet, teilte die Verwaltung am Dienstag in einer Erklärung mit.",
    )
    with qa.Corpus.open(place, tmp_path / "index") as corpus:
        assert [article.language for article in corpus.articles()] == ["de"]
        assert suggest(corpus) == ["Hafen wieder offen"]


def test_empty_folder_offers_nothing(tmp_path: Path) -> None:
    with qa.Corpus.open(write(tmp_path / "a"), tmp_path / "i", may_be_empty=True) as corpus:
        assert suggest(corpus) == []
