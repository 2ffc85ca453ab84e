"""Near and exact duplicates: found, shown once with the other articles, and nothing else."""

import random
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from qa.index import duplicates
from qa.models.embedder import Embedder
from qa.records import Article, Citation

REPORT = """The harbour of Varna reopened on Monday after a storm had closed it for nine days, the port authority said.

Ferries to Burgas left at noon, and forty cargo ships waited in the roads for a pilot to bring them in.

Captain Dimov said that the breakwater had lost eleven of its concrete blocks, each of them the weight of a lorry.

The ministry of transport put the damage at 90 million leva and promised to pay for the repairs before the winter.

Fishermen from Balchik complained that nobody had told them when they could go out to sea again.
"""  # noqa: E501
ADDED = (
    "In Shumen, meanwhile, the theatre began its season with a comedy by Gogol that nobody had "
    "rehearsed, and the audience of pensioners applauded the stage hands instead of the actors."
)


OWN = (
    "A storm closed the harbour of Varna for more than a week, its chief engineer wrote. He had "
    "warned of weak blocks in the breakwater years before, and nobody answered him."
)


def article(text: str, path: str = "a.txt", **known: object) -> Article:
    return Article("0" * 64, path, text, "T", **known)  # type: ignore[arg-type]


def are_near_duplicates(one: str, other: str) -> bool:
    """Return whether two texts share a band and most of their shingles."""
    first, second = (duplicates.story_shingles(article(text)) for text in (one, other))
    common = set(duplicates.bands(first)) & set(duplicates.bands(second))
    return bool(common) and duplicates.are_near_duplicates(first, second)


def stories(corpus: qa.Corpus) -> set[frozenset[str]]:
    """Return the paths of the articles of each story that has several."""
    found = defaultdict(set)
    with corpus._store.snapshot() as snapshot:
        texts = dict(snapshot.query("SELECT path, text_number FROM articles"))
        story = snapshot.stories(texts.values())
    for path, text_number in texts.items():
        found[story[text_number]].add(path)
    return {frozenset(paths) for paths in found.values() if len(paths) > 1}


def test_an_edited_report_is_a_near_duplicate_and_another_story_is_not() -> None:
    paragraphs = REPORT.strip().split("\n\n")
    assert are_near_duplicates(REPORT, "A new headline\n\n" + REPORT)
    assert are_near_duplicates(REPORT, "\n\n".join(paragraphs[:3]))
    assert are_near_duplicates(REPORT, "\n\n".join([*paragraphs[:2], ADDED, *paragraphs[2:]]))
    assert are_near_duplicates(REPORT, "\n\n".join(reversed(paragraphs)))
    assert are_near_duplicates(
        REPORT, REPORT.replace("said", "told reporters").replace("Monday", "Tuesday")
    )
    assert not are_near_duplicates(REPORT, ADDED)
    assert not are_near_duplicates(
        REPORT, f"{ADDED} {paragraphs[0]} {ADDED[::-1]} {ADDED.upper()[::-1]}" * 2
    )


def test_boilerplate_does_not_make_near_duplicates() -> None:
    tail = "\n\nSubscribe to our channel. " + ADDED
    one, other = REPORT + tail, "Something else entirely happened in Ruse on Sunday." + tail
    aside = [((text.index("Subscribe"), len(text)),) for text in (one, other)]
    spans = [article(t, boilerplate=a) for t, a in zip((one, other), aside, strict=True)]
    found = [duplicates.story_shingles(one) for one in spans]
    assert not found[0] & found[1]


def test_sample_articles_are_no_near_duplicates(seeds: qa.Corpus) -> None:
    found = [duplicates.story_shingles(a) for a in seeds.articles()]
    assert len(found) == 5
    assert not any(duplicates.are_near_duplicates(a, b) for a in found for b in found if a is not b)


@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_bands_depend_only_on_the_shingles(found: set[int]) -> None:
    shuffled = random.Random(0).sample(sorted(found), len(found))
    assert duplicates.bands(found) == duplicates.bands(shuffled)
    assert all(-(2**63) <= band < 2**63 for band in duplicates.bands(found))


