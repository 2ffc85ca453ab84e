"""Answers to an evidence pack (JSON, Markdown, CSV), and a pack held against its sources."""

from qa.evidence.pack import FORMATS, answer_to_json, describe, write_pack
from qa.evidence.verification import Verdict, verify

__all__ = ["FORMATS", "Verdict", "answer_to_json", "describe", "verify", "write_pack"]
