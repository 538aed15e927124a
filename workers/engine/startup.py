"""What a build says of itself when it starts: CPU features, back ends, FlashAttention kernels."""

import os
import subprocess

from warehouse.errors import EngineError
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.engine.environment import scrub
from workers.engine.log import system_info
from workers.engine.spawn import spawn

_TIME_LIMIT_S = 30.0


def startup_info(build: EngineBuild, engine: EngineConfig) -> dict[str, str]:
    """Facts of the line `system_info`, from a start that ends at once for want of a model.

    Raises:
        EngineError: it does not end.
    """
    command = [
        *(str(build.path), "--model", os.devnull, "--log-verbosity", "4"),
        *("--host", "127.0.0.1", "--port", "0"),
    ]
    process = spawn(command, env=scrub(os.environ, engine.env))
    try:
        said, _ = process.communicate(timeout=_TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise EngineError(f"{build.path} does not end without a model") from None
    return system_info(said.decode(errors="replace").splitlines())
