"""Every supported format, in files that other programs wrote."""

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from fpdf import FPDF

import qa
from qa.errors import ArticleError
from qa.evidence import verify, write_pack
from qa.reading.articles import read_file
from qa.reading.folder import read_bytes
from qa.records import Article, Skipped
from tests.conftest import SEEDS, read_article

# For each file: name and title, a question that only it answers, and its text.
STORIES_AND_QUESTIONS = """
ferry: Ferry to Nessebar sails again
Who replaced the engine of the ferry?
The ferry to Nessebar sails again since Friday, after the engine was replaced by mechanics from
Gdansk. Captain Dimov thanked them.

museum: Museum opens a hall of clocks
Who made the oldest clock in the museum?
The museum of Ruse opened a hall of clocks on Sunday. Its oldest clock was made in Augsburg by
Johann Reinhold in 1588.

bees: Beekeepers count their losses
How many levs will the ministry pay for each hive?
Beekeepers of Dobrich lost four hundred hives to the frost. The ministry of farming will pay
ninety levs for each of them.

bridge: Bridge at Silistra is closed
Where did the engineer find cracks in the bridge?
The bridge at Silistra is closed because an engineer found cracks in its third pillar. Repairs
will take eleven weeks.

opera: Opera hires a conductor
Whom did the opera hire as its conductor?
The opera of Plovdiv hired Amara Okafor as its conductor. She will open the season with Verdi's
Nabucco in October.

chess: Chess champion is fourteen
How did Lena Todorova beat the grandmaster?
Fourteen-year-old Lena Todorova won the chess title in Pleven. She beat a grandmaster with a
sacrifice of her queen.

wolves: Wolves are back in Strandzha
How many wolves did the camera trap count?
Wolves were seen in the Strandzha mountains by the forester Kolev. A camera trap counted seven
animals near the spring.

tram: Tram line nine is extended
Who laid the rails for the tram to the airport?
Tram line nine will run to the airport of Sofia from March. The rails were laid by a company
from Linz.

wine: Wine cellar found under a school
Who had sealed the barrels in the wine cellar?
Workers found a wine cellar under the school of Melnik. Its barrels had been sealed by monks of
Rozhen.

lamp: Lighthouse lamp is sold
How did the collector pay for the lighthouse lamp?
The lamp of the lighthouse at Shabla was sold to a collector from Trieste. He paid for it with a
sailing boat.

rowing: Rowers cross the Danube
Who gave the glue for the paper boat?
Rowers from Vidin crossed the Danube in a boat of paper. Glue for it was given by a bakery.
"""
STORIES: dict[str, tuple[str, str]] = {}
QUESTIONS: dict[str, str] = {}
for part in STORIES_AND_QUESTIONS.strip().split("\n\n"):
    name, title, question, body = re.split(r": |\n", part, maxsplit=3)
    STORIES[name], QUESTIONS[name] = (title, " ".join(body.split())), question


def web_page(title: str, body: str, outlet: str = "The Varna Post") -> str:
    sentences = "".join(f"<p>{sentence}.</p>" for sentence in body.rstrip(".").split(". "))
    ld = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "datePublished": "2025-03-04T21:30:00+02:00",
        "author": [{"@type": "Person", "name": "Iva Petrova"}],
        "publisher": {"@type": "Organization", "name": outlet},
    }
    return f"""<!doctype html><html lang="en-GB"><head><title>{title} | {outlet}</title>
<link rel="canonical" href="https://post.example/a">
<script type="application/ld+json">{json.dumps(ld)}</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<div class="cookies">We use cookies to improve your experience. Accept all</div>
<article><h1>{title}</h1>{sentences}<p>{body}</p></article>
<footer><a href="/about">About us</a><a href="/privacy">Privacy</a></footer></body></html>"""


def pdf(pages: list[str], **properties: str) -> bytes:
    document = FPDF()
    document.set_font("Helvetica", size=12)
    for number, text in enumerate(pages, 1):
        document.add_page()
        document.cell(text="The Varna Post - weekly", new_x="LMARGIN", new_y="NEXT")
        document.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")
        document.cell(text=f"Page {number}", new_x="LMARGIN", new_y="NEXT")
    for name, value in properties.items():
        getattr(document, f"set_{name}")(value)
    return bytes(document.output())


