import numpy as np
import pytest

from qa.answering.differences import Statement, answer_values, contradict, find_differences
from qa.answering.question import AnalyzedQuestion
from qa.records import Article, Passage, Question, ScoredSentence
from qa.text.values import Kind, find_values

Found = list[tuple[str, list[tuple[str, tuple[int, ...]]]]]


def ask(text: str) -> AnalyzedQuestion:
    return AnalyzedQuestion(Question(text), text, (), np.zeros(0, np.float32), {})


def state(number: int, article: Article, span: tuple[int, int], coverage: float = 0.8) -> Statement:
    return Statement(number, ScoredSentence(Passage(article, *span), 0.5, coverage, 0.9))


def statements(*texts: str) -> list[Statement]:
    """Return each text as the one sentence of an article."""
    articles = [Article(f"{n:064}", f"{n}.txt", text, text) for n, text in enumerate(texts, 1)]
    return [state(n, a, (0, len(a.text))) for n, a in enumerate(articles, 1)]


def differing(question: str, *texts: str) -> Found:
    return [
        (difference.kind, [(value.text, value.citations) for value in difference.values])
        for difference in find_differences(ask(question), statements(*texts))
    ]


def test_amounts_that_differ_are_listed() -> None:
    assert differing(
        "How much did Turkey pay for the F-35 programme?",
        "Turkey paid $1.3 billion for the F-35 programme, Erdogan said.",
        "Turkey paid over $1.4 billion into the F-35 programme.",
        "Ankara had paid 1.3 billion dollars into the F-35 programme.",
    ) == [("amount", [("$1.3 billion", (1, 3)), ("$1.4 billion", (2,))])]


def test_names_that_differ_are_listed() -> None:
    assert differing(
        "Who is the US ambassador to Turkey?",
        "The U.S. Ambassador to Turkey Tom Berk hinted at progress.",
        "US Ambassador to Turkey Tom Barrack wrote on X.",
        "US ambassador to Turkey Barrack was upbeat.",
    ) == [("name", [("Tom Berk", (1,)), ("Tom Barrack", (2, 3))])]


def test_dates_that_differ_are_listed() -> None:
    assert differing(
        "When was the harbour closed?",
        "The harbour was closed in May 2017 after a storm.",
        "The harbour was closed in 2019 by the council.",
    ) == [("date", [("May 2017", (1,)), ("2019", (2,))])]


ASK_RUSSIA = "Did Turkey ask Russia to take the missiles back?"
ASKED = "Turkey has asked Russia to take back the missiles."
DENIED = "The Kremlin has denied that Turkey asked it to take the missiles back."


def test_claim_and_denial_are_listed() -> None:
    assert differing(ASK_RUSSIA, ASKED, DENIED) == [("denial", [(ASKED, (1,)), (DENIED, (2,))])]


@pytest.mark.parametrize(
    "negation",
    [
        "Turkey has not asked Russia to take back the missiles.",
        "Turkey never asked Russia to take back the missiles.",
        "Turkey hasn’t asked Russia to take back the missiles.",
        "Turkey refused to ask Russia to take back the missiles.",
        "Nor has Turkey asked Russia to take back the missiles.",
    ],
)
def test_negation_beside_a_denial_is_no_difference(negation: str) -> None:
    assert differing(ASK_RUSSIA, negation, DENIED) == []
    # The claim differs from the denial, and the negation takes no part in it.
    assert differing(ASK_RUSSIA, negation, DENIED, ASKED) == [
        ("denial", [(ASKED, (3,)), (DENIED, (2,))])
    ]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # The same value, more or less exact.
        ("When was it closed?", "It was closed in July 2019.", "It was closed in 2019."),
        ("How much did it cost?", "It cost about $2.5 billion.", "It cost $2.45 billion."),
        ("How much did it cost?", "It cost $2 billion.", "It cost 2,000 million dollars."),
        ("Who denied it?", "Dmitry Peskov denied it.", "Mr Peskov denied it."),
        # Values of different things.
        ("How much did it cost?", "It cost $2 billion.", "It cost $40 million per jet."),
        ("How much did it cost?", "It cost $2 billion.", "It cost €1.8 billion."),
        ("How many jets did it buy?", "It did buy 40 jets.", "It did buy 12 tanks."),
        ("How many jets did it buy?", "It did buy 40 jets.", "It did buy jets."),
        # No question for yes or no.
        ("Who denied it?", "Moscow denied that it was asked.", "Ankara asked Moscow."),
        ("What did Turkey ask for?", "Turkey asked for jets.", "Moscow denied it."),
    ],
)
def test_statements_that_agree_are_no_difference(question: str, one: str, other: str) -> None:
    assert differing(question, one, other) == []


