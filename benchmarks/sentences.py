"""Sentence boundaries in each language: F1 of those that a reader set.

    python benchmarks/sentences.py

The gold sentences are our own, in tests/sentences: one per line, with what splitters get wrong
(abbreviations, ordinals, initials, quotations, decimals). The boundaries inside paragraphs count:
F1 by the program's rules for the language, by its English rules, and by a rule that splits after
every closing mark.
"""

import re
from pathlib import Path

from qa.text.sentences import split_sentences

GOLD = Path(__file__).parent.parent / "tests" / "sentences"
_NAIVE = re.compile(r"[.!?…。！？؟]+[\"'”’»“)]*\s*")


def main() -> None:
    """Print a row for each language."""
    print("| language | boundaries | F1 | English rules | every closing mark | paragraphs whole |")
    print("|---|---|---|---|---|---|")
    for file in sorted(GOLD.glob("*.txt")):
        counts = {"own": [0, 0, 0], "en": [0, 0, 0], "naive": [0, 0, 0]}
        whole = paragraphs = 0
        for text, gold in gold_boundaries(file):
            found = {
                "own": boundaries(text, file.stem),
                "en": boundaries(text, "en"),
                "naive": {m.end() for m in _NAIVE.finditer(text)} - {len(text)},
            }
            for name, ends in found.items():
                for i, count in enumerate((ends & gold, ends - gold, gold - ends)):
                    counts[name][i] += len(count)
            paragraphs += 1
            whole += found["own"] == gold
        total = counts["own"][0] + counts["own"][2]
        cells = " | ".join(f"{f1(*counts[name]):.3f}" for name in counts)
        print(f"| {file.stem} | {total} | {cells} | {whole} of {paragraphs} |")


def gold_boundaries(file: Path) -> list[tuple[str, set[int]]]:
    """Return each paragraph with the starts of its sentences, except the first."""
    joint = "" if file.stem == "zh" else " "
    found = []
    for paragraph in file.read_text(encoding="utf-8").strip().split("\n\n"):
        text, starts = "", set()
        for sentence in paragraph.split("\n"):
            text += joint if text else ""
            starts.add(len(text))
            text += sentence
        found.append((text, starts - {0}))
    return found


def boundaries(text: str, language: str) -> set[int]:
    """Return the starts of the program's sentences, except the first."""
    return {start for start, _ in split_sentences(text, language=language)} - {0}


def f1(hits: int, wrong: int, missed: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * hits / max(1, 2 * hits + wrong + missed)


if __name__ == "__main__":
    main()
