"""Articles in other languages and scripts are split, found and quoted as exactly as English."""

from pathlib import Path

import pytest

import qa
from qa.text import language as languages
from qa.text.sentences import split_sentences
from qa.text.terms import index_terms
from tests.conftest import ROOT

GOLD = ROOT / "tests" / "sentences"
# Paragraphs that are not split as a reader would.
WRONG = {"ar": 0, "de": 1, "en": 0, "ru": 2, "tr": 2, "zh": 1}
# Language, title, a question in other forms of its words, how the answer begins, the article.
SAMPLES = """
tr
Varna limanı yeniden açıldı
Balıkçı neden yakındı?
Balıkçılar, kimsenin
Varna limanı fırtınadan dokuz gün sonra pazartesi günü yeniden açıldı. Kaptan Işık,
dalgakıranın on bir beton bloğunu kaybettiğini söyledi. Balıkçılar, kimsenin kendilerine
haber vermemesinden yakındı.

ru
Порт Варны снова открыт
Кто предупредил рыбаков?
Рыбаки пожаловались
Порт Варны снова открылся в понедельник, через девять дней после шторма. Капитан Димов
сообщил, что волнорез потерял одиннадцать бетонных блоков. Рыбаки пожаловались, что их
никто не предупредил.

ar
إعادة فتح ميناء فارنا
من اشتكى من الصيادين؟
واشتكى الصيادون
أعيد فتح ميناء فارنا يوم الاثنين بعد تسعة أيام من العاصفة. وقال القبطان ديموف إن كاسر
الأمواج فقد إحدى عشرة كتلة من الخرسانة. واشتكى الصيادون من أن أحدا لم يخبرهم بموعد العودة
إلى البحر.

zh
瓦尔纳港重新开放
渔民抱怨什么？
渔民们抱怨说
暴风雨过后九天，瓦尔纳港于星期一重新开放。迪莫夫船长说，防波堤失去了十一块混凝土。渔民们抱怨说，
没有人告诉他们什么时候可以再出海。

de
Hafen von Warna wieder geöffnet
Worüber beklagte sich der Fischer?
Die Fischer beklagten
Der Hafen von Warna wurde am Montag wieder geöffnet, neun Tage nach dem Sturm. Kapitän
Dimow sagte, der Wellenbrecher habe elf Betonblöcke verloren. Die Fischer beklagten sich,
dass niemand ihnen Bescheid gegeben habe.
"""
ARTICLES: dict[str, tuple[str, str, str]] = {}
for sample in SAMPLES.strip().split("\n\n"):
    name, title, question, quoted, *body = sample.split("\n")
    joint = "" if name == "zh" else " "
    ARTICLES[name] = (f"{title}\n\n{joint.join(body)}", question, quoted)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> qa.Corpus:
    folder = tmp_path_factory.mktemp("languages") / "articles"
    folder.mkdir()
    for language, (text, _, _) in ARTICLES.items():
        (folder / f"{language}.txt").write_text(text, encoding="utf-8")
    (folder / "en.txt").write_text("The museum of Ruse opened a hall of clocks on Sunday.\n")
    return qa.Corpus.open(folder, folder.parent / "index")


@pytest.mark.parametrize("language", ARTICLES)
def test_language_is_detected_and_its_words_are_found(language: str, corpus: qa.Corpus) -> None:
    text, question, answer = ARTICLES[language]
    assert languages.detect(text) == language
    [article] = [a for a in corpus.articles() if a.path == f"{language}.txt"]
    assert (article.language, dict(article.origins)["language"]) == (language, "detected")
    best = corpus.retrieve(question, 1)[0]
    assert best.passage.article.path == f"{language}.txt"
    assert best.lexical > 0
    sentence = max(best.sentences, key=lambda s: s.coverage)
    assert sentence.passage.text.startswith(answer)
    citation = corpus.answer(question).citations[0]
    assert citation.article.text[citation.start : citation.end] == citation.quote
    assert any(text[a:b].startswith(answer) for a, b in citation.highlights)


def test_articles_in_other_languages_get_a_note_with_the_option_to_use(
    corpus: qa.Corpus, seeds: qa.Corpus
) -> None:
    note = corpus.note()
    assert "5 of 6 articles are not in English (ar: 1, de: 1, ru: 1, tr: 1, zh: 1)" in note
    assert "--model FOLDER --rebuild" in note
    assert seeds.note() == ""


def test_near_duplicates_in_thai_are_shown_as_one(tmp_path: Path) -> None:
    """The Thai word for "group" contains two combining marks, whose pair folds to nothing."""
    article = (
        "ท่าเรือวาร์นาเปิดอีกครั้งเมื่อวันจันทร์ เก้าวันหลังพายุ "
        "กลุ่มชาวประมงเรียกร้องค่าชดเชยจากรัฐบาลสำหรับวันที่ออกทะเลไม่ได้ "
        "กัปตันดิมอฟกล่าวว่าเขื่อนกันคลื่นสูญเสียคอนกรีตสิบเอ็ดก้อน"
    )
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "one.txt").write_text(article, encoding="utf-8")
    (folder / "two.txt").write_text(f"{article} เรือออกตอนเที่ยง", encoding="utf-8")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        hits = corpus.retrieve("กลุ่มชาวประมงเรียกร้องอะไร")
        answer = corpus.answer("กลุ่มชาวประมงเรียกร้องอะไร")
    for hit in hits:
        paths = {passage.article.path for passage in (hit.passage, *hit.also_in)}
        assert paths == {"one.txt", "two.txt"}
    assert any("กลุ่มชาวประมง" in citation.quote for citation in answer.citations)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "İSTANBUL'DA KİTAPLAR", "istanbul kitap"),
        ("hi", "किताबें", "किताब"),
        ("tr", "IŞIK", "ışık"),
        ("ru", "российские рыбаки", "Российский рыбак"),
        ("ru", "ещё", "еще"),
        ("ar", "الصيَّادُون", "الصيادون"),
        ("ar", "أمـــواج", "امواج"),
        ("de", "Größe der Häfen", "GROSSE HAFEN"),
        ("zh", "防波堤", "防波堤"),
        ("ja", "東京タワー", "東京タワー"),
        ("xx", "Foo's bar", "foo S bar"),
        ("en", "Türkiye’s defences", "Turkey defense"),
    ],
)
def test_forms_of_a_word_have_the_same_term(language: str, one: str, other: str) -> None:
    assert set(index_terms(other, language)) <= set(index_terms(one, language)) != set()


def test_text_without_spaces_is_split_into_pairs() -> None:
    assert index_terms("F-35战斗机", "zh") == ["f", "35", "战斗", "斗机"]
    assert index_terms("港", "zh") == ["港"]
    assert index_terms("The 港口 reopened", "en") == ["港口", "reopen"]


@pytest.mark.parametrize("file", sorted(GOLD.glob("*.txt")), ids=lambda file: file.stem)
def test_sentences_of_other_languages(file: Path) -> None:
    """Compared with boundaries set by hand; docs/quality.md has the figures."""
    joint = "" if file.stem == "zh" else " "
    wrong = 0
    for paragraph in file.read_text(encoding="utf-8").strip().split("\n\n"):
        sentences = paragraph.split("\n")
        text = joint.join(sentences)
        found = [text[a:b] for a, b in split_sentences(text, language=file.stem)]
        wrong += found != sentences
    assert wrong <= WRONG[file.stem]
