"""Before anything is measured: one prompt of a full batch and a few tokens, not recorded.

The server's own warm-up decodes one tiny batch, after which the first large one still compiles
kernels (ggml-org/llama.cpp pull 21282; Vulkan: 791 against 6550 tok/s).
"""

from workers.workloads.base import Bench
from workers.workloads.prompts import Prompts

WARM_UP_PREDICT = 4


def warm_up(bench: Bench, prompts: Prompts) -> None:
    """Warm slot 0 up, unless cancelled; what it leaves there is for the caller to erase.

    Raises:
        CellFailed: a request failed.
        ConnectionLost: the server went away.
    """
    if bench.cancelled.is_set():
        return
    size = min(bench.batch_size, bench.context - WARM_UP_PREDICT - 1)
    bench.client.erase()
    bench.client.complete(
        prompts.make(max(1, size), "warm-up"),
        n_predict=WARM_UP_PREDICT,
        cache_prompt=True,
        seed=prompts.seed,
        among=prompts.plain,
    )
