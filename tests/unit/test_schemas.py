from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pytest

from tests.warehouse_samples import START, host, launch, trial
from warehouse import rows
from warehouse.errors import WarehouseError
from warehouse.schemas import meaning_of, schema_of, table_of, unit_of


def test_types_and_nullability_follow_the_annotations() -> None:
    schema = schema_of(rows.Trial)
    assert schema.field("cell_id").type == pa.string()
    assert not schema.field("cell_id").nullable
    assert schema.field("prompt_ms").type == pa.float64()
    assert schema.field("prompt_ms").nullable
    assert schema.field("valid").type == pa.bool_()
    assert schema.field("started_at").type == pa.timestamp("us", tz="UTC")
    assert schema_of(rows.Launch).field("devices").type == pa.list_(pa.string())
    gpu = schema_of(rows.Host).field("gpus").type
    assert isinstance(gpu, pa.ListType)
    assert gpu.value_type.field("pcie_width").type == pa.int64()


@pytest.mark.parametrize("table", rows.TABLES, ids=lambda each: each.TABLE)
def test_every_column_says_what_it_means_and_the_schema_has_a_version(
    table: type[rows.Row],
) -> None:
    assert meaning_of(table).endswith(".")
    schema = schema_of(table)
    assert schema.names[-1] == "schema_version"
    for field in schema:
        assert field.metadata is not None
        assert field.metadata[b"meaning"]


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("predicted_tg_tok_s", "tok/s"),
        ("predicted_s", "s"),
        ("prompt_ms", "ms"),
        ("mib", "MiB"),
        ("cache_n", "tokens"),
        ("context", "tokens"),
        ("sampled_at", "UTC"),
        ("temperature_c", "C"),
        ("status", ""),
        ("devices", ""),
    ],
)
def test_the_unit_is_the_suffix(column: str, unit: str) -> None:
    assert unit_of(column) == unit


def test_rows_come_back_as_they_were() -> None:
    gpu = rows.Gpu(0, "RTX 3060", "GPU-1", "0000:01:00.0", 12288, 4, None, 170.0)
    table = table_of(rows.Host, [host(gpus=(gpu,)), host(driver="580.1")])
    first, second = table.to_pylist()
    assert first["gpus"][0]["name"] == "RTX 3060"
    assert first["gpus"][0]["pcie_width"] is None
    assert second["gpus"] == []
    assert second["driver"] == "580.1"
    assert first["seen_at"] == START
    assert first["schema_version"] == rows.SCHEMA_VERSION
    command = table_of(rows.Launch, [launch()]).to_pylist()[0]["command_line"]
    assert command == ["llama-server", "-c", "4096"]


def test_no_rows_are_an_empty_table_of_the_same_schema() -> None:
    table = table_of(rows.Trial, [])
    assert table.num_rows == 0
    assert table.schema == schema_of(rows.Trial)


@pytest.mark.parametrize(
    ("broken", "column"),
    [
        (replace(trial("c1"), step=None), "trials.step"),  # type: ignore[arg-type] # the fault tested
        (replace(trial("c1"), depth="deep"), "trials.depth"),  # type: ignore[arg-type] # likewise
        (replace(trial("c1"), started_at=datetime(2026, 3, 1)), "trials.started_at"),
    ],
)
def test_a_wrong_value_names_its_column(broken: rows.Trial, column: str) -> None:
    with pytest.raises(WarehouseError, match=column):
        table_of(rows.Trial, [broken])
