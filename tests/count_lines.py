"""Count the lines of code of the package: no blank lines, comments or docstrings.

python tests/count_lines.py        # one row a room; exit code 1 if a limit is exceeded
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "qa"
MOST_LINES_OF_CODE = 7_000
MOST_LINES_OF_A_MODULE = 300  # of any kind, docstrings included
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def lines_of_code(source: str) -> int:
    """Return the number of lines that hold code."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        is_documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False)
        if is_documented:
            docstring = node.body[0]
            held.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(held)


def by_room() -> Counter[str]:
    """Return the lines of code of each folder (or module) directly inside the package."""
    rooms: Counter[str] = Counter()
    for file in sorted(PACKAGE.rglob("*.py")):
        room = file.relative_to(PACKAGE).parts[0]
        rooms[room] += lines_of_code(file.read_text(encoding="utf-8"))
    return rooms


def long_modules() -> dict[str, int]:
    """Return the modules that are too long, with their lengths."""
    lengths = {
        file.relative_to(PACKAGE).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in PACKAGE.rglob("*.py")
    }
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_MODULE}


def main() -> None:
    """Print the counts."""
    rooms = by_room()
    for room, count in rooms.most_common():
        print(f"{count:6,}  {room}")
    print(f"{rooms.total():6,}  in all; at most {MOST_LINES_OF_CODE:,}")
    for name, lines in long_modules().items():
        print(f"{name} has {lines} lines; at most {MOST_LINES_OF_A_MODULE}")
    sys.exit(rooms.total() > MOST_LINES_OF_CODE or bool(long_modules()))


if __name__ == "__main__":
    main()
