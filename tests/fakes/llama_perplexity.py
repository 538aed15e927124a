#!/usr/bin/env -S python3 -E -S
"""A fake llama-perplexity: figures as asked for by JSON in FAKE_LLAMA; see llama_server.py.

ppl             perplexity that it prints (default 20.5)
ppl_exit        text of an error, of a run that fails with exit code 1
ppl_exit_of     part of a model's path: only runs of that model fail so
ppl_silent      true: never ends
ppl_cut         true: a file of logits lacks its end, as on a full disk
ppl_says        text that it prints in place of figures
"""

import json
import os
import struct
import sys
import time

FLAGS = (
    "--model --ctx-size --cache-type-k --cache-type-v --threads --threads-batch --device "
    "--n-gpu-layers --batch-size --ubatch-size --flash-attn --file --chunks --kl-divergence "
    "--kl-divergence-base --save-all-logits --log-verbosity --log-prefix --log-timestamps "
    "--log-colors --fit --kv-unified --no-kv-unified --load-mode"
)
VOCABULARY = 100


def main() -> None:
    if "--help" in sys.argv:
        print("\n".join(f"{flag}  N" for flag in FLAGS.split()))
        return
    if "--version" in sys.argv:
        print("version: 11434 (7e4c0a9)")
        return
    behaviour = json.loads(os.environ.get("FAKE_LLAMA", "{}"))
    model = value("--model")
    if behaviour.get("ppl_silent"):
        time.sleep(3600)
    if "ppl_exit" in behaviour and behaviour.get("ppl_exit_of", "") in model:
        print("0.00.000.001 E", behaviour["ppl_exit"], file=sys.stderr)
        sys.exit(1)
    if "ppl_says" in behaviour:
        print(behaviour["ppl_says"])
        return
    score(behaviour)


def value(flag: str) -> str:
    return sys.argv[sys.argv.index(flag) + 1] if flag in sys.argv else ""


def score(behaviour: dict[str, object]) -> None:
    ppl, base = behaviour.get("ppl", 20.5), value("--kl-divergence-base")
    if "--kl-divergence" not in sys.argv:
        chunks = int(value("--chunks") or 3)
        print(f"0.00.000.001 I perplexity: calculating perplexity over {chunks} chunks, n_ctx=512")
        print(f"0.00.000.002 I Final estimate: PPL = {ppl} +/- 0.5")
        if base:
            write_logits(base, int(value("--ctx-size")), chunks, cut=bool(behaviour.get("ppl_cut")))
        return
    with open(base, "rb") as file:
        _, vocabulary, chunks = struct.unpack("<Iii", file.read(20)[8:])
    assert vocabulary == VOCABULARY
    print(f"0.00.000.001 I kl_divergence: computing over {chunks} chunks, n_ctx=512")
    print(f"Mean PPL(Q)                   :  {ppl} ±   0.4")
    print("Mean PPL(base)                :  20.0 ±   0.4")
    print("Mean    KLD:   0.25 ±   0.01\n99.0%   KLD:   0.75\nMedian  KLD:   0.125")
    print("Maximum KLD:   1.5\nMean    Δp: -3.5 ± 0.25 %\nRMS Δp    :  9.5 ± 0.5 %")
    print("Same top p: 72.0 ± 1.5 %")


def write_logits(path: str, chunk_context: int, chunks: int, *, cut: bool) -> None:
    scored = chunk_context - 1 - chunk_context // 2
    row = 2 * (2 * ((VOCABULARY + 1) // 2) + 4)
    size = chunks * (4 * chunk_context + scored * row)
    with open(path, "wb") as file:
        file.write(b"_logits_" + struct.pack("<Iii", chunk_context, VOCABULARY, chunks))
        file.write(bytes(size // 2 if cut else size))


if __name__ == "__main__":
    main()
