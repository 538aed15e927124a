"""The language of a text, by its commonest words; no guess where they are too few."""

import re

_WORDS = {
    "en": "the of and to is in that it was for are with as his this be at have from or had by but "
    "not what all were when your can there an which their said if do will how they you has i",
    "de": "der die und das ist den von zu mit sich des auf für im nicht ein eine als auch es an "
    "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über ich war so zum "
    "aber haben nur oder hatte wir kein keine beträgt",
    "fr": "le la les et des est un une du que qui dans en pour pas au sur plus par il elle ce avec "
    "ne se sont cette ses mais nous vous était été je",
    "es": "el los las y que en un una es se por con para del no su al lo como más pero sus le ha "
    "fue está son yo",
    "it": "il lo gli e che di un una è per non con del della dei sono si da nel alla più ma come "
    "ha questo anche era io",
    "nl": "het een en van is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit "
    "naar heeft ik de",
}
_STOP_WORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_NOISE = re.compile(r"```.*?```|`[^`]*`|https?://\S+|\S*[/@_\d]\S*", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
LEAST_WORDS = 6
_LEAST_HITS = 2
_LEAD = 1.5
"""How many times the hits of the next language the first has to have."""


def language_of(text: str) -> str | None:
    """ISO 639-1 code; None: too short, or not to be told."""
    words = [word.casefold() for word in _WORD.findall(_NOISE.sub(" ", text))]
    if len(words) < LEAST_WORDS:
        return None
    hits = {name: sum(word in stop for word in words) for name, stop in _STOP_WORDS.items()}
    first, second = sorted(hits, key=lambda name: -hits[name])[:2]
    if hits[first] < _LEAST_HITS or hits[first] < _LEAD * hits[second]:
        return None
    return first