def test_original_is_the_article_of_the_agency_then_the_earliest() -> None:
    first = article(REPORT + "(Reuters)", "b.txt", outlet="Daily", published=date(2025, 3, 1))
    later = article(REPORT, "a.txt", outlet="Post", published=date(2025, 3, 2))
    undated = article(REPORT * 2, "0.txt", outlet="Mirror")
    agency = article(REPORT, "z.txt", outlet="Reuters", published=date(2025, 3, 3))
    assert duplicates.original_first([undated, later, first]) == [first, later, undated]
    assert duplicates.original_first([undated, later, first, agency])[0] == agency


@pytest.fixture
def syndicated(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    paragraphs = REPORT.strip().split("\n\n")

    def write(name: str, outlet: str, day: int, *text: str) -> None:
        front = f"---\noutlet: {outlet}\ndate: 2025-03-{day:02}\n---\n"
        (folder / name).write_text(front + "\n\n".join(text), encoding="utf-8")

    write("a.txt", "Daily", 3, "Varna opens its harbour", *paragraphs)
    write("b.txt", "Agency", 1, "Harbour reopens", *paragraphs)
    write("c.txt", "Mirror", 4, "Ships leave Varna again", *paragraphs[:3], ADDED)
    write("d.txt", "Post", 5, "Harbour costs less", *paragraphs[:3],
          paragraphs[3].replace("90 million", "84 million"), paragraphs[4])  # fmt: skip
    write("e.txt", "Herald", 2, "Storm closed the harbour of Varna", OWN)
    return folder


def test_near_duplicates_are_one_hit_with_the_other_articles(
    syndicated: Path, tmp_path: Path
) -> None:
    with qa.Corpus.open(syndicated, tmp_path / "index") as corpus:
        hits = corpus.retrieve("Why did the harbour of Varna reopen on Monday?", 10)
        answer = corpus.answer("When did the harbour of Varna reopen?")
        damage = corpus.answer("How many million leva was the damage?")
        only = corpus.retrieve("What did the theatre in Shumen play?", 1)
    found = [hit for hit in hits if "reopened on Monday" in hit.passage.text]
    assert [hit.passage.article.outlet for hit in found] == ["Agency"]  # the earliest
    assert {p.article.outlet for p in found[0].also_in} == {"Daily", "Mirror", "Post"}
    assert all("reopened on Monday" in passage.text for passage in found[0].also_in)
    first = answer.citations[0]
    assert first.article.outlet == "Agency"
    assert {p.article.outlet for p in first.also_in} == {"Daily", "Mirror", "Post"}
    assert not {"Daily", "Mirror", "Post"} & {*answer.by_outlet, *answer.sources_without_quotes}
    # Words of only one of them are found there; a sentence with another figure is no duplicate.
    assert only[0].passage.article.outlet == "Mirror"
    values = {value.text for d in damage.differences for value in d.values}
    assert values == {"90 million", "84 million"}


def test_stories_follow_the_folder(
    syndicated: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    four = {"a.txt", "b.txt", "c.txt", "d.txt"}
    with qa.Corpus(syndicated, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        assert stories(corpus) == {frozenset(four)}
        (syndicated / "late.txt").write_text(f"Late to the story\n\n{REPORT}")
        corpus.sync()
        assert stories(corpus) == {frozenset({*four, "late.txt"})}
        for name in ("a.txt", "b.txt", "d.txt", "late.txt"):
            (syndicated / name).unlink()
        corpus.sync()
        assert stories(corpus) == set()


def test_exact_duplicates_are_one_quote_with_the_other_outlets(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    rows = [("Daily", "2025-03-03"), ("Agency", "2025-03-01"), ("Mirror", "2025-03-02")]
    table = "".join(f'Harbour,{outlet},{day},"{REPORT}"\n' for outlet, day in rows)
    (folder / "rows.csv").write_text("title,outlet,date,text\n" + table, encoding="utf-8")
    question = "When did the harbour of Varna reopen?"
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert [(item.path, item.reason) for item in corpus.report.skipped] == [
            ("rows.csv#2", "has the same content as rows.csv#1"),
            ("rows.csv#3", "has the same content as rows.csv#1"),
        ]
        for _ in range(2):  # the second time after a sync that has nothing to do
            [first] = corpus.answer(question).citations
            assert (first.article.outlet, first.article.path) == ("Agency", "rows.csv#2")
            assert {passage.article.outlet for passage in first.also_in} == {"Daily", "Mirror"}
            assert all("reopened on Monday" in passage.text for passage in first.also_in)
            corpus.sync()
        [only] = corpus.answer(question, outlets="Mirror").citations
        assert (only.article.outlet, only.also_in) == ("Mirror", ())
        [only] = corpus.answer(question, until="2025-03-01").citations
        assert only.article.outlet == "Agency"
        (folder / "rows.csv").write_text("title,outlet,date,text\n" + table.split("\nHarbour")[0])
        corpus.sync()
        [first] = corpus.answer(question).citations
        assert (first.article.outlet, first.also_in) == ("Daily", ())


def test_exact_duplicates_are_listed_with_their_own_metadata(
    tmp_path: Path, tiny_embedder: Embedder
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text(REPORT)
    (folder / "b.txt").write_text(REPORT)
    (folder / "metadata.csv").write_text("path,outlet\na.txt,Daily\nb.txt,Mirror\n")
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        [duplicate] = corpus.duplicates()
        [first] = corpus.articles()
        assert (first.path, first.outlet) == ("a.txt", "Daily")
        assert (duplicate.path, duplicate.outlet) == ("b.txt", "Mirror")
        assert duplicate.text == first.text
        (folder / "metadata.csv").write_text("path,outlet\na.txt,Daily\nb.txt,Herald\n")
        assert corpus.sync().embedded == 0
        assert [article.outlet for article in corpus.duplicates()] == ["Herald"]
        (folder / "a.txt").unlink()  # the duplicate takes its place, without embedding
        report = corpus.sync()
        assert (report.updated, report.embedded) == (("b.txt",), 0)
        assert [(a.path, a.outlet) for a in corpus.articles()] == [("b.txt", "Herald")]
        assert corpus.duplicates() == []


# Pairs of characters are terms in Thai. Two combining marks in a row are such a pair, of which
# nothing is left when marks are folded.
THAI = (
    "ท่าเรือวาร์นา\n\nกลุ่มชาวประมงเรียกร้องให้เปิดท่าเรือวาร์นาอีกครั้งหลังพายุ ท่าเรือปิดมาเก้าวันแล้ว "
    "เรือสินค้าสี่สิบลำรอคนนำร่องอยู่ กัปตันดิมอฟกล่าวว่าเขื่อนกันคลื่นเสียหายหนัก "
    "กระทรวงคมนาคมสัญญาว่าจะซ่อมแซมก่อนฤดูหนาว\n"
)


def test_near_duplicates_in_thai_are_answered(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text(THAI, encoding="utf-8")
    edited = THAI.replace("เก้าวันแล้ว", "เก้าวันแล้วนั้น") + "ชาวประมงจากบัลชิกร้องเรียน\n"
    (folder / "b.txt").write_text(edited, encoding="utf-8")
    (folder / "metadata.csv").write_text(
        "path,outlet,date\na.txt,A,2025-03-01\nb.txt,B,2025-03-02\n"
    )
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert stories(corpus) == {frozenset({"a.txt", "b.txt"})}
        for question in (
            "กลุ่มชาวประมงเรียกร้องอะไร", "ท่าเรือวาร์นาปิดกี่วัน", "กัปตันดิมอฟกล่าวว่าอะไร",
            "กระทรวงคมนาคมสัญญาอะไร", "กลุ่ม",
        ):  # fmt: skip
            answer = corpus.answer(question)
            citations: tuple[Citation, ...] = (*answer.citations, *answer.nearest)
            assert citations
            for citation in citations:
                on_disk = (folder / citation.article.path).read_text(encoding="utf-8")
                assert citation.quote == on_disk[citation.start : citation.end]
        [first, *_] = corpus.answer("กลุ่มชาวประมงเรียกร้องให้เปิดท่าเรือวาร์นา").citations
        assert first.article.outlet == "A"
        assert [passage.article.outlet for passage in first.also_in] == ["B"]
