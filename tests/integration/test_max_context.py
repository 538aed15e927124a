"""The workload max_context on the whole of herd."""

from pathlib import Path

import pytest

from tests.herd_process import Herd


def sweep(model: str, engine: str, limit: int) -> tuple[str, ...]:
    fixed = ("model=file", f"model.path={model}", "pairing=cpu", f"engine={engine}")
    return ("sweep", *fixed, "workload=max_context", f"context={limit}")


def test_the_answer_and_its_evidence_are_rows(herd: Herd) -> None:
    herd.engine("fake", oom_above_context=20_000)
    result = herd.run(*sweep(herd.model_file(), "fake", 32_768))
    assert result.returncode == 0, result.stdout + result.stderr
    probes = herd.query("select context, started, generated, failure_class from context_probes "
                        "order by probe")  # fmt: skip
    assert len(probes) <= 4
    assert probes[0] == {
        "context": 32_768,
        "started": False,
        "generated": False,
        "failure_class": "oom_context",
    }
    for probe in probes:
        assert probe["generated"] == (probe["context"] <= 20_000)
    (answer,) = herd.query("select * from max_context")
    assert 13_000 <= answer["max_context"] <= 20_000 < answer["fails_at"]
    assert answer["starts"] == len(probes)
    launches = herd.query("select launch_id from launches")
    assert len(launches) == len(probes)
    again = herd.run(*sweep(herd.model_file(), "fake", 32_768))
    assert "1 cached" in again.stdout
    assert not herd.processes()


def test_nothing_fits(herd: Herd) -> None:
    herd.engine("fake", oom_above_context=1)
    assert herd.run(*sweep(herd.model_file(), "fake", 4096)).returncode == 0
    (cell,) = herd.query("select status, failure_class from cells")
    assert cell == {"status": "failed", "failure_class": "oom_context"}
    assert herd.query("select * from max_context") == []


@pytest.mark.timeout(180)
def test_a_real_server_under_an_address_space_limit(herd: Herd, real_model: Path) -> None:
    """22.5 KiB a token of f16 cache: 3 GiB hold fewer than 139,810 tokens beside the rest."""
    limit = ("engine.address_space_gib=3", "engine.batch_size=64", "engine.ubatch_size=64")
    result = herd.run(*sweep(str(real_model), "default", 262_144), *limit)
    assert result.returncode == 0, result.stdout + result.stderr
    (answer,) = herd.query("select * from max_context")
    assert 50_000 < answer["max_context"] < 139_810
    assert answer["fails_at"] > answer["max_context"]