def word(title: str, body: str, author: str = "Iva Petrova") -> bytes:
    document = docx.Document()
    document.add_heading(title, 0)
    document.add_paragraph(body)
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Length", "9 km"
    document.core_properties.author = author
    document.core_properties.title = "Word Document"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def table(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def read(content: bytes | str, name: str, **columns: str) -> list[Article | Skipped]:
    data = content.encode() if isinstance(content, str) else content
    return list(read_file(data, name, columns=columns))


def one(content: bytes | str, name: str, **columns: str) -> Article:
    [article] = read(content, name, **columns)
    assert isinstance(article, Article)
    return article


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats") / "articles"
    (folder / "deep" / "er").mkdir(parents=True)

    def text(name: str) -> str:
        return "\n\n".join(STORIES[name])

    def row(name: str) -> dict[str, str]:
        return {"title": STORIES[name][0], "source": "Agency", "body": STORIES[name][1]}

    (folder / "ferry.txt").write_text(text("ferry"))
    (folder / "deep" / "er" / "museum.md").write_text(f"# {text('museum')}\n")
    (folder / "bees.html").write_text(web_page(*STORIES["bees"]))
    (folder / "bridge.pdf").write_bytes(
        pdf(["Nothing of note happened here.", text("bridge")], title=STORIES["bridge"][0])
    )
    (folder / "opera.docx").write_bytes(word(*STORIES["opera"]))
    (folder / "chess.json").write_text(json.dumps({"articles": [row("chess")]}))
    (folder / "lines.jsonl").write_text(f"{json.dumps(row('wolves'))}\n{json.dumps(row('tram'))}\n")
    (folder / "wine.csv").write_bytes(table([row("wine")], ";"))
    files = {
        "in/lamp.html": web_page(*STORIES["lamp"]).encode(),
        "rows.csv": table([row("rowing")]),
    }
    (folder / "saved.zip").write_bytes(archive(files))
    return folder


def test_folder_with_every_format_is_indexed_and_answered_from(
    everything: Path, tmp_path: Path
) -> None:
    with qa.Corpus.open(everything, tmp_path / "index") as corpus:
        assert corpus.report.skipped == ()
        paths = {
            "ferry": "ferry.txt", "museum": "deep/er/museum.md", "bees": "bees.html",
            "bridge": "bridge.pdf", "opera": "opera.docx", "chess": "chess.json#1",
            "wolves": "lines.jsonl#1", "tram": "lines.jsonl#2", "wine": "wine.csv#1",
            "lamp": "saved.zip/in/lamp.html", "rowing": "saved.zip/rows.csv#1",
        }  # fmt: skip
        assert set(corpus.report.added) == set(paths.values())
        titles = {article.path: article.title for article in corpus.articles()}
        assert titles == {path: STORIES[name][0] for name, path in paths.items()}
        answers = {name: corpus.answer(question) for name, question in QUESTIONS.items()}
    for name, answer in answers.items():
        assert answer.citations[0].article.path == paths[name]
        said = " ".join(answer.citations[0].quote.split())
        assert STORIES[name][1].split(". ")[1].rstrip(".") in said
    assert answers["bridge"].citations[0].pages == (2, 2)
    for suffix in ("json", "csv", "md"):
        pack = tmp_path / f"pack.{suffix}"
        pack.write_text(write_pack(list(answers.values()), suffix, "1", datetime.now(UTC)))
        verdicts = verify(pack, everything)
        assert len(verdicts) >= len(QUESTIONS)
        assert {verdict.word for verdict in verdicts} == {"verified"}
    with qa.Corpus.open(everything, tmp_path / "index") as corpus:
        assert corpus.report.embedded == 0
        assert len(corpus.report.unchanged) == len(STORIES)


def test_text_of_a_web_page_is_its_title_and_story() -> None:
    title, body = STORIES["bees"]
    article = one(web_page(title, body), "a.html")
    assert article.text.startswith(f"{title}\n\nBeekeepers of Dobrich")
    for menu in ("Home", "Sport", "cookies", "Privacy", "About us"):
        assert menu not in article.text
    assert (article.title, article.outlet, article.author) == (
        title,
        "The Varna Post",
        "Iva Petrova",
    )
    assert (str(article.published), article.url) == ("2025-03-04", "https://post.example/a")
    assert article.language == "en"
    assert dict(article.origins) == {
        "title": "JSON-LD", "outlet": "JSON-LD", "author": "JSON-LD", "published": "JSON-LD",
        "url": "meta tag", "language": "detected",
    }  # fmt: skip
    assert article.article_id == hashlib.sha256(article.text.encode()).hexdigest()
    assert article.file_sha256 == hashlib.sha256(web_page(title, body).encode()).hexdigest()


def test_outlet_is_cut_off_the_title_and_the_address_is_the_last_resort() -> None:
    page = (
        "<html><head><title>Ferry sails{}</title>"
        '<meta property="og:url" content="https://www.post.example/x"></head><body><article>'
        f"<h1>Ferry sails</h1><p>{STORIES['ferry'][1]}</p><p>{STORIES['museum'][1]}</p></article>"
    )
    for behind, outlet, origin in (
        (" - World | The Post", "The Post", "page"),
        (" · post.example", "post.example", "page"),
        ("", "post.example", "address"),
    ):
        article = one(page.replace("{}", behind), "a.htm")
        named = (article.title, article.outlet, dict(article.origins)["outlet"])
        assert named == ("Ferry sails", outlet, origin)


def test_story_in_several_boxes_is_complete() -> None:
    parts = [
        f'<div class="chunk"><p>Part {n} begins here. {STORIES["ferry"][1]} {n}.</p>'
        f"<p>{STORIES['museum'][1]} It was number {n} of them.</p></div><div>Advert {n}</div>"
        for n in range(1, 5)
    ]
    page = f"<html><body><main><h1>Parts</h1>{''.join(parts)}</main></body></html>"
    text = one(page, "a.html").text
    assert [text.count(f"Part {n} begins here") for n in range(1, 5)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16", "utf-32", "koi8-r"]
)
def test_encodings_are_detected(encoding: str) -> None:
    text = (
        "Паром в Несебр снова ходит\n\nПаром в Несебр снова ходит с пятницы, после того как "
        "механики из Гданьска заменили двигатель. Капитан Димов поблагодарил их за работу."
    )
    article = one(text.encode(encoding), "a.txt")
    assert article.text.lstrip("\ufeff") == text
    assert article.language == "ru"


def test_declared_encoding_of_a_web_page_is_used() -> None:
    page = web_page(
        "Fähre fährt", "Die Fähre fährt wieder, sagte der Kapitän. Alle grüßten ihn. " * 4
    )
    declared = page.replace("<head>", '<head><meta charset="iso-8859-15">').encode("iso-8859-15")
    assert one(declared, "a.html").text.startswith("Fähre fährt\n\nDie Fähre fährt wieder")


def test_lines_of_a_pdf_become_paragraphs_and_running_heads_boilerplate() -> None:
    body = " ".join(STORIES["bridge"][1] for _ in range(4))
    article = one(pdf([body, body, body], title="Bridge closed", author="Iva Petrova"), "a.pdf")
    assert "because an engineer found cracks in its third pillar. Repairs" in article.text
    assert [article.text[a:b] for a, b in article.boilerplate] == [
        "The Varna Post - weekly", "Page 1", "The Varna Post - weekly", "Page 2",
        "The Varna Post - weekly", "Page 3",
    ]  # fmt: skip
    assert len(article.pages) == 3
    assert all(article.text[at:].startswith("The Varna Post") for at in article.pages)
    assert (article.title, article.author, article.published) == (
        "Bridge closed",
        "Iva Petrova",
        None,
    )
    assert dict(article.origins)["author"] == "document"


def test_word_file_keeps_headings_lists_and_tables() -> None:
    article = one(word(*STORIES["opera"]), "a.docx")
    assert article.text == "\n\n".join([*STORIES["opera"], "| Length | 9 km |"])
    assert (article.title, article.author) == (STORIES["opera"][0], "Iva Petrova")
    assert dict(article.origins)["title"] == "heading"


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("title", "outlet", "published", "text"), {}),
        (("Headline", "Publication", "Publish Date", "Article Text"), {}),
        (("Titel", "Blatt", "Tag", "Artikel"),
         {"title": "Titel", "outlet": "Blatt", "published": "Tag", "text": "Artikel"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl"])
def test_columns_by_their_usual_names_or_mapped(
    names: tuple[str, ...], columns: dict[str, str], suffix: str
) -> None:
    values = ("Ferry sails", "The Varna Post", "4 March 2025", STORIES["ferry"][1])
    rows = [dict(zip(names, values, strict=True))] * 2
    rows[1] = rows[1] | {names[3]: STORIES["museum"][1]}
    content = {
        "csv": table(rows), "tsv": table(rows, "\t"), "json": json.dumps(rows).encode(),
        "jsonl": "\n".join(map(json.dumps, rows)).encode(),
    }[suffix]  # fmt: skip
    first, second = read(content, f"a.{suffix}", **columns)
    assert isinstance(first, Article)
    assert isinstance(second, Article)
    assert (first.path, second.path) == (f"a.{suffix}#1", f"a.{suffix}#2")
    assert (first.title, first.outlet, str(first.published)) == (*values[:2], "2025-03-04")
    assert first.text == f"Ferry sails\n\n{values[3]}"
    assert dict(first.origins)["outlet"] == "column"


def test_bad_rows_are_skipped_and_the_others_read() -> None:
    lines = ['{"text": "A ferry sailed."}', "{broken", '{"title": "x"}', "[1]", '{"text": " "}']
    first, *others = read("\n".join(lines), "a.jsonl")
    assert isinstance(first, Article)
    assert [(item.path, item.reason.split(":")[0]) for item in others] == [
        ("a.jsonl#2", "line 2 is not JSON"),
        ("a.jsonl#3", "has no column for the text of the article (it has title)"),
        ("a.jsonl#4", "is not an object with fields"),
        ("a.jsonl#5", "has no text"),
    ]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"a,b\n1,2\n", "a.csv", "--column text=NAME"),
        (b"a,a\n1,2\n", "a.csv", "does not name each column once"),
        (b"", "a.csv", "empty"),
        (b"{", "a.json", "not JSON"),
        (b"3", "a.json", "neither an object nor a list"),
        (b'{"a": 1}', "a.json", "--column text=NAME"),
        (b"[" * 100_000, "a.json", "not JSON"),
        (b"", "a.html", "empty"),
        (b"<html><body></body></html>", "a.html", "no article"),
        (b"%PDF-1.7 nothing", "a.pdf", "damaged"),
        (b"PK nothing", "a.docx", "damaged"),
        (b"\xd0\xcf\x11\xe0 old", "a.docx", "password"),
        (b"PK nothing", "a.zip", "damaged"),
        (b"x", "a.odt", "kinds"),
    ],
)
def test_file_without_an_article_gives_a_reason(content: bytes, name: str, reason: str) -> None:
    with pytest.raises(ArticleError, match=reason):
        read(content, name)


def test_scanned_and_protected_pdf_give_a_reason() -> None:
    document = FPDF()
    document.add_page()
    document.rect(10, 10, 50, 50, style="F")
    with pytest.raises(ArticleError, match="only pictures of pages"):
        read(bytes(document.output()), "scan.pdf")
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica", size=12)
    document.cell(text="Secret")
    document.set_encryption(owner_password="o", user_password="u")
    with pytest.raises(ArticleError, match="password"):
        read(bytes(document.output()), "secret.pdf")


def test_seeds_are_indexed_without_losing_a_word(seeds: qa.Corpus) -> None:
    promoted = {
        article.path: [article.text[a:b] for a, b in article.boilerplate]
        for article in (read_article(file, file.name) for file in sorted(SEEDS.glob("*.txt")))
    }
    assert {path: lines for path, lines in promoted.items() if lines} == {
        article.path: [article.text[a:b] for a, b in article.boilerplate]
        for article in seeds.articles()
        if article.boilerplate
    }
    for path, lines in promoted.items():
        text = (SEEDS / path).read_text(encoding="utf-8")
        assert text == read_bytes(SEEDS / path).decode()
        for line in lines:
            assert line.startswith(("Subscribe to", "Read about", "Author`s name")), path
