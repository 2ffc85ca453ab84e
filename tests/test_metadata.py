"""Where title, outlet, author, date, url and language come from, and which source is trusted."""

from datetime import date, datetime
from pathlib import Path

import pytest

import qa
from qa.errors import CorpusError
from qa.reading.articles import read_file
from qa.reading.metadata import FIELDS, ORIGINS, choose, clean, field_of, from_mapping
from qa.reading.sidecar import read_sidecar
from qa.records import Article
from tests.test_formats import STORIES, one, web_page

TEXT = "The ferry to Nessebar sails again since Friday. Captain Dimov thanked the mechanics.\n"


def fields(article: Article) -> dict[str, tuple[object, str]]:
    origins = dict(article.origins)
    return {f: (getattr(article, f), origins[f]) for f in FIELDS if f in origins}


def test_the_most_trusted_origin_wins_and_the_first_among_equals() -> None:
    found = [
        ("outlet", "dateline's", "dateline"), ("outlet", "tag's", "meta tag"),
        ("outlet", "first", "column"), ("outlet", "second", "column"), ("title", "t", "page"),
    ]  # fmt: skip
    assert choose(found) == {"outlet": ("first", "column"), "title": ("t", "page")}
    assert [
        choose([("url", o, o) for o in reversed(ORIGINS[i:])])["url"][0] for i in range(12)
    ] == [*ORIGINS]


@pytest.mark.parametrize(
    ("start", "outlet", "day"),
    [
        ("ANKARA (Realist English). Turkey has", "Realist English", None),
        ("LONDON, March 4, 2025 (Reuters) - The", "Reuters", date(2025, 3, 4)),
        ("WASHINGTON, March 4 (AP) — The", "AP", None),
        ("PARIS — (AFP) – Two", "AFP", None),
        ("NEW YORK (AP) — A", "AP", None),
        ("The Navy (USN) - said", None, None),
        ("NATO (North Atlantic Treaty Organization), which", None, None),
        ("Ankara (Reuters) reports", None, None),
    ],
)
def test_dateline(start: str, outlet: str | None, day: date | None) -> None:
    article = one(f"{start} {TEXT}", "a.txt")
    assert (article.outlet, article.published) == (outlet, day)
    assert dict(article.origins).get("outlet") == ("dateline" if outlet else None)


def test_title_and_language_of_plain_text_come_from_its_words() -> None:
    assert fields(one(TEXT, "a.txt")) == {
        "title": ("The ferry to Nessebar sails again since Friday.", "first words"),
        "language": ("en", "detected"),
    }
    assert fields(one(f"Ferry sails\n\n{TEXT}", "a.txt"))["title"] == ("Ferry sails", "heading")


def test_sidecar_is_trusted_more_than_the_page(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text(
        "file,Publisher,date,lang\na.html,The Post,4 March 2024,en-US\n"
    )
    page = web_page(*STORIES["bees"]).encode()
    [article] = read_file(page, "a.html", read_sidecar(tmp_path))
    assert isinstance(article, Article)
    known = fields(article)
    assert known["outlet"] == ("The Post", "sidecar")
    assert known["published"] == (date(2024, 3, 4), "sidecar")
    assert known["language"] == ("en", "sidecar")
    assert known["title"][1] == "JSON-LD"


@pytest.mark.parametrize(
    ("csv", "reason"),
    [
        ("title\nx\n", "no column that says which article"),
        ("path,oulet\na.txt,x\n", 'unknown field "oulet"'),
        ("path,date\na.txt,03/04/2025\n", "must be a date such as 2025-12-17"),
        ("path,language\na.txt,English\n", "must be a code such as en"),
        ("path,title\n,x\n", "line 2 does not say which"),
        ('path,title\na.txt,"x\n', "cannot be read"),
    ],
)
def test_error_in_a_csv_sidecar_is_located(tmp_path: Path, csv: str, reason: str) -> None:
    (tmp_path / "metadata.csv").write_text(csv)
    with pytest.raises(CorpusError, match=reason):
        read_sidecar(tmp_path)


def test_names_of_fields_are_the_same_in_both_sidecars(tmp_path: Path) -> None:
    (tmp_path / "metadata.toml").write_text('["a.txt"]\nsource = "The Post"\ndate = 2024-03-04\n')
    assert read_sidecar(tmp_path) == {"a.txt": {"outlet": "The Post", "published": "2024-03-04"}}


def test_two_sidecars_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("path\n")
    (tmp_path / "metadata.toml").write_text("")
    with pytest.raises(CorpusError, match="both"):
        read_sidecar(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "cleaned"),
    [
        ("published", "2025-03-04T23:30:00-05:00", "2025-03-04"),
        ("published", datetime(2025, 3, 4, 23, 30), "2025-03-04"),  # noqa: DTZ001
        ("published", "Tue, 04 Mar 2025 21:30:00 GMT", "2025-03-04"),
        ("published", "March 4, 2025", "2025-03-04"),
        ("published", "4.3.2025", "2025-03-04"),
        ("published", "03/04/2025", None),
        ("published", "0001-01-01T00:00:00", None),
        ("published", "yesterday", None),
        ("language", "pt_BR", "pt"),
        ("language", "english", None),
        ("title", " A\n title\t", "A title"),
        ("title", {"a": 1}, None),
        ("author", ["A", "B"], "A, B"),
        ("author", [{"name": "A"}, {"name": ["B", "C"]}, {"id": 1}, "A"], "A, B, C"),
        ("outlet", {"id": "bbc", "name": "BBC"}, "BBC"),
    ],
)
def test_values_as_files_write_them(field: str, value: object, cleaned: str | None) -> None:
    assert clean(field, value) == cleaned


def test_fields_by_their_usual_names() -> None:
    names = {"Headline": "title", "publishedAt": "published", "Site-Name": "outlet", "LINK": "url",
             "byline": "author", "lang": "language", "text": None}  # fmt: skip
    assert {name: field_of(name) for name in names} == names
    assert from_mapping({"headline": "b", "title": "a"}, "column")[0] == ("title", "a", "column")


def test_correction_in_the_sidecar_embeds_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "rows.csv").write_text(f"title,text\nOne,{TEXT}")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert corpus.report.embedded == 3
        (folder / "metadata.toml").write_text(
            '["harbour.txt"]\noutlet = "Daily"\n["rows.csv#1"]\noutlet = "Weekly"\n'
        )
        report = corpus.sync()
        assert (report.embedded, report.updated) == (0, ("harbour.txt", "rows.csv#1"))
        outlets = {a.path: fields(a).get("outlet") for a in corpus.articles()}
        assert outlets["harbour.txt"] == ("Daily", "sidecar")
        assert outlets["rows.csv#1"] == ("Weekly", "sidecar")
        assert corpus.answer("Where do ferries leave for?", outlets="Weekly").citations
        (folder / "metadata.toml").unlink()
        assert corpus.sync().updated == ("harbour.txt", "rows.csv#1")
        assert corpus.sync().unchanged == ("budget.md", "harbour.txt", "rows.csv#1")


def test_language_is_detected_even_if_the_page_declares_one() -> None:
    said = "Der Zoo von Sofia bekommt im Herbst zwei junge Schneeleoparden aus Leipzig. "
    article = one(web_page("Zoo &amp; Co.", said * 3), "a.html")  # the page says en-GB
    assert fields(article)["language"] == ("de", "detected")
    assert article.title == "Zoo & Co."
