"""Configuration of the workload `perplexity`."""

from dataclasses import dataclass
from typing import ClassVar

SHIPPED = "herd-prose-1"
"""The text that ships with herd: prose of its own, 8 thousand tokens and a few. A change of it is
another name."""
BASELINE_CACHE = ("f16", "f16")
"""Cache types of a baseline, K and V: what a cell's own cost shows against these."""


@dataclass(frozen=True)
class PerplexityConfig:
    """Perplexity over a text, and how far a baseline's answers are.

    The binary is `engine.perplexity_binary`; model, caches, devices and flags are the cell's.
    Neither has to do with the cell's context: chunks are scored, each with an empty cache.
    """

    NAME: ClassVar[str] = "perplexity"
    METHOD_VERSION: ClassVar[int] = 1
    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"corpus", "baseline_quant", "logits_gib"})
    """Fields that change no figure; text and baseline are told by their hashes."""

    name: str = "perplexity"
    corpus: str = SHIPPED
    """The text: the one that ships with herd, or the path of a file."""
    corpus_sha256: str | None = None
    """Hash of that file; null: computed where the command runs."""
    chunk_context: int = 512
    """Tokens of a chunk; its second half is scored."""
    chunks: int | None = None
    """Chunks to score; null is all of the text."""
    baseline_quant: str | None = None
    """Whose answers to compare with: a quant of the same model, or the path of a file."""
    baseline_sha256: str | None = None
    """Hash of the baseline's model file; the plan fills it in."""
    logits_gib: float = 20.0
    """Room for the answers of baselines in herd's cache folder, GiB."""
