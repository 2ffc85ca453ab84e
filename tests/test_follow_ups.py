import pytest

from qa.answering.follow_ups import carried_over, context, is_follow_up

FIRST = "How many F-35s did Turkey plan to acquire?"

# Questions that can be understood by themselves, with words that also refer back in others.
NEW = """
Is there a ferry from Varna to Burgas?
Are there any ferries from Varna to Burgas today?
Was there a vote on the budget in Ankara?
How many people are there in the city of Varna?
Which one of the ministers opposed the budget?
What is one reason for the strike in Varna?
Who is one of the richest people in Turkey?
What happened this week in Ankara?
What did Erdogan say this morning about the jets?
How many ships came to Varna this year?
Will Turkey return the missiles this time?
Who said that the talks failed?
Is it true that Turkey bought the missiles from Russia?
What does the report that Reuters published say about Varna?
Did Barrack say that the sanctions would end?
What else did Barrack say about sanctions?
Who else opposed the budget in Varna?
What happened to those who opposed the budget?
Which countries bought more than one million doses of the vaccine?
How many of those in the harbour of Varna were hurt?
Is the F-35 programme the same as the F-16 programme?
What is it like to live in Varna during the strike?
What did the president say about other countries such as Greece?
Which minister and which mayor opposed the budget of Varna?
Who wants the same missiles as Turkey?
Why was Turkey expelled from the F-35 programme?
Why is there a strike in the port of Varna?
Did Erdogan say there would be a deal with Trump?
Does one need a visa for Turkey?
Has there been an agreement between Turkey and Russia?
What is the capital of Peru?
When was Turkey expelled from the F-35 programme?
Who said that the S-400 was not on the table?
""".strip().splitlines()

# Questions that need an earlier one.
FOLLOW_UPS = """
And why?
Why?
Why not?
When did that happen?
When did this happen?
Who was there?
How many people were there?
Which one is larger?
Which ones are larger?
Did they deny it?
Who denied that?
What did he say then?
Was this confirmed?
What about Russia?
How about the other one?
And how many of those does it want to buy now?
When was it kicked out?
Did they agree?
What happened next?
What happened after that?
Who else?
What else?
What else did he say about sanctions?
Is there anything else?
What happened later?
Is that true?
Has that changed?
How much did this cost?
Was anyone hurt there?
How long has she lived there?
What do these countries want?
Who opposed her?
But who paid for the missiles?
""".strip().splitlines()


@pytest.mark.parametrize("question", NEW)
def test_new_question_takes_nothing_from_earlier_ones(question: str) -> None:
    assert not is_follow_up(question)
    assert context(question, [FIRST]) == ""


@pytest.mark.parametrize("question", FOLLOW_UPS)
def test_follow_up_takes_the_earlier_question(question: str) -> None:
    assert is_follow_up(question)
    assert context(question, [FIRST]) == FIRST


def test_follow_ups_reach_back_to_the_last_new_question_and_no_further() -> None:
    between = "And how many of those does it want now?"
    assert context("Who said so?", [FIRST, between]) == f"{FIRST} {between}"
    assert context("Why?", ["What is CAATSA?", FIRST]) == FIRST


def test_context_is_empty_without_history() -> None:
    assert context("Who denied that?", []) == ""


def test_carried_over_words_are_as_they_were_written_and_appear_once() -> None:
    words = carried_over("And when did it leave?", f"{FIRST} Turkey’s F-35s, when?")
    assert words == ("F-35s", "Turkey", "plan", "acquire")
    assert carried_over("Did Turkey acquire the F-35s?", FIRST) == ("plan",)
    assert carried_over("Why?", "") == ()
