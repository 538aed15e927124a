"""The bundle is enough for everything that runs on a node."""

import subprocess
import sys
from pathlib import Path

import workers
from orchestrator.fleet.bundle import _DRIVER_ONLY, parts

_MODULES = sorted(
    ".".join(path.relative_to(Path(workers.__path__[0]).parent).with_suffix("").parts)
    for path in Path(workers.__path__[0]).rglob("*.py")
    if path.stem != "__init__"
)


def test_every_module_of_the_workers_imports_with_the_bundle_alone(tmp_path: Path) -> None:
    for part in parts():
        for path, name in part.files:
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    code = f"import importlib\nfor m in {_MODULES!r}: importlib.import_module(m)\n"
    code += f"import sys; print([m for m in sys.modules if m in {sorted(_DRIVER_ONLY)!r}])"
    base = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", base + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
