"""Whole predictions, most of them against the table that was measured on two H100."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.memory.compute import MeasuredLaunch, relevant
from orchestrator.memory.predict import Prediction, predict, smallest_n_cpu_moe, verdict
from orchestrator.memory.server import HOST, ServerShape
from tests.gpu_table import Measured, measured_launches, write_model
from tests.tiny_models import write_tiny
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

TABLE = measured_launches()
PAIR = ("CUDA0", "CUDA1")
SPARE_MIB = 512.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    return model_shape(read_header(write_model(tmp_path_factory.mktemp("model") / "m.gguf")))


@pytest.fixture(scope="module")
def launches(model: ModelShape) -> list[MeasuredLaunch]:
    return [measured.launch(model) for measured in TABLE]


def part(prediction: Prediction, device: str, name: str) -> float:
    return sum(p.mib for p in prediction.parts if (p.device, p.part) == (device, name))


def name_of(measured: Measured) -> str:
    server = measured.server
    split = ":".join(f"{share:g}" for share in server.split)
    return (
        f"{server.context}-{server.cache_k}-{server.cache_v}-{len(server.devices)}gpu-{split}"
        f"-moe{server.n_cpu_moe}-ub{server.ubatch}-np{server.parallel}"
    )


@pytest.mark.parametrize("measured", TABLE, ids=name_of)
def test_what_is_counted_equals_the_log(model: ModelShape, measured: Measured) -> None:
    predicted = predict(model, measured.server)
    for device in measured.devices:
        for name, logged in (("weights", "model"), ("kv", "KV"), ("recurrent", "RS")):
            found = part(predicted, device, name)
            assert found == pytest.approx(measured.log(device, logged), abs=0.0051)
    mapped = measured.log("CPU_Mapped", "model")
    assert part(predicted, HOST, "weights") == pytest.approx(mapped, rel=1e-4)


LEFT_OUT: dict[str, Callable[[ServerShape], object]] = {
    "the configuration": lambda server: server,
    "its context": lambda server: server.context,
    "its cache types": lambda server: (server.cache_k, server.cache_v),
    "its split": lambda server: (server.devices, server.split),
    "its ubatch": lambda server: (server.ubatch, server.context),
}


@pytest.mark.parametrize("left_out", LEFT_OUT)
@pytest.mark.parametrize("measured", TABLE, ids=name_of)
def test_compute_and_overhead_are_learned_from_other_launches(
    model: ModelShape, launches: list[MeasuredLaunch], measured: Measured, left_out: str
) -> None:
    """Within 1 % of NVML on every GPU, with all launches left out that share this with it."""
    what = LEFT_OUT[left_out]
    others = [old for old in launches if what(old.server) != what(measured.server)]
    history = relevant(others, model, "b11434", "h100x2")
    predicted = predict(model, measured.server, history)
    for device in measured.devices:
        assert predicted.mib(device) == pytest.approx(measured.nvml(device), rel=0.01)


@pytest.mark.parametrize("measured", TABLE, ids=name_of)
def test_without_history_the_estimate_is_not_below(model: ModelShape, measured: Measured) -> None:
    predicted = predict(model, measured.server)
    assert predicted.note is None
    for device in measured.devices:
        assert predicted.mib(device) >= measured.nvml(device)
        # and no more than a GiB and a quarter of it above
        assert predicted.mib(device) <= 1.25 * measured.nvml(device) + 1024


def test_the_basis_tells_what_was_measured(
    model: ModelShape, launches: list[MeasuredLaunch]
) -> None:
    server = TABLE[0].server
    bases = {(p.device, p.part): p.basis for p in predict(model, server).parts}
    assert bases["CUDA0", "kv"] == bases[HOST, "weights"] == "exact"
    assert bases["CUDA0", "compute"] == bases["CUDA0", "overhead"] == "estimate"
    history = relevant(launches, model, "b11434", "h100x2")
    bases = {(p.device, p.part): p.basis for p in predict(model, server, history).parts}
    assert bases["CUDA0", "compute"] == bases["CUDA0", "overhead"] == "history"
    assert bases[HOST, "compute"] == "history"
    tensor = predict(model, replace(server, split_mode="tensor"))
    assert {p.basis for p in tensor.parts} == {"estimate"}


def test_devices_stand_in_split_order_and_the_host_last(model: ModelShape) -> None:
    server = ServerShape(4096, devices=("CUDA1", "CUDA0"), split=(3, 1))
    totals = predict(model, server).totals
    assert list(totals) == ["CUDA1", "CUDA0", HOST]
    assert totals["CUDA1"] > totals["CUDA0"]


def test_an_unknown_architecture_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_tiny(tmp_path_factory.mktemp("model") / "m.gguf", "gemma3")
    data = path.read_bytes().replace(b"gemma3", b"gemma9")
    path.write_bytes(data)
    predicted = predict(model_shape(read_header(path)), ServerShape(4096))
    assert predicted.note is not None
    assert "does not know the architecture gemma9" in predicted.note
    assert {p.basis for p in predicted.parts} == {"estimate"}


def test_a_verdict_names_what_is_short_in_numbers(model: ModelShape) -> None:
    predicted = predict(model, ServerShape(262144, devices=PAIR, split=(1, 1)))
    roomy = dict.fromkeys(PAIR, 20000.0)
    assert verdict(predicted, roomy).fits
    assert verdict(predicted, roomy).reason is None
    short = verdict(predicted, {"CUDA0": 20000.0, "CUDA1": 12288.0})
    needed = predicted.totals["CUDA1"]
    assert not short.fits
    assert short.reason == f"CUDA1 needs {needed:,.0f} of 12,288 MiB"
    both = verdict(predicted, dict.fromkeys(PAIR, 12288.0))
    assert both.reason is not None
    assert both.reason.count("needs") == 2


def test_what_fails_by_estimates_only_is_not_certain(
    model: ModelShape, launches: list[MeasuredLaunch]
) -> None:
    """262,144 tokens of q8_0/q4_0 ran on two cards of 12 GB, says the first record."""
    free = dict.fromkeys(PAIR, 12288.0)

    def judged(context: int, k: str, v: str, *known: MeasuredLaunch) -> tuple[bool, bool]:
        server = ServerShape(context, k, v, devices=PAIR, split=(1, 1))
        history = relevant(known, model, "b11434", "h100x2")
        found = verdict(predict(model, server, history), free)
        return found.fits, found.is_certain

    assert judged(131072, "q8_0", "q4_0") == (True, False)
    assert judged(262144, "q8_0", "q4_0") == (False, False)
    assert judged(262144, "q8_0", "q4_0", *launches) == (False, True)
    assert judged(524288, "f16", "f16") == (False, True)


def test_a_margin_has_to_stay_free(model: ModelShape) -> None:
    predicted = predict(model, ServerShape(4096, devices=("CUDA0",)))
    needed = predicted.totals["CUDA0"]
    free = {"CUDA0": needed + SPARE_MIB}
    assert verdict(predicted, free, SPARE_MIB).fits
    kept = verdict(predicted, free, SPARE_MIB + 1)
    assert kept.reason is not None
    assert kept.reason.endswith("MiB, 513 of them to stay free")


def test_the_fewest_layers_of_experts_that_fit_are_found(model: ModelShape) -> None:
    server = ServerShape(32768, "q8_0", "q4_0", devices=("CUDA0",))
    free = {"CUDA0": 12288.0}
    found = smallest_n_cpu_moe(model, server, free, SPARE_MIB)
    assert found is not None
    assert verdict(predict(model, replace(server, n_cpu_moe=found)), free, SPARE_MIB).fits
    fewer = replace(server, n_cpu_moe=found - 1)
    assert not verdict(predict(model, fewer), free, SPARE_MIB).fits
    assert smallest_n_cpu_moe(model, server, {"CUDA0": 81559.0}) == 0
    assert smallest_n_cpu_moe(model, server, {"CUDA0": 1024.0}) is None


def test_without_experts_there_is_nothing_to_move(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = write_tiny(tmp_path_factory.mktemp("model") / "m.gguf", "llama")
    shape = model_shape(read_header(path))
    server = ServerShape(4096, devices=("CUDA0",))
    assert smallest_n_cpu_moe(shape, server, {"CUDA0": 1.0}) is None
    assert smallest_n_cpu_moe(shape, server, {"CUDA0": 8192.0}) == 0


@given(
    context=st.integers(1, 2**19),
    more=st.integers(1, 2**19),
    cache=st.sampled_from(["f16", "q8_0", "q4_0"]),
    devices=st.sampled_from([(), ("CUDA0",), PAIR]),
    known=st.sets(st.sampled_from(range(len(TABLE)))),
)
def test_more_context_never_takes_less_of_a_device(
    model: ModelShape,
    launches: list[MeasuredLaunch],
    context: int,
    more: int,
    cache: str,
    devices: Sequence[str],
    known: set[int],
) -> None:
    """So pruning is monotone in context, whatever of the history is known."""
    history = relevant([launches[n] for n in known], model, "b11434", "h100x2")
    server = ServerShape(context, cache, cache, devices=tuple(devices))
    small = predict(model, server, history).totals
    large = predict(model, replace(server, context=context + more), history).totals
    assert small.keys() == large.keys()
    assert all(small[device] <= large[device] + 1e-6 for device in small)
