"""The text that is scored: the one that ships with herd, or a file of the user's."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from warehouse.errors import ConfigError
from workers.failures import CellFailed, Failure, FailureClass
from workers.workloads.perplexity.config import SHIPPED, PerplexityConfig

_SHIPPED_FILE = Path(__file__).parent / f"{SHIPPED}.txt"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text on this host."""

    name: str
    path: Path
    sha256: str


def corpus_name(corpus: str) -> str:
    """What a text is called: a file by its name."""
    return Path(corpus).name if "/" in corpus else corpus


def with_hash(config: PerplexityConfig) -> PerplexityConfig:
    """The config with the hash of its text, from the file as it lies on this host.

    A hash that is given is taken as it is: the file has to be on the hosts that measure.

    Raises:
        ConfigError: there is no such text, and no hash of it.
    """
    if config.corpus_sha256 is not None:
        return config
    try:
        sha256 = file_sha256(_path(config.corpus))
    except OSError as error:
        raise ConfigError(
            f"workload.corpus={config.corpus} cannot be read here ({error.strerror}): write "
            f"{SHIPPED}, the path of a file, or its hash as workload.corpus_sha256"
        ) from error
    return PerplexityConfig(**{**vars(config), "corpus_sha256": sha256})


def find_corpus(config: PerplexityConfig) -> Corpus:
    """The text on this host, checked.

    Raises:
        CellFailed: it is not here, or is another text.
    """
    path = _path(config.corpus)
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        text = f"no text at {path} ({error.strerror}): put workload.corpus there"
        raise CellFailed(Failure(FailureClass.MISSING_MODEL, text)) from error
    if config.corpus_sha256 not in (None, sha256):
        text = f"{path} is another text here: its sha256 is {sha256}, not {config.corpus_sha256}"
        raise CellFailed(Failure(FailureClass.MISSING_MODEL, text))
    return Corpus(corpus_name(config.corpus), path, sha256)


@cache
def file_sha256(path: Path) -> str:
    """Hash of a small file, read once."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _path(corpus: str) -> Path:
    return _SHIPPED_FILE if corpus == SHIPPED else Path(corpus).expanduser().absolute()
