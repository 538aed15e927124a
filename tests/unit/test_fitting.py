"""Memory in the plan: what is pruned, warned of, resolved and searched."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.cells import FileKey
from orchestrator.host_view import HostView
from orchestrator.memory.compute import MeasuredLaunch
from orchestrator.memory.outlook import Memory
from orchestrator.placement import Planned
from orchestrator.plan import make_plan
from orchestrator.records import planned_rows, predicted_memory_rows
from tests.gpu_table import measured_launches, write_model
from tests.unit.orchestrator_samples import ENGINE, build, device, plan_of, spec, view
from warehouse.ledger import Ledger
from workers.engine.build import EngineDevice
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape
from workers.workloads.max_context.config import MaxContextConfig

KEY: FileKey = ("tiny", "Q4_1", None)
BUILD = "e1" * 32
WITHOUT_FIXTURE_CHECK = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    """The architecture of the hand-written records, 18.2 GB."""
    return model_shape(read_header(write_model(tmp_path_factory.mktemp("model") / "m.gguf")))


@pytest.fixture(scope="module")
def known(shape: ModelShape) -> list[MeasuredLaunch]:
    """Launches on two H100, as if this host had run them with this build."""
    return [replace(each.launch(shape), engine_build=BUILD) for each in measured_launches()]


def box(
    shape: ModelShape | None, *free_mib: int, ram_mib: float | None = 65536.0, **changes: Any
) -> HostView:
    """A host whose cards have so much free memory."""
    devices = (
        EngineDevice(f"CUDA{i}", "RTX 3060", max(free, 12288), free)
        for i, free in enumerate(free_mib)
    )
    seen = view(engine=build(*devices), hardware_class="h100x2", **changes)
    shapes = {KEY: shape} if shape else {}
    return replace(seen, shapes=shapes, free_ram_mib=ram_mib)


def planned(seen: HostView, launches: Iterable[MeasuredLaunch] = (), **changes: Any) -> Planned:
    """The one cell of a plan."""
    asked = spec(**{"pairing": "all", "cache_k": "q8_0", "cache_v": "q4_0", **changes})
    (cell,) = make_plan([asked], [seen], Ledger(), force=False, memory=Memory(launches)).cells
    return cell


def test_what_cannot_fit_is_pruned_with_the_reason_in_numbers(shape: ModelShape) -> None:
    cell = planned(box(shape, 12288, 8000), context=131072)
    assert cell.decision == "pruned"
    assert cell.reason is not None
    assert re.fullmatch(r"CUDA1 needs 11,\d{3} of 8,000 MiB", cell.reason)
    assert cell.outlook is not None
    assert not cell.outlook.verdict.fits


def test_a_failure_is_rather_run_when_pruning_is_off(shape: ModelShape) -> None:
    cell = planned(box(shape, 12288, 8000), context=131072, prune=False)
    assert (cell.decision, cell.reason) == ("run", None)
    assert cell.note is not None
    assert cell.note.startswith("will not fit: CUDA1 needs")


def test_what_lacks_by_an_estimate_alone_runs_with_a_warning_until_it_was_measured(
    shape: ModelShape, known: list[MeasuredLaunch]
) -> None:
    seen = box(shape, 12288, 12288)
    cell = planned(seen, context=262144)
    assert cell.decision == "run"
    assert cell.note is not None
    assert cell.note.startswith("may not fit, by an estimate: CUDA0 needs")
    learned = planned(seen, known, context=262144)
    assert learned.decision == "pruned"
    assert planned(seen, known, context=131072).decision == "run"


def test_history_of_another_build_or_hardware_proves_nothing(
    shape: ModelShape, known: list[MeasuredLaunch]
) -> None:
    seen = box(shape, 12288, 12288)
    for launches in (
        [replace(each, engine_build="b2") for each in known],
        [replace(each, hardware_class="laptop") for each in known],
    ):
        overhead = {
            p.basis
            for cell in [planned(seen, launches, context=262144)]
            if cell.outlook
            for p in cell.outlook.prediction.parts
            if p.part == "overhead"
        }
        assert overhead == {"estimate"}


def test_a_margin_stays_free(shape: ModelShape, known: list[MeasuredLaunch]) -> None:
    seen = box(shape, 12288, 12288)
    assert planned(seen, known, context=131072).decision == "run"
    tight = planned(seen, known, context=131072, margin_mib=2048.0)
    assert tight.decision == "pruned"
    assert tight.reason is not None
    assert tight.reason.endswith("MiB, 2,048 of them to stay free")
    loose = planned(seen, known, context=262144, margin_mib=-512.0)
    assert loose.decision == "run"


def test_the_host_is_a_device_but_pages_of_the_file_do_not_count(shape: ModelShape) -> None:
    """On the CPU alone: 17 GiB of mapped weights run in 8 GiB, 3 GiB of cache do not in 2."""
    assert planned(box(shape, ram_mib=8192.0), pairing="cpu", context=131072).decision == "run"
    cell = planned(box(shape, ram_mib=1024.0), pairing="cpu", context=131072)
    assert cell.reason is not None
    assert cell.reason.startswith("Host needs")
    unmapped = planned(
        box(shape, ram_mib=8192.0),
        pairing="cpu",
        context=131072,
        engine=replace(ENGINE, load_mode="none", repack=False),
    )
    assert unmapped.decision == "pruned"


def test_a_header_that_cannot_be_read_is_a_note_of_its_cell_alone(shape: ModelShape) -> None:
    seen = box(shape, 81000, 81000)
    seen = replace(seen, unreadable={("tiny", "Q8_0", None): "x.gguf is no GGUF file"})
    plan = plan_of(spec(pairing="all"), spec(pairing="all", quant="Q8_0"), hosts=(seen,))
    notes = {cell.spec.quant: (cell.decision, cell.note) for cell in plan.cells}
    assert notes == {
        "Q4_1": ("run", None),
        "Q8_0": ("run", "memory is not predicted: x.gguf is no GGUF file"),
    }


def test_a_pairing_without_devices_is_not_predicted_as_a_cpu_run(shape: ModelShape) -> None:
    cell = planned(box(shape), pairing="pair")
    assert (cell.decision, cell.outlook, cell.note) == ("pruned", None, None)


def test_devices_of_another_host_are_predicted_too(shape: ModelShape) -> None:
    here = box(shape, 12288)
    there = box(shape, 4096, host_id="beta")
    there = replace(there, host=replace(there.host, hardware_class="other"))
    asked = spec(pairing="RTX 3060 + RTX 3060@beta", context=32768)
    plan = make_plan([asked], [here, there], Ledger(), force=False)
    (cell,) = (cell for cell in plan.cells if cell.hosts == ("alpha",))
    assert cell.outlook is not None
    assert list(cell.outlook.prediction.totals) == ["CUDA0", "RPC0", "Host"]
    assert cell.outlook.free_mib == {"CUDA0": 12288.0, "RPC0": 4096.0, "Host": 65536.0}


class TestAutoExperts:
    """`engine.n_cpu_moe=auto`."""

    AUTO = replace(ENGINE, n_cpu_moe="auto")

    def test_the_fewest_layers_that_fit_are_taken_and_stored(self, shape: ModelShape) -> None:
        cell = planned(box(shape, 12000), pairing="all", context=32768, engine=self.AUTO)
        layers = cell.engine.n_cpu_moe
        assert isinstance(layers, int)
        assert layers > 1
        assert cell.outlook is not None
        assert cell.outlook.verdict.fits
        fewer = replace(ENGINE, n_cpu_moe=layers - 1)
        other = planned(box(shape, 12000), context=32768, engine=fewer)
        assert other.outlook is not None
        assert not other.outlook.verdict.fits
        assert json.loads(cell.server.config)["engine"]["n_cpu_moe"] == layers

    def test_it_is_the_same_server_as_the_one_with_the_number(self, shape: ModelShape) -> None:
        cell = planned(box(shape, 12000), context=32768, engine=self.AUTO)
        number = replace(ENGINE, n_cpu_moe=cell.engine.n_cpu_moe)
        assert planned(box(shape, 12000), context=32768, engine=number).cell_id == cell.cell_id
        roomy = planned(box(shape, 80000), context=32768, engine=self.AUTO)
        assert roomy.cell_id == planned(box(shape, 80000), context=32768).cell_id

    def test_what_an_earlier_plan_took_stands(self, shape: ModelShape) -> None:
        seen = box(shape, 12000)
        asked = spec(pairing="all", context=32768, engine=self.AUTO)
        first = make_plan([asked], [seen], Ledger(), force=False)
        unresolved = first.cells[0].unresolved_id
        assert unresolved is not None
        again = make_plan([asked], [seen], Ledger(), force=False, resolved_before={unresolved: 40})
        assert again.cells[0].engine.n_cpu_moe == 40
        assert again.cells[0].unresolved_id == unresolved
        assert planned_rows(first, "w1")[0].unresolved_id == unresolved

    def test_what_does_not_fit_or_is_not_known_is_pruned(self, shape: ModelShape) -> None:
        small = planned(box(shape, 900), context=32768, engine=self.AUTO)
        assert small.reason == "n_cpu_moe=auto: it does not fit with all experts on the host either"
        unknown = planned(box(None, 12000), context=32768, engine=self.AUTO)
        assert unknown.reason == "n_cpu_moe=auto needs the model's header: no model file"


class TestMaxContext:
    """The search begins where memory is expected to end."""

    def test_it_begins_at_the_largest_context_that_fits(
        self, shape: ModelShape, known: list[MeasuredLaunch]
    ) -> None:
        seen = box(shape, 12288, 12288)
        search = MaxContextConfig()
        cell = planned(seen, known, context=262144, workload=search)
        context = cell.predicted_context
        assert context is not None
        assert context % search.granularity == 0
        assert planned(seen, known, context=context).decision == "run"
        larger = planned(seen, known, context=context + search.granularity)
        assert larger.decision == "pruned"
        assert cell.decision == "run"

    def test_the_limit_itself_may_fit(self, shape: ModelShape) -> None:
        cell = planned(box(shape, 80000, 80000), context=262144, workload=MaxContextConfig())
        assert cell.predicted_context == 262144

    def test_where_nothing_fits_it_is_pruned(self, shape: ModelShape) -> None:
        cell = planned(box(shape, 2000, 2000), context=262144, workload=MaxContextConfig())
        assert cell.reason is not None
        assert cell.reason.startswith("not even 1024 tokens: CUDA0 needs")


def test_the_rows_hold_every_part_once_a_server(shape: ModelShape) -> None:
    seen = box(shape, 12288, 12288)
    asked = spec(pairing="all", context=32768)
    plan = plan_of(asked, replace(asked, workload=MaxContextConfig()), hosts=(seen,))
    rows = predicted_memory_rows(plan, "w1")
    keys = [(row.server_id, row.device, row.part) for row in rows]
    assert len(keys) == len(set(keys))
    assert {row.device for row in rows} == {"CUDA0", "CUDA1", "Host"}
    assert {row.part for row in rows if row.device == "CUDA0"} == {
        *("weights", "kv", "recurrent", "compute", "overhead")
    }
    assert {row.free_mib for row in rows} == {12288.0, 65536.0}


FREE = st.integers(1000, 30000)


@WITHOUT_FIXTURE_CHECK
@given(first=FREE, second=FREE, context=st.integers(256, 2**19), learned=st.booleans())
def test_a_plan_never_places_more_than_fits(
    shape: ModelShape,
    known: list[MeasuredLaunch],
    first: int,
    second: int,
    context: int,
    learned: bool,
) -> None:
    """What runs without a warning fits every device; what is pruned lacks for what is known."""
    cell = planned(box(shape, first, second), known if learned else (), context=context)
    assert cell.outlook is not None
    prediction = cell.outlook.prediction
    if cell.decision == "pruned":
        assert any(
            prediction.needed_mib(name, known=True) > free
            for name, free in cell.outlook.free_mib.items()
        )
    elif cell.note is None:
        assert all(
            prediction.needed_mib(name) <= free for name, free in cell.outlook.free_mib.items()
        )


@WITHOUT_FIXTURE_CHECK
@given(
    free=FREE,
    contexts=st.tuples(st.integers(256, 2**18), st.integers(256, 2**18)),
    learned=st.booleans(),
)
def test_pruning_is_monotone_in_context(
    shape: ModelShape,
    known: list[MeasuredLaunch],
    free: int,
    contexts: tuple[int, int],
    learned: bool,
) -> None:
    small, large = sorted(contexts)
    seen, launches = box(shape, free, free), known if learned else ()
    if planned(seen, launches, context=small).decision == "pruned":
        assert planned(seen, launches, context=large).decision == "pruned"


def test_the_same_inputs_give_the_same_plan(shape: ModelShape, known: list[MeasuredLaunch]) -> None:
    asked = [spec(pairing="every", context=c) for c in (32768, 131072, 262144)]
    seen = box(shape, 12288, 12288)
    plans = [
        make_plan(asked, [seen], Ledger(), force=False, memory=Memory(known)) for _ in range(2)
    ]
    assert plans[0] == plans[1]
    assert device(0).name in {d.name for cell in plans[0].cells for d in cell.pairing.devices}
