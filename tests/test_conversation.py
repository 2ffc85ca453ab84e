import pytest

from qa.conversation import leans_on_history, standalone

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
    assert standalone(question, [FIRST]) == f"{FIRST} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Peru?",
        "When was Turkey expelled from the F-35 programme?",
        "Who said that the S-400 was not on the table?",
    ],
)
def test_new_topic_is_not_dragged_back(question: str) -> None:
    assert standalone(question, [FIRST]) == question


def test_chain_of_follow_ups_reaches_back_to_the_topic() -> None:
    history = [FIRST, "And how many of those does it want now?"]
    assert standalone("Who said so?", history).startswith(FIRST)
    assert standalone("Why?", ["What is CAATSA?", FIRST]) == f"{FIRST} Why?"


def test_without_history_the_question_is_the_query() -> None:
    assert standalone("  Who denied that? ", []) == "Who denied that?"
