import pytest

from orchestrator.memory.tables import CONTEXTS, Section, contexts, memory_sections
from tests import gpu_table
from workers.models.header import read_header
from workers.models.shape import model_shape

MEASURED = {("q8_0", "q4_0", 131072): 1248.0, ("f16", "f16", 4096): 96.0}


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Section]:
    """Of the architecture of the hand-written records."""
    path = gpu_table.write_model(tmp_path_factory.mktemp("model") / "m.gguf")
    shape = model_shape(read_header(path))
    return {section.name: section for section in memory_sections(shape, MEASURED)}


def test_the_first_record_s_table_is_computed(sections: dict[str, Section]) -> None:
    """KiB a token, then MiB at 32k, 64k, 128k, 196k (196,608) and the native 262,144."""
    columns = sections["kv_mib"].columns
    computed = [
        [value for name, value in row if not name.endswith("_measured")]
        for row in (zip(columns, row, strict=True) for row in sections["kv_mib"].rows)
    ]
    assert computed == [
        ["f16/f16", 24, 768, 1536, 3072, 4608, 6144],
        ["q8_0/q8_0", 12.75, 408, 816, 1632, 2448, 3264],
        ["q8_0/q4_0", 9.75, 312, 624, 1248, 1872, 2496],
        ["q4_0/q4_0", 6.75, 216, 432, 864, 1296, 1728],
    ]


def test_what_was_measured_stands_beside_it(sections: dict[str, Section]) -> None:
    section = sections["kv_mib"]
    assert section.columns[2:] == (
        *("32768", "65536", "131072", "131072_measured", "196608", "262144"),
    )
    assert [row[5] for row in section.rows] == [None, None, 1248.0, None]


def test_every_cache_type_has_its_kib_a_token(sections: dict[str, Section]) -> None:
    per_token = {row[0]: row[1:] for row in sections["kib_per_token"].rows}
    assert per_token["q8_0"] == (6.375, 6.375, 12.75)
    assert per_token["iq4_nl"] == per_token["q4_0"] == (3.375, 3.375, 6.75)
    assert len(per_token) == 9


def test_layers_and_weights_are_summed_by_kind(sections: dict[str, Section]) -> None:
    assert sections["layers"].rows == (
        ("recurrent", 36, 0, 0, 0, 0, 2144),
        ("full attention", 12, 2, 256, 256, 0, 0),
    )
    mix = {row[0]: row[1] for row in sections["quant_mix"].rows}
    assert mix["IQ3_S"] == 15840
    assert sum(float(str(row[2])) for row in sections["quant_mix"].rows) == pytest.approx(100)


def test_contexts_end_at_the_native_one() -> None:
    assert contexts(0) == CONTEXTS
    assert contexts(8192) == (8192,)
    assert contexts(65536) == (32768, 65536)
    assert contexts(1_048_576) == (*CONTEXTS, 1_048_576)
