"""Copies of one story: found, grouped, told once, and nothing else merged."""

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from qa.index import duplicates
from qa.records import Article

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


def copies(one: str, other: str) -> bool:
    first, second = duplicates.runs(article(one)), duplicates.runs(article(other))
    common = set(duplicates.bands(first)) & set(duplicates.bands(second))
    return bool(common) and duplicates.is_copy(first, second)


def test_an_edited_report_is_a_copy_and_another_story_is_none() -> None:
    paragraphs = REPORT.strip().split("\n\n")
    assert copies(REPORT, "A new headline\n\n" + REPORT)
    assert copies(REPORT, "\n\n".join(paragraphs[:3]))
    assert copies(REPORT, "\n\n".join([*paragraphs[:2], ADDED, *paragraphs[2:]]))
    assert copies(REPORT, "\n\n".join(reversed(paragraphs)))
    assert copies(REPORT, REPORT.replace("said", "told reporters").replace("Monday", "Tuesday"))
    assert not copies(REPORT, ADDED)
    assert not copies(REPORT, f"{ADDED} {paragraphs[0]} {ADDED[::-1]} {ADDED.upper()[::-1]}" * 2)


def test_boilerplate_makes_no_copies() -> None:
    tail = "\n\nSubscribe to our channel. " + ADDED
    one, other = REPORT + tail, "Something else entirely happened in Ruse on Sunday." + tail
    aside = [((text.index("Subscribe"), len(text)),) for text in (one, other)]
    spans = [article(t, boilerplate=a) for t, a in zip((one, other), aside, strict=True)]
    assert not duplicates.runs(spans[0]) & duplicates.runs(spans[1])


def test_seeds_are_five_stories_of_their_own(seeds: qa.Corpus) -> None:
    found = [duplicates.runs(a) for a in seeds.articles()]
    assert not any(duplicates.is_copy(a, b) for a in found for b in found if a is not b)


@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_bands_depend_on_the_runs_alone(found: set[int]) -> None:
    shuffled = random.Random(0).sample(sorted(found), len(found))
    assert duplicates.bands(found) == duplicates.bands(shuffled)
    assert all(-(2**63) <= band < 2**63 for band in duplicates.bands(found))


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12))
def test_groups_are_the_connected_components(pairs: list[tuple[str, str]]) -> None:
    groups = duplicates.components(pairs)
    for member, group in groups.items():
        reached = {member}
        for _ in pairs:  # brute force
            reached |= {x for pair in pairs if set(pair) & reached for x in pair}
        assert group == reached


def test_the_agency_comes_first_then_the_earliest() -> None:
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


def test_one_of_a_group_with_also_in(syndicated: Path, tmp_path: Path) -> None:
    with qa.Corpus.open(syndicated, tmp_path / "index") as corpus:
        hits = corpus.retrieve("Why did the harbour of Varna reopen on Monday?", 10)
        answer = corpus.answer("When did the harbour of Varna reopen?")
        damage = corpus.answer("How many million leva was the damage?")
        only = corpus.retrieve("What did the theatre in Shumen play?", 1)
    told = [hit for hit in hits if "reopened on Monday" in hit.passage.text]
    assert [hit.passage.article.outlet for hit in told] == ["Agency"]  # the earliest
    assert {p.article.outlet for p in told[0].also_in} == {"Daily", "Mirror", "Post"}
    for copy in told[0].also_in:
        assert copy.text in copy.article.text
        assert "reopened on Monday" in copy.text
    first = answer.citations[0]
    assert first.article.outlet == "Agency"
    assert {p.article.outlet for p in first.also_in} == {"Daily", "Mirror", "Post"}
    assert not {"Daily", "Mirror", "Post"} & {*answer.by_outlet, *answer.silent}
    # What only a copy says is found in it; another figure in a copy is no copy of the sentence.
    assert only[0].passage.article.outlet == "Mirror"
    values = {value.text for d in damage.differences for value in d.values}
    assert values == {"90 million", "84 million"}


def test_groups_follow_the_folder(syndicated: Path, tmp_path: Path) -> None:
    with qa.Corpus.open(syndicated, tmp_path / "index") as corpus:
        groups = corpus._store.copies()
        paths = {a.article_id: a.path for a in corpus.articles()}
        assert {frozenset(map(paths.get, g)) for g in groups.values()} == {
            frozenset({"a.txt", "b.txt", "c.txt", "d.txt"})
        }
        for name in ("a.txt", "b.txt", "d.txt"):
            (syndicated / name).unlink()
        corpus.sync()
        assert corpus._store.copies() == {}
        assert corpus.answer("When did the harbour of Varna reopen?").citations[0].also_in == ()


def test_a_new_copy_joins_its_group(syndicated: Path, tmp_path: Path) -> None:
    late = syndicated / "late.txt"
    with qa.Corpus.open(syndicated, tmp_path / "index") as corpus:
        late.write_text(f"Late to the story\n\n{REPORT}")
        corpus.sync()
        [group] = set(corpus._store.copies().values())
        assert len(group) == 5


def test_the_very_same_text_in_two_outlets(tmp_path: Path) -> None:
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
        for _ in range(2):  # the second time, the file is not read again
            [first] = corpus.answer(question).citations
            assert (first.article.outlet, first.article.path) == ("Agency", "rows.csv#2")
            assert {copy.article.outlet for copy in first.also_in} == {"Daily", "Mirror"}
            assert all("reopened on Monday" in copy.text for copy in first.also_in)
            corpus.sync()
        [only] = corpus.answer(question, outlets="Mirror").citations
        assert (only.article.outlet, only.also_in) == ("Mirror", ())
        [only] = corpus.answer(question, until="2025-03-01").citations
        assert only.article.outlet == "Agency"
        (folder / "rows.csv").write_text("title,outlet,date,text\n" + table.split("\nHarbour")[0])
        corpus.sync()
        [first] = corpus.answer(question).citations
        assert (first.article.outlet, first.also_in) == ("Daily", ())


def test_twins_are_listed_with_what_is_known_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text(REPORT)
    (folder / "b.txt").write_text(REPORT)
    (folder / "metadata.csv").write_text("path,outlet\na.txt,Daily\nb.txt,Mirror\n")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        [twin] = corpus.twins()
        [article] = corpus.articles()
        assert (article.path, article.outlet) == ("a.txt", "Daily")
        assert (twin.path, twin.outlet, twin.text) == ("b.txt", "Mirror", article.text)
        (folder / "metadata.csv").write_text("path,outlet\na.txt,Daily\nb.txt,Herald\n")
        assert corpus.sync().embedded == 0
        assert [twin.outlet for twin in corpus.twins()] == ["Herald"]
        (folder / "a.txt").unlink()  # the twin takes its place, without embedding
        report = corpus.sync()
        assert (report.updated, report.embedded) == (("b.txt",), 0)
        assert [(a.path, a.outlet) for a in corpus.articles()] == [("b.txt", "Herald")]
        assert corpus.twins() == []
