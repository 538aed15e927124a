#!/usr/bin/env -S python3 -E -S
"""A fake llama-bench: results as asked for, at the speeds in FAKE_LLAMA; see llama_server.py.

bench_exit      text on standard error of a run that fails with exit code 1
bench_silent    true: never ends
bench_short     true: leaves out the last test
"""

import json
import os
import sys
import time

FLAGS = (
    "--load-mode --no-kv-offload --no-op-offload --repack --flash-attn --n-prompt --n-gen --n-depth"
)


def result(prompt: int, gen: int, depth: int, repetitions: int, tok_s: float) -> dict[str, object]:
    ns = int((prompt or gen) / tok_s * 1e9)
    return {
        "build_commit": "7e4c0a9",
        "build_number": 11434,
        "n_prompt": prompt,
        "n_gen": gen,
        "n_depth": depth,
        "test_time": "2026-03-01T12:00:00Z",
        "samples_ns": [ns] * repetitions,
    }


def main() -> None:
    if "--help" in sys.argv:
        print("\n".join(f"  {flag} <n>   (default)" for flag in FLAGS.split()))
        return
    given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    behaviour = json.loads(os.environ.get("FAKE_LLAMA", "{}"))
    if "bench_exit" in behaviour:
        print(behaviour["bench_exit"], file=sys.stderr)
        sys.exit(1)
    if behaviour.get("bench_silent"):
        time.sleep(3600)
    sizes = [int(size) for size in given["--n-prompt"].split(",")]
    tests = [
        test
        for depth in given["--n-depth"].split(",")
        for test in (
            *((size, 0, int(depth), behaviour.get("pp_tok_s") or 100.0) for size in sizes),
            (0, int(given["--n-gen"]), int(depth), behaviour.get("tg_tok_s") or 10.0),
        )
    ]
    for test in tests[: len(tests) - bool(behaviour.get("bench_short"))]:
        prompt, gen, depth, tok_s = test
        print(json.dumps(result(prompt, gen, depth, int(given["--repetitions"]), tok_s)))


if __name__ == "__main__":
    main()
