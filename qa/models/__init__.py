"""The local models: an embedder (text to vectors) and an optional reranker."""

import os

# huggingface_hub reads this when it is first imported: it must not send usage statistics.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