def test_one_article_does_not_differ_from_itself() -> None:
    text = "It cost $2 billion. It cost $3 billion."
    article = Article("0" * 64, "a.txt", text, text)
    found = [state(i, article, span) for i, span in enumerate([(0, 19), (20, 39)], 1)]
    assert find_differences(ask("How much did it cost?"), found) == ()


@pytest.mark.parametrize(("coverage", "count"), [(0.3, 0), (0.59, 0), (0.61, 1)])
def test_statement_that_covers_little_of_the_question_is_not_compared(
    coverage: float, count: int
) -> None:
    first, second = statements("It cost $2 billion.", "Another one cost $3 billion.")
    second = state(2, second.article, (0, len(second.text)), coverage)
    assert len(find_differences(ask("How much did it cost?"), [first, second])) == count


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("How many F-35s did it plan to buy?", "It did plan to buy 100 aircraft.", ["100"]),
        ("How many soldiers did it buy for?", "It did buy 100 aircraft.", []),
        ("How many divisions did it buy?", "It did buy a range of 400 kilometres.", []),
        ("What is the range of it?", "Its range is up to 400 kilometres.", ["400"]),
        ("What was the population of it?", "Its population was 3,559 then.", ["3,559"]),
    ],
)
def test_figure_must_count_what_is_asked_for(question: str, text: str, expected: list[str]) -> None:
    assert values(question, text) == expected


def values(question: str, text: str) -> list[str]:
    article = Article("0" * 64, "a.txt", text, text)
    found = answer_values(ask(question), Passage(article, 0, len(text)))
    return [text[slice(*value.span)] for value in found]


def test_value_that_repeats_the_question_does_not_answer_it() -> None:
    text = "After the deal of 2017, Turkey was expelled from the programme in 2019."
    assert values("When was Turkey expelled after the 2017 deal?", text) == ["2019"]
    assert values("Why was it expelled?", text) == []


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        (Kind.PERCENT, "rose 5%", "rose 5.01 percent", False),
        (Kind.PERCENT, "rose 5%", "rose 6%", True),
        (Kind.DATE, "in the 1990s", "in 1994", False),
        (Kind.DATE, "in the 1990s", "in 2014", True),
    ],
)
def test_values_contradict_each_other_beyond_rounding(
    kind: Kind, one: str, other: str, expected: bool
) -> None:
    [first] = [value for value in find_values(one) if value.kind is kind]
    [second] = [value for value in find_values(other) if value.kind is kind]
    assert contradict(kind, first, second) is expected


def test_without_a_kind_in_the_question_similar_sentences_are_compared() -> None:
    question = "What happened to Turkey in the F-35 programme?"
    assert differing(
        question,
        "Turkey was expelled from the F-35 programme in 2019.",
        "Turkey was expelled from the F-35 programme in July 2020 by the US.",
    ) == [("date", [("2019", (1,)), ("July 2020", (2,))])]
    assert differing(question, "Turkey was expelled in 2019.", "Ankara bought it in 2017.") == []
    assert differing(question, "Turkey lost over 3 jets.", "Turkey lost over 4 jets.") == []


@pytest.mark.parametrize("decade", ["the 1970s", "the 1970's"])
def test_a_year_lies_in_its_decade(decade: str) -> None:
    found = differing("When was she born?", f"She was born in {decade}.", "She was born in 1971.")
    assert found == []
