"""Names of GPUs: matched loosely enough to type, strictly enough never to mean another card. Pure.

Engines and NVML say `NVIDIA GeForce RTX 3060`, people `RTX 3060`; an `RTX 3060 Ti` is another card.
"""

import re

_BRANDS = frozenset({"nvidia", "geforce", "tesla", "quadro", "amd", "radeon", "intel", "arc"})
"""Words before the model that people leave out."""

_EXTRAS = re.compile(r"\d+gi?b|hbm\d+e?|gddr\d+x?|sxm\d*|pcie|gpu|graphics")
"""Words after the model that make no other model: memory, form. Ti, SUPER, Laptop, Ada do."""


def names_match(wanted: str, description: str) -> bool:
    """Whether what a user wrote names this card.

    Args:
        wanted: as written: `RTX 3060`, `rtx3060`, `NVIDIA GeForce RTX 3060`, `H100`.
        description: as the engine gives it.
    """
    wanted_brands, wanted_model = _parts(wanted)
    brands, model = _parts(description)
    if not wanted_model or not wanted_brands <= brands:
        return False
    return any(
        "".join(model[:end]) == "".join(wanted_model)
        and all(_EXTRAS.fullmatch(word) for word in model[end:])
        for end in range(1, len(model) + 1)
    )


def short_name(description: str) -> str:
    """The card's name as people write it: without maker and brand, `RTX 3060`."""
    words = re.sub(r"\([^)]*\)", " ", description).split()
    while len(words) > 1 and words[0].lower() in _BRANDS:
        del words[0]
    return " ".join(words) or description


def _parts(name: str) -> tuple[set[str], list[str]]:
    """Leading brand words, and the words of the model; what stands in brackets is left out."""
    words = [w for w in re.split(r"[\s\-]+", re.sub(r"\([^)]*\)", " ", name).lower()) if w]
    start = next((i for i, word in enumerate(words) if word not in _BRANDS), len(words))
    return set(words[:start]), words[start:]
