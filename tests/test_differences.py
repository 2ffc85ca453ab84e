import pytest

from qa.answering.differences import Statement, answer_values, contradict, find_differences
from qa.records import Article
from qa.text.values import Kind, find_values


def statements(*texts: str) -> list[Statement]:
    """Each text as a sentence of an article of its own."""
    found = []
    for number, text in enumerate(texts, 1):
        article = Article(f"{number:064}", f"{number}.txt", text, text)
        found.append(Statement(number, article, (0, len(text)), 0.8))
    return found


def differing(question: str, *texts: str) -> list[tuple[str, list[tuple[str, tuple[int, ...]]]]]:
    return [
        (difference.kind, [(value.text, value.citations) for value in difference.values])
        for difference in find_differences(question, statements(*texts))
    ]


def test_amounts_are_set_side_by_side() -> None:
    assert differing(
        "How much did Turkey pay for the F-35 programme?",
        "Turkey paid $1.3 billion for the F-35 programme, Erdogan said.",
        "Turkey paid over $1.4 billion into the F-35 programme.",
        "Ankara had paid 1.3 billion dollars into the F-35 programme.",
    ) == [("amount", [("$1.3 billion", (1, 3)), ("$1.4 billion", (2,))])]


def test_names_are_set_side_by_side() -> None:
    assert differing(
        "Who is the US ambassador to Turkey?",
        "The U.S. Ambassador to Turkey Tom Berk hinted at progress.",
        "US Ambassador to Turkey Tom Barrack wrote on X.",
        "US ambassador to Turkey Barrack was upbeat.",
    ) == [("name", [("Tom Berk", (1,)), ("Tom Barrack", (2, 3))])]


def test_dates_are_set_side_by_side() -> None:
    assert differing(
        "When was the harbour closed?",
        "The harbour was closed in May 2017 after a storm.",
        "The harbour was closed in 2019 by the council.",
    ) == [("date", [("May 2017", (1,)), ("2019", (2,))])]


def test_what_is_asserted_and_denied_is_set_side_by_side() -> None:
    asked = "Turkey has asked Russia to take back the missiles."
    denied = "The Kremlin has denied that Turkey asked it to take the missiles back."
    assert differing("Did Turkey ask Russia to take the missiles back?", asked, denied) == [
        ("denial", [(asked, (1,)), (denied, (2,))])
    ]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # The same, told more or less exactly.
        ("When was it closed?", "It was closed in July 2019.", "It was closed in 2019."),
        ("How much did it cost?", "It cost about $2.5 billion.", "It cost $2.45 billion."),
        ("How much did it cost?", "It cost $2 billion.", "It cost 2,000 million dollars."),
        ("Who denied it?", "Dmitry Peskov denied it.", "Mr Peskov denied it."),
        # Of different things.
        ("How much did it cost?", "It cost $2 billion.", "It cost $40 million per jet."),
        ("How much did it cost?", "It cost $2 billion.", "It cost €1.8 billion."),
        ("How many jets did it buy?", "It did buy 40 jets.", "It did buy 12 tanks."),
        ("How many jets did it buy?", "It did buy 40 jets.", "It did buy jets."),
        # No yes or no.
        ("Who denied it?", "Moscow denied that it was asked.", "Ankara asked Moscow."),
        ("What did Turkey ask for?", "Turkey asked for jets.", "Moscow denied it."),
    ],
)
def test_no_difference_is_invented(question: str, one: str, other: str) -> None:
    assert differing(question, one, other) == []


def test_one_article_does_not_differ_from_itself() -> None:
    text = "It cost $2 billion. It cost $3 billion."
    article = Article("0" * 64, "a.txt", text, text)
    spans = [(0, 19), (20, 39)]
    found = [Statement(i, article, span, 0.8) for i, span in enumerate(spans, 1)]
    assert find_differences("How much did it cost?", found) == ()


def test_statement_that_hardly_speaks_to_the_question_is_not_held_against_another() -> None:
    first, second = statements("It cost $2 billion.", "Another one cost $3 billion.")
    assert find_differences("How much did it cost?", [first, second._replace(coverage=0.3)]) == ()


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
    found = answer_values(question, text, 0, len(text))
    assert [text[slice(*value.span)] for value in found] == expected


def test_value_that_answers_is_found_and_one_that_repeats_the_question_is_not() -> None:
    text = "After the deal of 2017, Turkey was expelled from the programme in 2019."
    found = answer_values("When was Turkey expelled after the 2017 deal?", text, 0, len(text))
    assert [text[slice(*value.span)] for value in found] == ["2019"]
    assert answer_values("Why was it expelled?", text, 0, len(text)) == []


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        (Kind.PERCENT, "rose 5%", "rose 5.01 percent", False),
        (Kind.PERCENT, "rose 5%", "rose 6%", True),
        (Kind.DATE, "in the 1990s", "in 1994", False),
        (Kind.DATE, "in the 1990s", "in 2014", True),
    ],
)
def test_contradiction_allows_for_how_exactly_a_value_is_told(
    kind: Kind, one: str, other: str, expected: bool
) -> None:
    [first] = [value for value in find_values(one) if value.kind is kind]
    [second] = [value for value in find_values(other) if value.kind is kind]
    assert contradict(kind, first, second) is expected


def test_without_a_kind_in_the_question_sentences_that_tell_the_same_are_compared() -> None:
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
    told = differing("When was she born?", f"She was born in {decade}.", "She was born in 1971.")
    assert told == []
