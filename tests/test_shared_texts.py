"""Articles that share a text, or most of it: which is shown, where else it stands, and changes."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import qa
from qa.models.embedder import Embedder
from qa.records import Hit

REPORT = (
    "The harbour of Varna reopened on Monday after a storm had closed it for nine days, the port "
    "authority said. Ferries to Burgas left at noon.\n"
)
QUESTION = "When did the harbour of Varna reopen?"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    return folder


@pytest.fixture
def corpus(place: Path, tmp_path: Path, tiny_embedder: Embedder) -> Iterator[qa.Corpus]:
    with qa.Corpus(place, tmp_path / "index", tiny_embedder) as corpus:
        yield corpus


def describe(folder: Path, **outlets: str) -> None:
    """Write the outlet and the day of each article, ``a_txt="Daily 3"``, to the sidecar."""
    rows = []
    for name, value in outlets.items():
        outlet, day = value.split()
        rows.append(f"{name.replace('_', '.')},{outlet},2025-03-{day:0>2}\n")
    (folder / "metadata.csv").write_text("path,outlet,date\n" + "".join(rows))


def shown(hit: Hit) -> tuple[str | None, list[str | None]]:
    """Return the outlet that a hit shows, and those in which its words stand as well."""
    return hit.passage.article.outlet, sorted(p.article.outlet or "" for p in hit.also_in)


@pytest.fixture
def two(place: Path, corpus: qa.Corpus) -> qa.Corpus:
    """One text in two files: the Mirror published it a day before the Daily."""
    (place / "a.txt").write_text(REPORT)
    (place / "b.txt").write_text(REPORT)
    describe(place, a_txt="Daily 3", b_txt="Mirror 2")
    corpus.sync()
    return corpus


def test_one_text_of_two_outlets_is_one_hit_of_the_first_published(two: qa.Corpus) -> None:
    assert two.count() == (1, 1)
    assert two.report.embedded == 1
    [hit] = two.retrieve(QUESTION)
    assert shown(hit) == ("Mirror", ["Daily"])
    [also] = hit.also_in
    assert also.text in REPORT
    assert {sentence.passage.article.outlet for sentence in hit.sentences} == {"Mirror"}
    [other] = two.duplicates()
    assert {other.path, two.articles()[0].path} == {"a.txt", "b.txt"}


@pytest.mark.parametrize(("outlet", "path"), [("Daily", "a.txt"), ("Mirror", "b.txt")])
def test_scope_of_either_outlet_finds_its_own_article(
    two: qa.Corpus, outlet: str, path: str
) -> None:
    [hit] = two.retrieve(QUESTION, outlets=outlet)
    assert shown(hit) == (outlet, [])
    assert hit.passage.article.path == path
    answer = two.answer(QUESTION, outlets=outlet)
    assert {c.article.outlet for c in (*answer.citations, *answer.nearest)} == {outlet}
    [by_path] = two.retrieve(QUESTION, paths=path)
    assert shown(by_path) == (outlet, [])


@pytest.mark.parametrize(
    ("gone", "left"), [("a.txt", ("b.txt", "Mirror")), ("b.txt", ("a.txt", "Daily"))]
)
def test_one_of_two_is_deleted_and_the_other_stays(
    two: qa.Corpus, place: Path, gone: str, left: tuple[str, str]
) -> None:
    (place / gone).unlink()
    report = two.sync()
    assert report.embedded == 0
    [hit] = two.retrieve(QUESTION)
    assert (hit.passage.article.path, hit.passage.article.outlet, hit.also_in) == (*left, ())
    assert [(a.path, a.outlet) for a in two.articles()] == [left]
    assert two.duplicates() == []
    assert two.retrieve(QUESTION, outlets={"a.txt": "Daily", "b.txt": "Mirror"}[gone]) == []


def test_metadata_of_one_of_two_is_corrected(two: qa.Corpus, place: Path) -> None:
    describe(place, a_txt="Herald 1", b_txt="Mirror 2")
    assert two.sync().embedded == 0
    [hit] = two.retrieve(QUESTION)
    assert shown(hit) == ("Herald", ["Mirror"])  # published a day before now
    assert two.retrieve(QUESTION, outlets="Daily") == []
    describe(place, a_txt="Herald 1", b_txt="Post 2")
    assert two.sync().embedded == 0
    assert shown(two.retrieve(QUESTION)[0]) == ("Herald", ["Post"])


def test_one_of_two_is_renamed(two: qa.Corpus, place: Path) -> None:
    (place / "b.txt").rename(place / "0.txt")
    describe(place, a_txt="Daily 3", **{"0_txt": "Mirror 2"})
    assert two.sync().embedded == 0
    [hit] = two.retrieve(QUESTION)
    assert shown(hit) == ("Mirror", ["Daily"])
    assert hit.passage.article.path == "0.txt"
    assert sorted(a.path for a in (*two.articles(), *two.duplicates())) == ["0.txt", "a.txt"]


def test_one_of_two_is_replaced_by_another_text(two: qa.Corpus, place: Path) -> None:
    (place / "b.txt").write_text("The mayor of Burgas opened a school.\n")
    report = two.sync()
    assert (report.updated, report.embedded) == (("b.txt",), 1)
    hits = two.retrieve(QUESTION)
    assert {shown(hit)[0] for hit in hits} == {"Daily", "Mirror"}
    assert all(hit.also_in == () for hit in hits)


def test_same_outlet_twice_is_not_listed_beside_itself(two: qa.Corpus, place: Path) -> None:
    describe(place, a_txt="Daily 3", b_txt="Daily 2")
    two.sync()
    [hit] = two.retrieve(QUESTION)
    assert (hit.passage.article.path, hit.also_in) == ("b.txt", ())


# Near duplicates

SENTENCES = [
    "The port authority reopened the harbour on Monday after a storm of nine days.",
    "Forty cargo ships waited in the roads for a pilot to bring them in at last.",
    "Captain Dimov said that the breakwater lost eleven heavy blocks of its concrete.",
    "The ministry of transport put the damage at ninety million leva on Tuesday.",
    "Fishermen from Balchik complained that nobody warned them of the high waves.",
    "A ferry to Burgas left at noon with two hundred impatient passengers aboard.",
]
STORY = {"a.txt": SENTENCES[:3], "b.txt": SENTENCES[1:5], "c.txt": SENTENCES[3:]}
"""The first and the last share two sentences each with the second, and none with each other."""


def stories(corpus: qa.Corpus) -> dict[str, int]:
    """Return the story of each article, by path."""
    with corpus._store.snapshot() as snapshot:
        texts = dict(snapshot.query("SELECT path, text_number FROM articles"))
        found = snapshot.stories(texts.values())
    return {path: found[number] for path, number in texts.items()}


def write(folder: Path, name: str) -> None:
    (folder / name).write_text(" ".join(STORY[name]))


@pytest.mark.parametrize("order", permutations(STORY), ids="".join)
def test_near_duplicates_have_one_story_in_whatever_order_they_come(
    corpus: qa.Corpus, place: Path, order: tuple[str, ...]
) -> None:
    (place / "other.txt").write_text("The mayor of Ruse opened a hall of clocks in the museum.")
    for name in order:
        write(place, name)
        corpus.sync()
    found = stories(corpus)
    assert found["a.txt"] == found["b.txt"] == found["c.txt"] != found["other.txt"]


def test_near_duplicates_of_one_sync_have_one_story(corpus: qa.Corpus, place: Path) -> None:
    for name in STORY:
        write(place, name)
    corpus.sync()
    assert len(set(stories(corpus).values())) == 1


def test_articles_are_apart_again_when_what_linked_them_is_gone(
    corpus: qa.Corpus, place: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    """The first and the last share one sentence of four, too little for one story."""
    (place / "a.txt").write_text(" ".join([*SENTENCES[:3], SENTENCES[5]]))
    (place / "b.txt").write_text(" ".join(SENTENCES[:5]))
    (place / "c.txt").write_text(" ".join([*SENTENCES[2:5], "The mayor of Ruse slept well."]))
    describe(place, a_txt="Daily 1", b_txt="Mirror 2", c_txt="Post 3")
    corpus.sync()
    assert len(set(stories(corpus).values())) == 1
    (place / "b.txt").unlink()
    corpus.sync()
    question = "What did Captain Dimov say of the breakwater?"
    with qa.Corpus(place, tmp_path / "fresh", tiny_embedder) as fresh:
        fresh.sync()
        expected = [shown(hit) for hit in fresh.retrieve(question)]
    assert sorted(expected) == [("Daily", []), ("Post", [])]
    assert [shown(hit) for hit in corpus.retrieve(question)] == expected


@pytest.fixture
def three(place: Path, corpus: qa.Corpus) -> qa.Corpus:
    """The Daily's report, and a longer one that the Post and the Mirror have in the same words."""
    (place / "a.txt").write_text(REPORT)
    (place / "b.txt").write_text(f"{REPORT} It rained.")
    (place / "c.txt").write_text(f"{REPORT} It rained.")
    describe(place, a_txt="Daily 2", b_txt="Post 3", c_txt="Mirror 4")
    corpus.sync()
    return corpus


