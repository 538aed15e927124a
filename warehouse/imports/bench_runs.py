"""From llama-bench's tests to runs: one for each configuration that it went through. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from warehouse import rows
from warehouse.canonical import canonical
from warehouse.imports.bench_setup import hardware_of, host_row, model_row, setup_of
from warehouse.imports.llama_bench import SOURCE, BenchTest
from warehouse.imports.making import make_run, make_trial
from warehouse.imports.runs import Given, Imported, Measurement, Run


def bench_import(tests: Sequence[BenchTest], form: str, import_id: str, given: Given) -> Imported:
    """The runs of a file.

    Args:
        tests: in the file's order.
        form: csv, json, jsonl, sql or sqlite.
        import_id: identity of the import.
        given: what the file does not tell.
    """
    runs = [_run(group, import_id, given) for group in group_tests(tests)]
    first = {hardware_of(t.config): t for t in reversed(tests)}
    models = {str(t.config.get("model_filename", "")): t for t in reversed(tests)}
    return Imported(
        source=SOURCE,
        form=form,
        runs=tuple(runs),
        hosts=tuple(host_row(test, given) for test in first.values()),
        models=tuple(model_row(test, given) for name, test in models.items() if name),
    )


def group_tests(tests: Iterable[BenchTest]) -> list[list[BenchTest]]:
    """Tests of one configuration, which llama-bench ran in one process, in the file's order.

    A test that comes again is of another process: a database grows with each.
    """
    groups: list[list[BenchTest]] = []
    latest: dict[str, list[BenchTest]] = {}
    for test in tests:
        key = canonical(dict(test.config))
        group = latest.get(key)
        if group is None or any(_asked(each) == _asked(test) for each in group):
            group = latest[key] = []
            groups.append(group)
        group.append(test)
    return groups


def _asked(test: BenchTest) -> tuple[int, int, int]:
    return test.n_prompt, test.n_gen, test.n_depth


def _run(tests: Sequence[BenchTest], import_id: str, given: Given) -> Run:
    trials = bench_trials(tests)
    first = tests[0]
    measured = Measurement(
        workload="depth_curve" if any(each.n_depth for each in tests) else "speed",
        config={
            "tool": SOURCE,
            "tests": [[each.n_prompt, each.n_gen, each.n_depth] for each in tests],
        },
        first=[dict(first.config), first.started_at.isoformat(), first.step, first.n_depth],
        started_at=trials[0].started_at,
        ended_at=max(each.ended_at for each in trials),
    )
    setup = setup_of(
        first,
        # llama-bench makes its context as large as each test needs; the largest of them.
        context=max(each.tokens + each.n_depth for each in tests),
        given=given,
    )
    return make_run(setup, measured, import_id, children=trials)


def bench_trials(tests: Iterable[BenchTest]) -> list[rows.Trial]:
    """A trial for each repetition, in the order in which they ran; of an average one."""
    trials: list[rows.Trial] = []
    for test in tests:
        start = test.started_at
        for number, ns in enumerate(test.samples_ns, start=1):
            end = start + timedelta(microseconds=ns / 1000)
            trials.append(
                make_trial(
                    **_speed(test, ns),
                    step=test.step,
                    kind=test.kind,
                    depth=test.n_depth,
                    repetition=number,
                    run_order=len(trials) + 1,
                    averaged=test.averaged or None,
                    sd_tok_s=test.sd_tok_s,
                    started_at=start,
                    ended_at=end,
                    source=SOURCE,
                )
            )
            start = end
    return trials


def _speed(test: BenchTest, ns: float) -> dict[str, object]:
    """What the time of a repetition says: its whole time over all of its tokens."""
    tok_s = test.tokens / ns * 1e9 if ns else None
    is_prompt, is_generation = test.kind == "pp", test.kind == "tg"
    return {
        "prompt_n_asked": test.n_prompt,
        "predicted_n_asked": test.n_gen,
        "prompt_n": test.n_prompt or None,
        "predicted_n": test.n_gen or None,
        "prompt_ms": ns / 1e6 if is_prompt else None,
        "predicted_ms": ns / 1e6 if is_generation else None,
        "total_ms": ns / 1e6,
        "pp_tok_s": tok_s if is_prompt else None,
        "tg_tok_s": tok_s if is_generation else None,
        "valid": ns > 0,
        "invalid_reason": None if ns > 0 else "no time",
        "energy_reason": SOURCE,
    }
