"""Which language a text is written in."""

import pytest

from qa import languages
from tests.conftest import SEEDS

SAID = {
    "en": "The request was made by the president during a meeting last week, the report said.",
    "de": "Der Stadtrat hat den Haushalt am Montag nach langer Debatte beschlossen.",
    "tr": "Türkiye, Rusya'dan aldığı hava savunma sistemini iade etmek istediğini açıkladı.",
    "ru": "Турция попросила Россию забрать обратно зенитные ракетные комплексы.",
    "ar": "طلبت تركيا من روسيا استعادة منظومة الدفاع الجوي، بحسب تقرير نشر يوم الأربعاء.",
    "zh": "报道称，土耳其总统在上周的会晤中要求俄罗斯收回防空导弹系统，以便重新加入战斗机项目。",
}


@pytest.mark.parametrize("code", SAID)
def test_language_of_a_sentence(code: str) -> None:
    assert languages.detect(SAID[code]) == code


def test_sample_is_english() -> None:
    assert {languages.detect(file.read_text()) for file in SEEDS.glob("*.txt")} == {"en"}


@pytest.mark.parametrize("text", ["12 13 14", "a b", "!!!", ""])
def test_what_is_not_plain_is_not_guessed(text: str) -> None:
    assert languages.detect(text) is None
