"""Servers for tests."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.engine.build import probe
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments
from workers.engine.process import LlamaServer


@dataclass
class Servers:
    """Starts servers in a folder of their own, and kills them when the test is over."""

    folder: Path
    started: list[LlamaServer] = field(default_factory=list)

    def make(self, engine: EngineConfig, model: Path, **settings: Any) -> LlamaServer:
        """Settings are those of `server_arguments`; a small context of f16 on the CPU if none."""
        build = probe(engine.binary, engine.env)
        defaults: dict[str, Any] = {"context": 1024, "cache_k": "f16", "cache_v": "f16"}
        defaults |= {"devices": (), "tensor_split": (), "known_flags": build.known_flags}
        arguments = server_arguments(engine, model_path=str(model), **defaults | settings)
        run = self.folder / f"run{len(self.started)}"
        log = self.folder / f"server{len(self.started)}.log"
        server = LlamaServer(build, engine, arguments, log_path=log, run_dir=run)
        self.started.append(server)
        return server
