import pytest

from qa.conversation import carried_over, context, leans_on_history

FIRST = "How many F-35s did Turkey plan to acquire?"


@pytest.mark.parametrize(
    "question",
    [
        "And how many of those does it want to buy now?",
        "Who denied that?",
        "Why?",
        "What about Russia?",
        "When was it kicked out?",
        "Did they agree?",
    ],
)
def test_question_that_points_back_takes_the_topic_along(question: str) -> None:
    assert leans_on_history(question)
    assert context(question, [FIRST]) == FIRST


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Peru?",
        "When was Turkey expelled from the F-35 programme?",
        "Who said that the S-400 was not on the table?",
    ],
)
def test_new_topic_is_not_dragged_back(question: str) -> None:
    assert context(question, [FIRST]) == ""


def test_chain_of_follow_ups_reaches_back_to_its_topic_and_no_further() -> None:
    between = "And how many of those does it want now?"
    assert context("Who said so?", [FIRST, between]) == f"{FIRST} {between}"
    assert context("Why?", ["What is CAATSA?", FIRST]) == FIRST


def test_without_history_nothing_is_taken_over() -> None:
    assert context("Who denied that?", []) == ""


def test_words_that_are_carried_over_are_shown_as_they_were_written_and_once() -> None:
    words = carried_over("And when did it leave?", f"{FIRST} Turkey’s F-35s, when?")
    assert words == ("F-35s", "Turkey", "plan", "acquire")
    assert carried_over("Did Turkey acquire the F-35s?", FIRST) == ("plan",)
    assert carried_over("Why?", "") == ()
