import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.text.sentences import is_heading, split_sentences, trim, with_speaker

PIECES = [
    *"ab Z.!?\"”’'—é日。😀\t\n\r-•1",
    "\r\n",
    "\u2028",
    "\u00a0",
    "\u3000",
    "\x85",
    "\ufeff",
    "U.S. ",
    ". ",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=120).map("".join)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_abbreviation_before_a_line_break_does_not_end_the_sentence() -> None:
    assert sentences("Talks went on.\nU.S.\nAmbassador Tom Berk spoke. He left.") == [
        "Talks went on.",
        "U.S.\nAmbassador Tom Berk spoke.",
        "He left.",
    ]


def test_headline_without_full_stop_is_a_separate_sentence() -> None:
    assert sentences("A Deal Is Near\nThe two sides met. They agreed.") == [
        "A Deal Is Near",
        "The two sides met.",
        "They agreed.",
    ]


def test_single_letter_at_the_end_of_a_line_is_no_initial() -> None:
    assert sentences("“We talk,” Barrack wrote on X.\nTurkey was expelled in 2019.") == [
        "“We talk,” Barrack wrote on X.",
        "Turkey was expelled in 2019.",
    ]


def test_text_set_in_a_column_is_joined() -> None:
    column = (
        "The minister said on Tuesday that the talks with\n"
        "Moscow had not yet led to anything that could be\n"
        "Called an agreement. Both sides will meet again."
    )
    assert sentences(column) == [
        column[: column.index(" Both")],
        "Both sides will meet again.",
    ]


def test_line_that_continues_in_lower_case_is_joined() -> None:
    assert sentences("He said\r\nno. She agreed.") == ["He said\r\nno.", "She agreed."]


def test_list_items_are_separate_and_keep_their_numbers() -> None:
    assert sentences("Range:\n• Up to 400 km\n• Ten seconds\n1. First point.\n2. Second.") == [
        "Range:",
        "• Up to 400 km",
        "• Ten seconds",
        "1. First point.",
        "2. Second.",
    ]


def test_amounts_initials_and_questions() -> None:
    assert sentences('He paid $2.5 billion to Dr. J. Smith. "Why?" she asked. Nobody knew.') == [
        "He paid $2.5 billion to Dr. J. Smith.",
        '"Why?" she asked.',
        "Nobody knew.",
    ]


def test_very_long_line_is_split_without_loss() -> None:
    text = "word " * 20_000
    spans = split_sentences(text)
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == "word" * 20_000


def test_part_of_a_text() -> None:
    text = "One. Two. Three."
    assert [text[a:b] for a, b in split_sentences(text, 5, 9)] == ["Two."]


@given(TEXTS)
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    assert spans == sorted(spans)
    covered = [position for start, end in spans for position in range(start, end)]
    assert len(covered) == len(set(covered))
    missing = set(range(len(text))) - set(covered)
    assert all(text[position].isspace() or text[position] == "\ufeff" for position in missing)
    assert all(trim(text, span) == span and span[0] < span[1] for span in spans)


SPEECH = '"We spoke. We paid for it. We saw why,” Erdogan said. He left.\nNothing else.'


@pytest.mark.parametrize(
    ("text", "sentence", "expected"),
    [
        (SPEECH, "We paid for it.", '"We spoke. We paid for it. We saw why,” Erdogan said.'),
        (SPEECH, "He left.", "He left."),
        (
            "“It is so.” Ms Ito said that later. More.",
            "“It is so.”",
            "“It is so.” Ms Ito said that later.",
        ),
        ("“It is so.” The rain fell. More.", "“It is so.”", "“It is so.”"),
        ("He called it “so good.” More came.", "More came.", "More came."),
        ("“Never closed. It goes on.\nNext line.", "It goes on.", "“Never closed. It goes on."),
    ],
)
def test_speech_is_quoted_with_its_speaker(text: str, sentence: str, expected: str) -> None:
    at = text.index(sentence)
    start, end = with_speaker(text, (at, at + len(sentence)))
    assert text[start:end] == expected


@given(st.text('ab."“” \n', min_size=1, max_size=80))
def test_with_speaker_keeps_the_sentence(text: str) -> None:
    for start, end in split_sentences(text):
        low, high = with_speaker(text, (start, end))
        assert 0 <= low <= start < end <= high <= len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why Turkey Is Revisiting the S-400 Question", True),
        ("Turkey’s S-400 Dilemma: Balancing Russia Ties and Ambitions", True),
        ("• Engagement range: up to 400 kilometers depending on missile type", False),
        ("Turkey was expelled from the programme.", False),
        ("a line that simply lacks its full stop", False),
    ],
)
def test_headings_and_sentences(text: str, expected: bool) -> None:
    assert is_heading(text) is expected
