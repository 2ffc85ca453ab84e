"""A minimal search script: sentence-transformers, FAISS and bm25s, and nothing else.

The baseline of benchmarks/speed.py. Windows of 160 words, an exact FAISS index, BM25, and both
lists fused by rank; everything is saved in one folder.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import bm25s
import faiss
from sentence_transformers import SentenceTransformer

from qa.models.files import find

WINDOW = 160
FUSED = 50
_WORD = re.compile(r"\S+")


class Bare:
    """An index of the script, in memory."""

    def __init__(self) -> None:
        self.model = SentenceTransformer(str(find(None)), device="cpu", local_files_only=True)
        self.passages: list[dict[str, object]] = []
        self.vectors: Any = faiss.IndexFlatIP(384)
        self.words = bm25s.BM25()

    def add(self, name: str, text: str) -> int:
        """Split and keep a text, which `save` indexes; return its number of passages."""
        found = [match.span() for match in _WORD.finditer(text)]
        spans = [
            (found[i][0], found[min(i + WINDOW, len(found)) - 1][1])
            for i in range(0, len(found), WINDOW)
        ]
        self.passages += [
            {"doc": name, "start": start, "end": end, "text": text[start:end]}
            for start, end in spans
        ]
        return len(spans)

    def embed(self, texts: list[str]) -> Any:
        """Return unit vectors."""
        return self.model.encode(
            texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False
        )

    def save(self, folder: Path) -> None:
        """Embed new passages, index all words, and write all files."""
        new = self.passages[self.vectors.ntotal :]
        self.vectors.add(self.embed([str(passage["text"]) for passage in new]))
        texts = [str(passage["text"]) for passage in self.passages]
        self.words = bm25s.BM25()
        self.words.index(_tokens(texts), show_progress=False)
        folder.mkdir(parents=True, exist_ok=True)
        self.words.save(str(folder / "bm25"))
        faiss.write_index(self.vectors, str(folder / "dense.faiss"))
        (folder / "passages.json").write_text(json.dumps(self.passages), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Bare":
        """Load what `save` wrote."""
        bare = cls()
        bare.passages = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
        bare.vectors = faiss.read_index(str(folder / "dense.faiss"))
        bare.words = bm25s.BM25.load(str(folder / "bm25"))
        return bare

    def ask(self, question: str, k: int = 5) -> list[dict[str, object]]:
        """Return the best passages."""
        most = min(FUSED, len(self.passages))
        _, near = self.vectors.search(self.embed([question]), most)
        match, _ = self.words.retrieve(_tokens([question]), k=most, show_progress=False)
        fused: dict[int, float] = {}
        for ranked in (near[0].tolist(), match[0].tolist()):
            for rank, row in enumerate(ranked):
                fused[row] = fused.get(row, 0) + 1 / (61 + rank)
        return [self.passages[row] for row in sorted(fused, key=lambda row: -fused[row])[:k]]


def _tokens(texts: list[str]) -> object:
    return bm25s.tokenize(texts, stopwords="en", show_progress=False)


def main() -> None:
    """Index a folder, ask one question, or add a file; print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["index", "ask", "add"])
    parser.add_argument("folder", type=Path, help="of the index")
    parser.add_argument("what", help="folder of articles, question, or file")
    given = parser.parse_args()
    began = time.perf_counter()
    if given.command == "ask":
        print(json.dumps(Bare.load(given.folder).ask(given.what)))
        return
    bare = Bare() if given.command == "index" else Bare.load(given.folder)
    bare.embed(["ready"])
    began = time.perf_counter()
    what = Path(given.what)
    files = sorted(what.iterdir()) if what.is_dir() else [what]
    passages = sum(bare.add(file.name, file.read_text(encoding="utf-8")) for file in files)
    bare.save(given.folder)
    seconds = time.perf_counter() - began
    json.dump({"seconds": seconds, "articles": len(files), "passages": passages}, sys.stdout)


if __name__ == "__main__":
    main()
