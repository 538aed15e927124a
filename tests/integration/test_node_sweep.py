"""A sweep on a node that shares nothing with the driver: the packaged engine, a real model."""

from pathlib import Path

import pytest

from tests.debian_host import DebianHost, skip_reason
from tests.herd_process import Herd
from tests.nodes import add_node, free_port

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(skip_reason() is not None, reason=str(skip_reason())),
    pytest.mark.timeout(900),
]


def test_a_sweep_runs_on_the_node_alone(fleet: Herd, box: DebianHost, real_model: Path) -> None:
    added = add_node(fleet, box, "--head-port", free_port())
    assert added.returncode == 0, added.stderr
    store = ".local/share/herd/models/smollm2-135m"
    box.copy(real_model, f"{store}/{real_model.name}")
    here = fleet.run("node", "list", "--format", "csv").stdout.splitlines()[1].split(",")[0]
    assert fleet.run("node", "drain", here).returncode == 0
    swept = fleet.run(
        *("sweep", "model=smollm2-135m", "quant=Q4_1", "context=512,1024", "pairing=cpu"),
        *("workload.prompt_sizes=[32]", "workload.n_predict=4", "workload.repetitions=1"),
        timeout_s=400,
    )
    assert swept.returncode == 0, swept.stdout + swept.stderr
    cells = fleet.query("select status, launch_id from cells")
    assert [cell["status"] for cell in cells] == ["ok", "ok"]
    launches = fleet.query("select host_id, command_line from launches")
    assert {launch["host_id"] for launch in launches} == {"box"}
    assert all(launch["command_line"][0].startswith("/home/bench/") for launch in launches)
    seen = fleet.query("select * from hosts where host_id = 'box' order by seen_at")
    assert len(seen) == 2  # by `node add`, and by the sweep
    assert all(host["python"].startswith("3.11.") for host in seen)
    (hardware_class,) = {host["hardware_class"] for host in seen}
    assert box.pids("llama-serve[r]") == []
    shown = fleet.run("node", "show", "box")
    assert hardware_class in shown.stdout, shown.stderr
