"""The bundle is enough for everything that runs on a node, but what the extra `agent` is for."""

import json
import subprocess
import sys
from pathlib import Path

import workers
from orchestrator.fleet.bundle import _DRIVER_ONLY, parts
from workers.agent.process import _NEEDED

_MODULES = sorted(
    ".".join(path.relative_to(Path(workers.__path__[0]).parent).with_suffix("").parts)
    for path in Path(workers.__path__[0]).rglob("*.py")
    if path.stem != "__init__"
)

_IMPORT_ALL = """
import importlib, json, sys
folder, modules, extra, driver_only = json.load(sys.stdin)
sys.path.insert(0, folder)
lacking = []
for module in modules:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] not in extra:
            raise
        lacking.append(module)
print(json.dumps([lacking, [m for m in sys.modules if m in driver_only]]))
"""
"""What it prints: modules that lack the extra, and what should not be there."""


def test_every_module_of_the_workers_imports_with_the_bundle_alone(tmp_path: Path) -> None:
    for part in parts():
        for path, name in part.files:
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    asked = [str(tmp_path), _MODULES, _NEEDED, sorted(_DRIVER_ONLY)]
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", _IMPORT_ALL],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lacking, driver_only = json.loads(done.stdout)
    assert driver_only == []
    assert all(module.startswith("workers.agent.") for module in lacking)
    assert not {"workers.agent.process", "workers.agent.messages"}.intersection(lacking)
