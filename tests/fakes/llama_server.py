#!/usr/bin/env -S python3 -E -S
"""A fake llama-server for tests: the same command line, log lines and HTTP contract, no model.

How it behaves is JSON, or the path of a JSON file, in the environment variable FAKE_LLAMA:

pp_tok_s, tg_tok_s      speeds, tokens per second; 0 (default) is instantaneous
pp_slower, tg_slower    how much longer a token takes for each 1000 in the cache, times its time
jitter_pct              standard deviation of the times of requests, percent; `seed` changes it
total_tok_s             most tokens per second of all slots together
throttle_while, throttle_factor   a path and a factor on both speeds while it exists
crowd, crowd_factor     a folder, the same for all servers of a host, and by how much each other one
                        that runs slows this one (0.1: a tenth)
start_delay_s           time to load
never_ready             true: listens, but /health says 503 for ever
fail_start              text that the start fails with, after the model was loaded
oom_above_context       largest context that memory holds, tokens
exit_code               exit code of that start (default 1)
crash_after_requests    completions to answer; the next one ends the process by SIGABRT
crash_in_stream         tokens to stream in a completion before SIGABRT
oom_at_run              text logged before such a SIGABRT; without the two above, at the first
hang_in_request         number of the completion, from 1, that never answers
error_500               number of the completion, from 1, that answers 500
bos                     a token before every text; without, there is none
truncate                true: every answer says that it is truncated
leak_mib                memory that each completion takes for ever
cache_n_lie             added to the true cache_n
lie_from                number of the completion, from 1, that this starts with
token_bytes             what a saved slot takes for each token (default 1000)
restores_nothing        true: a restored slot says that it holds its tokens, and none is reused
ignore_sigterm          true: only SIGKILL ends it
devices                 {"CUDA0": ["NVIDIA GeForce RTX 3060", total_mib, free_mib], ...}
remove_flags            flags that this build does not know
chat                    what it answers in conversations: `tests.fakes.chat`
"""

import os
import sys

# -S -E: no site packages, so that it starts in milliseconds.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from tests.fakes.server import main

if __name__ == "__main__":
    main()
