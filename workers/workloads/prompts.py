"""Prompts of random tokens, reproducible from a seed.

Random tokens and not one repeated token: a repeated one always takes the same experts of a
mixture and misstates its speed (ggml-org/llama.cpp issue 6069).
"""

import random
from collections.abc import Collection, Sequence

from workers.engine.client import Client


def random_prompt(size: int, *, n_vocab: int, bos: Sequence[int], seed: str) -> list[int]:
    """Token ids: `bos` first (the server adds none to arrays), then random ones, `size` in all.

    Args:
        size: Tokens wanted, >= 1.
        n_vocab: Random ids are drawn from [0, n_vocab).
        bos: What the model puts before a text; may be empty.
        seed: The same text gives the same prompt, on any host.
    """
    head = list(bos[:size])
    draw = random.Random(seed)  # noqa: S311 - test tokens, nothing secret
    return head + draw.choices(range(n_vocab), k=size - len(head))


class Prompts:
    """Random prompts for the model that a server holds."""

    def __init__(self, client: Client, seed: int) -> None:
        self.seed = seed
        self.plain = client.plain_tokens()
        """Tokens that are safe to generate, see `Client.complete`."""
        self._n_vocab = client.vocabulary_size()
        self._bos = client.bos_tokens()

    def make(self, size: int, purpose: str) -> list[int]:
        """A prompt of `size` tokens; another one for each purpose."""
        return random_prompt(
            size, n_vocab=self._n_vocab, bos=self._bos, seed=f"{self.seed}/{purpose}"
        )

    def tail(self, size: int, purpose: str, *, first_not: Collection[int] = ()) -> list[int]:
        """`size` tokens to go on with, no BOS among them.

        Args:
            size: Tokens wanted, >= 1.
            purpose: Each has a tail of its own.
            first_not: What the first one must not be: what the slot holds there, since it would
                be taken from the cache.
        """
        tokens = random_prompt(size, n_vocab=self._n_vocab, bos=(), seed=f"{self.seed}/{purpose}")
        while tokens[0] in first_not:
            tokens[0] = (tokens[0] + 1) % self._n_vocab
        return tokens
