"""What all tables share."""

from dataclasses import dataclass
from typing import Annotated, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table; subclasses name the table."""

    TABLE: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes(Row):
    """The axes of a cell as columns, shared by plan and results."""

    cell_id: Annotated[str, "identity of the cell: server configuration and workload"]
    server_id: Annotated[str, "identity of the server configuration on its hardware class"]
    model: Annotated[str, "catalogue name of the model"]
    quant: Annotated[str | None, "quant of the model file"]
    context: Annotated[int | None, "context size, tokens"]
    cache_k: Annotated[str | None, "KV cache type of K"]
    cache_v: Annotated[str | None, "KV cache type of V"]
    pairing: Annotated[str | None, "GPUs wanted, as a pattern (cpu, single, pair, all)"]
    split: Annotated[str | None, "tensor split over the devices, in their order"]
    split_mode: Annotated[str | None, "llama.cpp's split mode"]
    engine: Annotated[str, "name of the engine configuration"]
    engine_build: Annotated[str | None, "what the binary says of its build"]
    engine_sha256: Annotated[str | None, "hash of the binary and its ggml libraries"]
    model_sha256: Annotated[str | None, "hash of the model file"]
    workload: Annotated[str, "what is done to the running server"]
    workload_config: Annotated[str, "configuration of the workload, JSON"]
    server_config: Annotated[str, "everything that server_id hashes, JSON"]
    other_axes: Annotated[str, "values of the further axes of the sweep, JSON"]
    hardware_class: Annotated[str, "hosts that are alike for benchmarking"]
    build_date: Annotated[str | None, "day of the engine's build by its config, ISO 8601"] = None
