from hypothesis import given
from hypothesis import strategies as st

from orchestrator.memory.placing import layer_devices
from orchestrator.memory.server import HOST, ServerShape

PAIR = ("CUDA0", "CUDA1")


def test_the_output_layer_counts_as_one_more() -> None:
    place = layer_devices(48, ServerShape(1024, devices=PAIR, split=(1, 1)))
    assert place.layers.count("CUDA0") == 25
    assert place.output == "CUDA1"


def test_an_empty_split_is_even() -> None:
    even = layer_devices(48, ServerShape(1024, devices=PAIR, split=(2, 2)))
    assert layer_devices(48, ServerShape(1024, devices=PAIR)) == even


def test_the_last_layers_are_offloaded() -> None:
    place = layer_devices(4, ServerShape(1024, devices=("CUDA0",), n_gpu_layers=2))
    assert place.layers == (HOST, HOST, HOST, "CUDA0")
    assert place.output == "CUDA0"


def test_no_device_and_no_layer_offloaded_are_the_host() -> None:
    for server in (ServerShape(1024), ServerShape(1024, devices=PAIR, n_gpu_layers=0)):
        assert set(layer_devices(4, server).layers) == {HOST}
        assert layer_devices(4, server).output == HOST


def test_split_mode_none_is_the_main_gpu() -> None:
    server = ServerShape(1024, devices=PAIR, split_mode="none", main_gpu=1)
    assert set(layer_devices(4, server).layers) == {"CUDA1"}


@given(
    layers=st.integers(1, 512),
    split=st.lists(st.floats(0.01, 100), min_size=1, max_size=8),
)
def test_every_layer_has_a_device_in_split_order(layers: int, split: list[float]) -> None:
    devices = tuple(f"CUDA{number}" for number in range(len(split)))
    place = layer_devices(layers, ServerShape(1024, devices=devices, split=tuple(split)))
    assert len(place.layers) == layers
    order = [devices.index(device) for device in (*place.layers, place.output)]
    assert order == sorted(order)
