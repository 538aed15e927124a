"""The workload concurrency on a fake server of known speed and slots, and on the real one."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.launches import cells_of, launch, rows_of
from warehouse import rows
from workers.contract import CellDone, LaunchReady, TrialDone
from workers.engine.config import EngineConfig
from workers.failures import FailureClass
from workers.workloads.concurrency.config import ConcurrencyConfig
from workers.workloads.speed.config import SpeedConfig

FakeServer = Callable[..., EngineConfig]
SHORT = ConcurrencyConfig(
    streams=[1, 2, 4], requests=2, prompt_size=32, n_predict=20, repetitions=1
)
LONG = replace(SHORT, streams=[4], n_predict=400)
SPEED = SpeedConfig(prompt_sizes=[64], n_predict=8, repetitions=1)


def totals(cell: CellDone) -> dict[int, float | None]:
    return {step.streams: step.total_tok_s for step in rows_of(cell, rows.LoadStep)}


def test_known_speeds_are_recovered(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    """Each slot makes 100 tokens a second, all together at most 200: two streams are enough."""
    engine = replace(fake_server(tg_tok_s=100, total_tok_s=200, bos=1), parallel=4)
    config = replace(SHORT, requests=3, n_predict=40)
    events = list(launch(engine, any_model, tmp_path, config))
    (cell,) = cells_of(iter(events))
    assert (cell.status, cell.failure) == ("ok", None)
    found = totals(cell)
    # 40 tokens a request take 39 gaps; the prompt takes no time
    for streams, gap_s in ((1, 0.01), (2, 0.01), (4, 0.02)):
        assert found[streams] == pytest.approx(streams * 40 / (39 * gap_s), rel=0.1)
    requests = rows_of(cell, rows.Request)
    assert len(requests) == (1 + 2 + 4) * 3
    assert all(row.valid and row.cache_n == 0 and row.error is None for row in requests)
    told = [event for event in events if isinstance(event, TrialDone)]
    assert [(event.done, event.total) for event in told] == [(1, 3), (2, 3), (3, 3)]


def test_more_streams_than_slots_queue(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    """Two slots, four streams: the second pair waits for the 190 ms that the first takes."""
    engine = replace(fake_server(tg_tok_s=100), parallel=2)
    config = replace(SHORT, streams=[4], requests=1)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config))
    waits = sorted(row.queue_ms or 0.0 for row in rows_of(cell, rows.Request))
    assert len(waits) == 4
    assert waits[1] < 100
    assert waits[2] >= 190
    for row in rows_of(cell, rows.Request):
        assert row.ttft_ms is not None
        assert row.queue_ms is not None
        assert row.ttft_ms >= row.queue_ms
        assert row.scheduled_ms == 0
        assert 0 <= row.sent_ms < 100


def test_a_stream_goes_on_when_its_last_request_has_ended(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake_server(tg_tok_s=200), parallel=2)
    config = replace(SHORT, streams=[2], requests=3)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config))
    for stream in (1, 2):
        first, *later = [row for row in rows_of(cell, rows.Request) if row.stream == stream]
        assert first.scheduled_ms == 0
        before = first
        for row in later:
            assert row.scheduled_ms == before.ended_ms
            assert row.sent_ms >= row.scheduled_ms
            before = row


def test_errors_are_counted_and_the_others_go_on(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    # 1: warm-up; 2, 3: warm-up of two streams; 4 to 9: three requests of each
    engine = replace(fake_server(error_500=6), parallel=2)
    config = replace(SHORT, streams=[2], requests=3)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, config))
    assert cell.status == "ok"
    (step,) = rows_of(cell, rows.LoadStep)
    assert (step.requests, step.errors) == (6, 1)
    (error,) = [row.error for row in rows_of(cell, rows.Request) if row.error]
    assert error == "server_error: the fake was told to fail"


def test_nothing_but_errors_fails_the_cell(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake_server(error_500=4), parallel=1)
    config = replace(SHORT, streams=[1], requests=1, repetitions=2)
    # 1, 2: warm-ups; 3: the first repetition; 4: the second one
    first, second = cells_of(launch(engine, any_model, tmp_path, config, SPEED))
    assert first.failure is not None
    assert first.failure.failure_class is FailureClass.REQUEST_ERROR
    assert [row.error is None for row in rows_of(first, rows.Request)] == [True, False]
    assert second.status == "ok"


def test_hidden_cache_hits_make_a_step_invalid(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake_server(cache_n_lie=3), parallel=2)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, replace(SHORT, streams=[2])))
    (step,) = rows_of(cell, rows.LoadStep)
    assert (step.valid, step.total_tok_s) == (False, None)
    assert step.invalid_reason == "cache_n is 3, asked for 0"


def test_a_server_that_dies_under_load_is_one_failed_cell(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    engine = replace(fake_server(crash_in_stream=6, tg_tok_s=200), parallel=4)
    config = replace(SHORT, streams=[4])
    first, second = cells_of(launch(engine, any_model, tmp_path, config, SPEED))
    assert first.failure is not None
    assert (first.status, first.failure.failure_class) == ("failed", FailureClass.CRASH)
    assert "SIGABRT" in first.failure.reason
    assert rows_of(first, rows.LoadStep) == []
    assert second.failure is not None
    assert second.failure.reason == "server died in an earlier cell"
    assert not _stream_threads()


def test_requests_that_ended_before_a_crash_are_rows(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    # 1: warm-up; 2 to 5: warm-up of four streams; 6 to 9 end, and one of the next four is too many
    engine = replace(fake_server(crash_after_requests=12, tg_tok_s=100), parallel=4)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, replace(SHORT, streams=[4])))
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.CRASH
    ended = rows_of(cell, rows.Request)
    assert [(row.stream, row.request) for row in ended] == [(n, 1) for n in range(1, 5)]
    assert all(row.valid for row in ended)


def test_a_stream_that_hangs_ends_all(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    """The others would go on for 40 s."""
    # 1: warm-up; 2 to 5: warm-up of four streams; then one of the four hangs
    engine = replace(fake_server(hang_in_request=7, tg_tok_s=10), parallel=4, request_timeout_s=0.5)
    (cell,) = cells_of(launch(engine, any_model, tmp_path, LONG))
    assert cell.failure is not None
    assert cell.failure.failure_class is FailureClass.RUN_TIMEOUT
    assert (cell.ended_at - cell.started_at).total_seconds() < 20
    assert not _stream_threads()


def test_cancelled_with_several_streams(
    fake_server: FakeServer, any_model: Path, tmp_path: Path
) -> None:
    """Four requests of 40 s each are dropped at once, and the server stops cleanly."""
    cancelled = threading.Event()
    engine = replace(fake_server(tg_tok_s=10), parallel=4)
    cells = []
    timer = threading.Timer(1.5, cancelled.set)  # the warm-ups take half a second
    for event in launch(engine, any_model, tmp_path, LONG, SPEED, cancelled=cancelled):
        if isinstance(event, LaunchReady):
            timer.start()
        if isinstance(event, CellDone):
            cells.append(event)
    assert [(cell.status, cell.failure) for cell in cells] == [("cancelled", None)] * 2
    assert rows_of(cells[0], rows.LoadStep) == []
    assert (cells[0].ended_at - cells[0].started_at).total_seconds() < 10
    assert not _stream_threads()


def _stream_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "stream" in thread.name]


@pytest.fixture
def light_engine(real_engine: EngineConfig) -> EngineConfig:
    """The real server with a short warm-up and no spinning: such tests share their machine."""
    return replace(real_engine, threads=1, poll=0, batch_size=64, parallel=4)


@pytest.mark.timeout(240)
def test_the_real_server(light_engine: EngineConfig, real_model: Path, tmp_path: Path) -> None:
    config = replace(SHORT, prompt_size=16, n_predict=12)
    (cell,) = cells_of(launch(light_engine, real_model, tmp_path, config, context=1024))
    assert (cell.status, cell.failure) == ("ok", None)
    steps = {step.streams: step for step in rows_of(cell, rows.LoadStep)}
    assert steps.keys() == {1, 2, 4}
    for streams, step in steps.items():
        assert (step.valid, step.invalid_reason, step.errors) == (True, None, 0)
        assert (step.slots, step.requests) == (4, 2 * streams)
        assert step.busy_n is not None
        assert 12 <= step.busy_n <= 2 * 12 * streams
    requests = rows_of(cell, rows.Request)
    assert len(requests) == 2 * (1 + 2 + 4)
    for row in requests:
        assert (row.valid, row.cache_n, row.prompt_n, row.predicted_n) == (True, 0, 16, 12)
        assert row.queue_ms is not None
        assert row.ttft_ms is not None
        assert row.prompt_ms is not None
        assert 0 <= row.queue_ms <= row.ttft_ms
        assert row.first_token_ms is not None
        assert row.last_token_ms is not None
        assert row.sent_ms < row.first_token_ms < row.last_token_ms <= row.ended_ms


@pytest.mark.timeout(240)
def test_slots_that_share_a_cache_on_the_real_server(
    light_engine: EngineConfig, real_model: Path, tmp_path: Path
) -> None:
    """4 requests of 44 tokens fit 256 shared ones, and each slot says that it has them all."""
    engine = replace(light_engine, kv_unified=True)
    config = replace(SHORT, streams=[4], requests=2, n_predict=12)
    (cell,) = cells_of(launch(engine, real_model, tmp_path, config, context=256))
    assert (cell.status, cell.failure) == ("ok", None)
    assert all(row.valid for row in rows_of(cell, rows.Request))
