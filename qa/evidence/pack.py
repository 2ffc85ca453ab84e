"""Writing evidence packs: quotes with everything that is needed to verify them later."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qa.evidence.markdown import blockquote, to_markdown
from qa.evidence.view import Json, answer_to_json, describe
from qa.records import Answer, Scope

FORMAT = "qa evidence 1"
COLUMNS = """
question searched_for scope answered number quote start end answer_spans outlet title author
published url path sha256 also_in program made file_sha256 pages
""".split()
# A cell that begins with one of these is a formula to a spreadsheet. An apostrophe before it makes
# it text; one before an apostrophe keeps the two cases apart.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_OFFSETS = (
    "Offsets count Unicode characters of the article's text (of a text file: the decoded file), "
    "half-open, as Python slices do. SHA-256 is of that text in UTF-8."
)
# A Markdown pack ends with its data in an HTML comment. The data has < and > as escapes only, so no
# word of an article can end the comment.
DATA_BEGINS = "\n<!-- The data of this pack, for qa verify:\n"
DATA_ENDS = "\n-->\n"
_environment = Environment(  # noqa: S701  # Markdown, not HTML; `finalize` escapes every value
    loader=FileSystemLoader(Path(__file__).parent),
    finalize=to_markdown,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_pack(answers: Sequence[Answer], format: str, version: str, made: datetime) -> str:
    """Return an evidence pack as text.

    Args:
        answers: The answers, in order.
        format: One of `FORMATS`.
        version: Version of the program.
        made: Date and time of the export.
    """
    pack = {
        "format": FORMAT,
        "program": f"qa {version}",
        "made": made.isoformat(timespec="seconds"),
        "offsets": _OFFSETS,
        "answers": [answer_to_json(answer) for answer in answers],
    }
    return FORMATS[format](pack)


def _json(pack: Json) -> str:
    return json.dumps(pack, ensure_ascii=False, indent=2) + "\n"


def _csv(pack: Json) -> str:
    out = io.StringIO(newline="")
    rows = csv.DictWriter(out, COLUMNS, restval="", extrasaction="ignore")
    rows.writeheader()
    for answer in pack["answers"]:
        asked = {
            "question": answer["question"],
            "searched_for": answer["query"],
            "scope": _scope(answer),
            "answered": "yes" if answer["citations"] else "no",
        }
        for quoted in map(_facts, answer["citations"] or [None]):
            cells = pack | asked | quoted
            rows.writerow({name: _cell(cell) for name, cell in cells.items()})
    return "\ufeff" + out.getvalue()  # without the mark, Excel reads it as Windows-1252


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _scope(answer: Json) -> str:
    return describe(Scope.of(**answer["scope"]))


def _facts(citation: Json | None) -> Json:
    """Return what is known of a quote under the names of `COLUMNS`, its lists as text."""
    if citation is None:
        return {}
    return {
        **citation["article"],
        **citation,
        "sha256": citation["article"]["article_id"],
        "answer_spans": " ".join(f"{at['start']}-{at['end']}" for at in citation["highlights"]),
        "also_in": "; ".join(passage["path"] for passage in citation["also_in"]),
        "pages": "-".join(map(str, dict.fromkeys(citation["pages"] or ()))),
    }


def _markdown(pack: Json) -> str:
    data = json.dumps(pack).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{visible_markdown(pack)}{DATA_BEGINS}{data}{DATA_ENDS}"


def visible_markdown(pack: Json) -> str:
    """Return a Markdown pack without its data."""
    return _environment.get_template("pack.md.jinja").render(pack, offsets_note=_OFFSETS)


_environment.filters |= {"blockquote": blockquote, "scope": _scope, "facts": _facts}
FORMATS: Mapping[str, Callable[[Json], str]] = {"md": _markdown, "json": _json, "csv": _csv}
"""The formats of a pack, by file suffix."""
