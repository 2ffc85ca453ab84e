"""Evidence packs: answers written as Markdown, JSON or CSV, and verified against the articles."""

from qa.evidence.pack import FORMATS, write_pack
from qa.evidence.verify import Verdict, verify
from qa.evidence.view import answer_to_json, describe

__all__ = ["FORMATS", "Verdict", "answer_to_json", "describe", "verify", "write_pack"]
