"""Which lines are boilerplate, and above all which are not: no sentence of a story may be lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.reading.boilerplate import find_boilerplate

STORY = "The ferry left at noon, said the harbour master.\n\nNobody was hurt."


def marked(text: str, title: str | None = None) -> list[str]:
    return [text[start:end] for start, end in find_boilerplate(text, 0, title)]


@pytest.mark.parametrize(
    "line",
    [
        "Subscribe to our Telegram channel, Facebook and X",
        "Read about the ferry that sank last year",
        "Author`s name Ivan Petrov",
        "Sign up for the morning briefing",
        "Follow Newsbeat on Instagram, Facebook, Twitter and YouTube.",
        "Like this story? Share it with a friend!",
        "Get the latest updates right in your inbox.",
        "Have a tip? Amy may be contacted: e-mail amy@example.org",
        "Write to Al Root at al.root@example.com",
        "Copyright 2019 The Varna Post. All Rights Reserved.",
        "© 2024 The Varna Post",
        "Tags: ferry, harbour, Varna",
        "Filed under: Harbour |",
        "(Reporting by Will Dunham; Editing by Tom Brown)",
        "Reporting by Rodrigo Campos; additional reporting by Stephanie Kelly.",
        "Robert Burns contributed to this report.",
        "Comments",
        "Read more: Ferry company posts a loss",
        "Related: Snapshots of the harbour through time",
        "Lesen Sie auch: Die Fähre fährt wieder",
        "Читайте также: Паром снова ходит",
        "Leggi anche",
    ],
)
def test_promotion_below_the_story(line: str) -> None:
    assert marked(f"{STORY}\n\n{line}") == [line]


@pytest.mark.parametrize(
    "sentence",
    [
        "Tag Heuer will sponsor the race, the club said.",
        "Copyright law is about to change, she said.",
        "Donate blood, doctors urged on Friday.",
        "Newsletter writers earn more than reporters, the study found.",
        "Follow-up work on the bridge will begin in May.",
        "Share this burden, he asked the other members.",
        "Support our troops, the banner read.",
        "Reporting by the Guardian showed that the firm knew.",
        "Provided by a donor, the kidney was flown in.",
        "Don't miss the point, he told the court.",
        "Read more of this, the judge told him.",
        "Watch more closely, the letter said.",
        "By Tuesday the army had left the town.",
        "Published reports of the accident were wrong.",
        "Related companies were searched as well, police said.",
        "Contact with the ship was lost at noon.",
        "Categories of harm were defined by the court.",
        "Sources: the ministry would not name them, it said.",
    ],
)
def test_sentence_of_the_story_is_kept(sentence: str) -> None:
    assert marked(f"{STORY}\n\n{sentence}") == []
    assert marked(f"{sentence}\n\n{STORY}") == []
    assert marked(f"One line.\n{sentence}\n{STORY}") == []


def test_lines_above_the_story() -> None:
    head = [
        "Ferry sails again",
        "By Tom Krisher and Ann Lee",
        "Published 10:02 AM EST Nov 19, 2019",
        "Wednesday, November 20, 2019",
        "Photo: Hau Dinh, AP",
        "Share",
    ]
    text = "\n".join(head) + "\n\n" + STORY
    assert marked(text, "Ferry sails again") == head
    assert marked(STORY, STORY.splitlines()[0]) == [STORY.splitlines()[0]]


def test_teaser_between_two_paragraphs_and_closing_list_of_links() -> None:
    text = (
        "The ferry left at noon.\n\nREAD MORE: Ferry sinks\n\nNobody was hurt.\n\n"
        "Related articles:\n- Ferry sinks in storm\n- Harbour closed\n\nFollow us on Facebook."
    )
    assert marked(text) == [
        "READ MORE: Ferry sinks",
        "Related articles:",
        "- Ferry sinks in storm",
        "- Harbour closed",
        "Follow us on Facebook.",
    ]


def test_closing_list_of_the_story_is_kept() -> None:
    text = f"{STORY}\n\nThe council decided:\n- to dredge the harbour\n- to raise the fees"
    assert marked(text) == []


LINES = st.sampled_from(["Share", "Tags: a", "Read more: b", "Comments", STORY])


@given(st.lists(LINES, min_size=1))
def test_an_article_is_never_all_boilerplate(lines: list[str]) -> None:
    text = "\n\n".join(lines)
    spans = find_boilerplate(text)
    assert spans == sorted(spans)
    left = len(text.split()) - sum(len(text[start:end].split()) for start, end in spans)
    assert left > 0


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by " + "A" * 380 + "!",
        "Reporting by " + "and " * 90 + "!",
        "- " * 190 + "!",
        "Follow " + "on " * 120,
        "Get the " + "app " * 90 + "!",
        "By " + "A a" * 50,
        "1" * 150,
    ],
)
def test_malicious_lines_are_read_quickly(line: str) -> None:
    text = f"{line}\n\n{STORY}\n\n{line}"
    assert all(0 <= start < end <= len(text) for start, end in find_boilerplate(text))
