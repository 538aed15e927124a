from pathlib import Path

import pytest

from orchestrator.settings import configuration, warehouse_config
from warehouse.config import WarehouseConfig


def test_the_shipped_warehouse_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`warehouse_config` loads no Hydra where nobody configured anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HERD_WAREHOUSE", raising=False)
    assert configuration((), None).warehouse == WarehouseConfig()
    assert warehouse_config(None) == WarehouseConfig()


def test_limits_of_questions_are_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERD_WAREHOUSE", "elsewhere")
    local = tmp_path / "conf" / "warehouse" / "local.yaml"
    local.parent.mkdir(parents=True)
    local.write_text("defaults: [warehouse_schema, _self_]\nuri: mine\nsql_timeout_s: 5\n")
    found = warehouse_config(None)
    assert (found.uri, found.sql_timeout_s, found.sql_memory_mib) == ("elsewhere", 5.0, 2048)
