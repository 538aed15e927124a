"""Described hosts, and the preset that plans for one."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.fleet.config import DescribedGpu, DescribedHost
from orchestrator.fleet.described import described_view
from orchestrator.pairing import Pairing, bind
from orchestrator.session import Command, read_command
from tests.unit.orchestrator_samples import BINARY, ENGINE, build, device, view
from warehouse.errors import ConfigError
from workers.inventory import hardware_class

RTX = DescribedGpu("NVIDIA GeForce RTX 3060", 12288, 2, 3, 16, 170.0)
GTX = DescribedGpu("NVIDIA GeForce GTX 1050", 2048)
BOX = DescribedHost("Some CPU", 4, 8, 24576, [RTX, GTX], "580.159.03")
HERE = view(engine=build(device(7, "H100")))


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return read_command(["+sweep=seed-2026-02-14"], tmp_path_factory.mktemp("conf"))


def test_a_host_is_what_a_look_at_it_would_tell() -> None:
    host = described_view("box", BOX, HERE).host
    assert (host.host_id, host.cpu_physical_cores, host.cpu_logical_cores) == ("box", 4, 8)
    assert [gpu.name for gpu in host.gpus] == [RTX.name, RTX.name, GTX.name]
    assert len({gpu.uuid for gpu in host.gpus}) == 3
    assert host.hardware_class == hardware_class(
        cpu_model="Some CPU",
        physical_cores=4,
        ram_mib=24576,
        gpus=host.gpus,
        driver="580.159.03",
    )
    assert "2x NVIDIA GeForce RTX 3060 12 GiB PCIe 3x16 170 W, driver 580" in host.hardware_class


def test_its_engine_is_the_one_at_hand_with_its_own_devices() -> None:
    seen = described_view("box", BOX, HERE)
    ours, theirs = HERE.engines[ENGINE.probe_key], seen.engines[ENGINE.probe_key]
    assert ours is not None
    assert theirs is not None
    assert replace(theirs, devices=ours.devices) == ours
    assert [(d.name, d.description, d.total_mib, d.free_mib) for d in theirs.devices] == [
        ("CUDA0", RTX.name, 12288, 12288),
        ("CUDA1", RTX.name, 12288, 12288),
        ("CUDA2", GTX.name, 2048, 2048),
    ]
    assert seen.models == HERE.models


def test_a_build_that_it_names_is_no_other_with_that_name() -> None:
    named = replace(BOX, engine_build="build 7, commit abcdef0", backend="Vulkan")
    theirs = described_view("box", named, HERE).engines[ENGINE.probe_key]
    ours = HERE.engines[ENGINE.probe_key]
    assert ours is not None
    assert theirs is not None
    assert theirs.text == "build 7, commit abcdef0"
    assert theirs.sha256 != ours.sha256
    assert theirs.known_flags == ours.known_flags
    assert theirs.devices[0].name == "Vulkan0"


def test_without_an_engine_at_hand_no_flag_is_known() -> None:
    theirs = described_view("box", BOX, view(engine=None)).engines[ENGINE.probe_key]
    assert theirs is not None
    assert (theirs.path, theirs.text, theirs.known_flags) == (
        Path(BINARY),
        "described build",
        frozenset(),
    )


def test_pairings_bind_on_it() -> None:
    seen = described_view("box", BOX, HERE)
    engine = seen.engines[ENGINE.probe_key]
    assert engine is not None
    pairings = bind("RTX 3060 + GTX 1050", (14.0, 10.0), engine.devices, seen.host.gpus)
    assert isinstance(pairings, tuple)
    (pairing,) = pairings
    assert isinstance(pairing, Pairing)
    assert [d.name for d in pairing.devices] == ["CUDA0", "CUDA2"]
    assert pairing.gpu_uuids == ("described:box:0", "described:box:2")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(BOX, cpu_model=""), "fleet.hosts.box: give it a cpu_model and a backend"),
        (replace(BOX, cpu_cores=0), "fleet.hosts.box.cpu_cores must be above 0, it is 0"),
        (replace(BOX, cpu_threads=-1), "fleet.hosts.box.cpu_threads must be above 0, it is -1"),
        (replace(BOX, gpus=[DescribedGpu()]), "fleet.hosts.box.gpus[0]: give it a name"),
        (
            replace(BOX, gpus=[RTX, replace(GTX, memory_mib=0)]),
            "fleet.hosts.box.gpus[1].memory_mib must be above 0, it is 0",
        ),
        (
            replace(BOX, gpus=[replace(RTX, count=0)]),
            "fleet.hosts.box.gpus[0].count must be above 0, it is 0",
        ),
    ],
)
def test_what_cannot_be_a_host_is_refused(wrong: DescribedHost, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        described_view("box", wrong, HERE)
    assert str(refused.value) == told


def test_the_preset_is_the_matrix_of_the_record(preset: Command) -> None:
    cells = preset.cells
    assert len(cells) == 2 * 5 * 4
    assert {cell.quant for cell in cells} == {"i1-IQ3_M", "Q2_K_XL"}
    assert {cell.context for cell in cells} == {32768, 65536, 131072, 196608, 262144}
    assert {(cell.cache_k, cell.cache_v) for cell in cells} == {
        ("f16", "f16"),
        ("q8_0", "q8_0"),
        ("q8_0", "q4_0"),
        ("q4_0", "q4_0"),
    }
    assert {cell.pairing for cell in cells} == {"pair"}


def test_its_host_has_two_cards_of_12_gb(preset: Command) -> None:
    (label, described) = next(iter(preset.config.fleet.hosts.items()))
    host = described_view(label, described, HERE).host
    assert (host.host_id, host.ram_mib, host.cpu_logical_cores) == ("seed-box", 24576, 4)
    assert [(gpu.name, gpu.memory_mib) for gpu in host.gpus] == [
        ("NVIDIA GeForce RTX 3060", 12288)
    ] * 2


def test_the_other_described_host_has_unlike_cards(tmp_path: Path) -> None:
    command = read_command(["fleet=seed-box-1050", "pairing=every"], tmp_path)
    described = command.config.fleet.hosts["seed-box-1050"]
    engine = described_view("box", described, HERE).engines[ENGINE.probe_key]
    assert engine is not None
    pairings = bind("every", None, engine.devices)
    assert isinstance(pairings, tuple)
    assert [each.pattern for each in pairings] == [
        "RTX 3060",
        "GTX 1050",
        "RTX 3060 + GTX 1050",
    ]
