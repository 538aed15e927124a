"""llama-perplexity's command line and output; the logs are of the build of 2026-11 on a CPU.

SmolLM2-135M Q4_0 against Q8_0, four chunks; `nan` with a scale of the output overwritten,
`cut-logits` and `other-vocabulary` with a damaged file of the baseline.
"""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.memory.server import ServerShape
from orchestrator.quality import check_perplexity, scoring
from tests.unit.orchestrator_samples import planned, request
from warehouse.errors import ConfigError
from workers.contract import LaunchRequest
from workers.engine.config import EngineConfig
from workers.engine.flags import parse_help, pinned_flags
from workers.failures import CellFailed, FailureClass
from workers.workloads.perplexity.arguments import known_only, tool_arguments
from workers.workloads.perplexity.config import SHIPPED, PerplexityConfig
from workers.workloads.perplexity.corpus import find_corpus, with_hash
from workers.workloads.perplexity.logits import is_whole, logits_bytes, most_chunks
from workers.workloads.perplexity.output import (
    Figures,
    finite,
    invalid_reason,
    parse_output,
    trouble,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "perplexity"
KNOWN = parse_help((FIXTURES / "help.txt").read_text())
CONFIG = PerplexityConfig()
SHIPPED_SHA256 = "6724d2c178ea921a96e779c5e59fa3120376f66d70b95e07a743f09d00a9fbb2"


def log(name: str) -> list[str]:
    return (FIXTURES / f"{name}.log").read_text().splitlines()


def test_a_plain_run() -> None:
    figures = parse_output(log("plain"))
    assert figures.chunks == 4
    assert (figures.perplexity, figures.perplexity_se) == (26.4721, 2.32634)
    assert figures.kld_mean_nats is None
    assert trouble(log("plain"), 0, compared=False, chunk_context=512) is None
    assert invalid_reason(figures, compared=False) is None


def test_a_comparison() -> None:
    figures = parse_output(log("compared"))
    assert figures == Figures(
        chunks=4,
        perplexity=30.885638,
        perplexity_se=2.629139,
        baseline_perplexity=26.449625,
        kld_mean_nats=0.222771,
        kld_mean_se_nats=0.004826,
        kld_median_nats=0.186947,
        kld_p99_nats=0.772707,
        kld_max_nats=1.577482,
        same_top_pct=72.157,
        same_top_se_pct=1.404,
        p_change_mean_pct=-3.528,
        p_change_rms_pct=9.946,
    )
    assert trouble(log("compared"), 0, compared=True, chunk_context=512) is None
    assert invalid_reason(figures, compared=True) is None
    assert finite(figures) == figures


@pytest.mark.parametrize(("name", "compared"), [("nan", False), ("nan-compared", True)])
def test_nan_is_a_figure_that_does_not_count(name: str, compared: bool) -> None:
    figures = parse_output(log(name))
    assert figures.perplexity is not None
    assert math.isnan(figures.perplexity)
    assert trouble(log(name), 0, compared=compared, chunk_context=512) is None
    assert invalid_reason(figures, compared=compared) == "perplexity is nan"
    assert finite(figures).perplexity is None
    assert finite(figures).chunks == figures.chunks


@pytest.mark.parametrize(
    ("name", "failure_class", "reason"),
    [
        ("too-short", FailureClass.BAD_ARGS, "only 642 tokens"),
        ("other-vocabulary", FailureClass.BAD_ARGS, "another vocabulary"),
        ("cut-logits", FailureClass.CRASH, "logits cannot be read"),
    ],
)
def test_what_ends_with_0_and_has_no_figures(
    name: str, failure_class: FailureClass, reason: str
) -> None:
    found = trouble(log(name), 0, compared=name != "too-short", chunk_context=512)
    assert found is not None
    assert (found.failure_class, reason in found.reason) == (failure_class, True), found.reason


def test_a_comparison_without_statistics() -> None:
    lines = [line for line in log("compared") if "KLD" not in line and "PPL(" not in line]
    found = trouble(lines, 0, compared=True, chunk_context=16)
    assert found is not None
    assert found.failure_class is FailureClass.BAD_ARGS
    assert "too few tokens" in found.reason
    lost = trouble(lines, 0, compared=True, chunk_context=512)
    assert lost is not None
    assert lost.failure_class is FailureClass.CRASH
    assert invalid_reason(replace(parse_output(log("compared")), kld_mean_nats=None), compared=True)


def test_a_batch_that_cannot_be_decoded() -> None:
    lines = ["0.01.000.000 I perplexity : failed to decode"]
    found = trouble(lines, 0, compared=False, chunk_context=512)
    assert found is not None
    assert found.failure_class is FailureClass.CRASH
    lines.insert(0, "0.00.900.000 E ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer")
    found = trouble(lines, 0, compared=False, chunk_context=512)
    assert found is not None
    assert found.failure_class is FailureClass.OOM_RUN


def test_an_end_by_an_error_is_for_the_classes_of_failures() -> None:
    assert trouble([], 1, compared=False, chunk_context=512) is None
    found = trouble([], 0, compared=False, chunk_context=512)
    assert found is not None
    assert found.failure_class is FailureClass.CRASH


def asked(**engine: object) -> LaunchRequest:
    cell = planned()
    return request(cell, engine=replace(cell.engine, **engine))  # type: ignore[arg-type]


def test_the_flags_are_those_of_the_server_as_far_as_it_has_them() -> None:
    own = asked(args=["--rope-freq-base", "-1", "--slots", "--numa", "distribute"])
    words = tool_arguments(own, CONFIG, KNOWN)
    assert set(pinned_flags(words)) <= KNOWN
    text = " ".join(words)
    for part in (
        "--ctx-size 512", "--cache-type-k f16", "--flash-attn on", "--ubatch-size 512",
        "--device none", "--rope-freq-base -1", "--numa distribute", "--log-verbosity 4",
    ):  # fmt: skip
        assert part in text
    assert "--parallel" not in text
    assert "--slots" not in text
    assert "--ctx-checkpoints" not in text


def test_devices_and_split() -> None:
    two = replace(asked(), devices=("CUDA0", "CUDA1"), tensor_split=(14.0, 10.0))
    text = " ".join(tool_arguments(two, CONFIG, KNOWN))
    assert "--device CUDA0,CUDA1 --n-gpu-layers all --split-mode layer" in text
    assert "--tensor-split 14,10" in text


def test_a_flag_that_is_not_known_goes_with_its_value() -> None:
    assert known_only(["--a", "1", "--b", "-2", "--c"], {"--b", "--c"}) == ["--b", "-2", "--c"]


def test_the_shipped_text_is_the_one_that_its_name_says() -> None:
    """Another text needs another name: figures of both would count as one."""
    corpus = find_corpus(with_hash(CONFIG))
    assert (corpus.name, corpus.sha256) == (SHIPPED, SHIPPED_SHA256)


def test_a_text_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "wiki.txt"
    path.write_text("words")
    config = with_hash(PerplexityConfig(corpus=str(path)))
    assert find_corpus(config).name == "wiki.txt"
    path.write_text("other words")
    with pytest.raises(CellFailed) as failed:
        find_corpus(config)
    assert failed.value.failure.failure_class is FailureClass.MISSING_MODEL
    assert "another text" in str(failed.value)
    path.unlink()
    with pytest.raises(CellFailed, match="no text at"):
        find_corpus(config)
    with pytest.raises(ConfigError, match="corpus_sha256"):
        with_hash(PerplexityConfig(corpus=str(tmp_path / "nowhere.txt")))


def test_the_size_of_a_file_of_logits(tmp_path: Path) -> None:
    """Of the recorded run: 4 chunks of 512 with SmolLM2's vocabulary."""
    assert logits_bytes(512, 49152, 4) == 100286452
    assert most_chunks(30_000, 512, None) == 20
    assert most_chunks(30_000, 512, 3) == 3
    path = tmp_path / "x.logits"
    assert not is_whole(path)
    path.write_bytes(b"_logits_" + (16).to_bytes(4, "little") + (3).to_bytes(4, "little"))
    assert not is_whole(path)
    whole = path.read_bytes() + (1).to_bytes(4, "little")
    whole += bytes(logits_bytes(16, 3, 1) - len(whole))
    path.write_bytes(whole)
    assert is_whole(path)
    path.write_bytes(whole[:-1])
    assert not is_whole(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"chunk_context": 8192}, "chunk_context=8192"),
        ({"chunks": 0}, "chunks=0"),
        ({"logits_gib": -1.0}, "logits_gib=-1"),
        ({"corpus": "unheard-of"}, "corpus=unheard-of"),
    ],
)
def test_what_is_wrong_on_the_command(changes: dict[str, object], says: str) -> None:
    workload = replace(CONFIG, **changes)  # type: ignore[arg-type]
    engine = EngineConfig(perplexity_binary="/somewhere/llama-perplexity")
    with pytest.raises(ConfigError, match=says):
        check_perplexity(workload, engine, 4096)


def test_a_package_without_the_tool_is_wrong_on_every_host() -> None:
    with pytest.raises(ConfigError, match="perplexity_binary"):
        check_perplexity(CONFIG, EngineConfig(binary="package:json"), 4096)
    elsewhere = EngineConfig(binary="/only/there/llama-server")
    assert check_perplexity(CONFIG, elsewhere, 4096).corpus_sha256 == SHIPPED_SHA256


@pytest.mark.parametrize(
    ("batch", "chunk", "context", "parallel", "outputs"),
    [(2048, 512, 2048, 4, 1024), (2048, 768, 1536, 2, 768), (512, 4096, 4096, 1, 512 + 2048)],
)
def test_what_it_makes_of_a_servers_memory(
    batch: int, chunk: int, context: int, parallel: int, outputs: int
) -> None:
    made = scoring(ServerShape(131072, batch=batch), chunk)
    assert (made.context, made.parallel, made.outputs) == (context, parallel, outputs)
    assert made.batch <= context
