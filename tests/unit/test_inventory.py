from warehouse.rows import Gpu
from workers.gpu import Nvml
from workers.inventory import cpu_model, hardware_class, inspect_host


def card(index: int, name: str, mib: int, *, generation: int | None = 4) -> Gpu:
    return Gpu(index, name, f"GPU-{index}", f"0:{index}", mib, generation, 16, 170.0)


def klass(*gpus: Gpu, driver: str | None = "580.159.03") -> str:
    return hardware_class(
        cpu_model="AMD EPYC", physical_cores=2, ram_mib=24105, gpus=gpus, driver=driver
    )


def test_without_gpu() -> None:
    assert klass(driver=None) == "AMD EPYC x2, 24 GiB, no GPU"


def test_gpus_are_sorted_and_counted() -> None:
    big, small = card(0, "RTX 3060", 12288), card(1, "GTX 1050", 2048, generation=None)
    other = card(2, "RTX 3060", 12288)
    wanted = (
        "AMD EPYC x2, 24 GiB, GTX 1050 2 GiB 170 W, 2x RTX 3060 12 GiB PCIe 4x16 170 W, driver 580"
    )
    assert klass(big, small, other) == klass(small, other, big) == wanted


def test_minor_driver_version_is_no_other_class() -> None:
    one = card(0, "RTX 3060", 12288)
    assert klass(one, driver="580.1") == klass(one, driver="580.159.03")
    assert klass(one, driver="580.1") != klass(one, driver="590.1")


def test_cpu_model() -> None:
    text = "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i7-9700K  CPU @ 3.60GHz\n"
    assert cpu_model(text) == "Intel Core i7-9700K CPU @ 3.60GHz"
    assert cpu_model("processor : 0\n") == "unknown CPU"


def test_this_host_is_the_same_at_every_look() -> None:
    nvml = Nvml()
    first, second = inspect_host("a", nvml), inspect_host("b", nvml)
    assert first.hardware_class == second.hardware_class
    assert first.hardware_class.startswith(f"{first.cpu_model} x{first.cpu_physical_cores}, ")
    assert first.host_id == "a"
    assert first.ram_mib is not None
    assert first.ram_mib > 0
    assert first.seen_at <= second.seen_at