def test_exact_duplicates_of_a_near_duplicate_are_listed_too(three: qa.Corpus) -> None:
    [hit] = three.retrieve(QUESTION)
    assert shown(hit) == ("Daily", ["Mirror", "Post"])
    assert all(other.text in REPORT for other in hit.also_in)
    answer = three.answer(QUESTION)
    assert (answer.abstained, answer.sources_without_quotes) == (False, ())


@pytest.mark.parametrize("other", ["Post", "Mirror"])
def test_near_duplicates_outside_the_scope_are_not_listed(three: qa.Corpus, other: str) -> None:
    [hit] = three.retrieve(QUESTION, outlets=["Daily", other])
    assert shown(hit) == ("Daily", [other])


def test_the_first_published_of_near_and_exact_duplicates_is_shown(
    three: qa.Corpus, place: Path
) -> None:
    describe(place, a_txt="Daily 2", b_txt="Post 3", c_txt="Mirror 1")
    three.sync()
    [hit] = three.retrieve(QUESTION)
    assert shown(hit) == ("Mirror", ["Daily", "Post"])


@pytest.mark.parametrize("gone", ["a.txt", "b.txt", "c.txt"])
def test_the_other_near_duplicates_stay_one_story_when_one_is_removed(
    corpus: qa.Corpus, place: Path, gone: str
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (place / name).write_text(f"{' '.join(SENTENCES)} This is the paper {name}.")
        corpus.sync()
    (place / gone).unlink()
    corpus.sync()
    assert len(set(stories(corpus).values())) == 1


def test_near_duplicates_stay_one_story_when_most_of_the_oldest_are_removed(
    corpus: qa.Corpus, place: Path
) -> None:
    names = [f"{i:02}.txt" for i in range(20)]
    for name in names:
        (place / name).write_text(f"{' '.join(SENTENCES)} This is the paper {name}.")
    corpus.sync()
    for name in names[:15]:
        (place / name).unlink()
    corpus.sync()
    assert len(set(stories(corpus).values())) == 1


def test_near_duplicate_is_shown_beside_the_passage_that_it_repeats(
    corpus: qa.Corpus, place: Path
) -> None:
    (place / "a.txt").write_text(REPORT)
    (place / "b.txt").write_text(f"Good news from the coast. {REPORT}")
    describe(place, a_txt="Daily 3", b_txt="Mirror 2")
    corpus.sync()
    [hit] = corpus.retrieve(QUESTION)
    assert shown(hit) == ("Mirror", ["Daily"])
    (place / "b.txt").unlink()
    corpus.sync()
    [hit] = corpus.retrieve(QUESTION)
    assert shown(hit) == ("Daily", [])
