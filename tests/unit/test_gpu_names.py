import pytest

from orchestrator.gpu_names import names_match, short_name


@pytest.mark.parametrize(
    ("wanted", "description"),
    [
        ("RTX 3060", "NVIDIA GeForce RTX 3060"),
        ("rtx3060", "NVIDIA GeForce RTX 3060"),
        ("GeForce RTX 3060", "NVIDIA GeForce RTX 3060"),
        ("NVIDIA GeForce RTX 3060", "NVIDIA GeForce RTX 3060"),
        ("RTX 3060 Ti", "NVIDIA GeForce RTX 3060 Ti"),
        ("RTX 3060Ti", "NVIDIA GeForce RTX 3060 Ti"),
        ("H100", "NVIDIA H100 80GB HBM3"),
        ("H100 80GB", "NVIDIA H100 80GB HBM3"),
        ("A100", "NVIDIA A100-SXM4-80GB"),
        ("GTX 1060", "NVIDIA GeForce GTX 1060 6GB"),
        ("P40", "Tesla P40"),
        ("RX 7900 XTX", "AMD Radeon RX 7900 XTX (RADV NAVI31)"),
        ("A770", "Intel(R) Arc(tm) A770 Graphics (DG2)"),
    ],
)
def test_a_card_is_found_by_the_name_that_people_use(wanted: str, description: str) -> None:
    assert names_match(wanted, description)


@pytest.mark.parametrize(
    ("wanted", "description"),
    [
        ("RTX 3060", "NVIDIA GeForce RTX 3060 Ti"),
        ("RTX 3060 Ti", "NVIDIA GeForce RTX 3060"),
        ("RTX 3060", "NVIDIA GeForce RTX 3060 Laptop GPU"),
        ("RTX 4070", "NVIDIA GeForce RTX 4070 SUPER"),
        ("RTX 4000", "NVIDIA RTX 4000 Ada Generation"),
        ("RX 7900 XT", "AMD Radeon RX 7900 XTX"),
        ("3060", "NVIDIA GeForce RTX 3060"),
        ("RTX 306", "NVIDIA GeForce RTX 3060"),
        ("Radeon RTX 3060", "NVIDIA GeForce RTX 3060"),
        ("GTX 1060 3GB", "NVIDIA GeForce GTX 1060 6GB"),
        ("H100 80GB", "NVIDIA H100 NVL"),
        ("NVIDIA", "NVIDIA GeForce RTX 3060"),
    ],
)
def test_a_card_is_never_taken_for_another_model(wanted: str, description: str) -> None:
    assert not names_match(wanted, description)


@pytest.mark.parametrize(
    ("description", "short"),
    [
        ("NVIDIA GeForce RTX 3060", "RTX 3060"),
        ("NVIDIA H100 80GB HBM3", "H100 80GB HBM3"),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", "RX 7900 XTX"),
        ("Intel(R) Arc(tm) A770 Graphics (DG2)", "A770 Graphics"),
        ("NVIDIA", "NVIDIA"),
    ],
)
def test_a_short_name_leaves_maker_and_brand_out_and_still_matches(
    description: str, short: str
) -> None:
    assert short_name(description) == short
    assert names_match(short, description) == (short != "NVIDIA")
