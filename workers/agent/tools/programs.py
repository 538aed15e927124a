"""run_python and run_tests."""

from collections.abc import Mapping

from workers.agent.sandbox.limits import SandboxResult
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place

OUTPUT_MAX = 8_000
_PROGRAM = "_program.py"
"""Where the code lies while it runs: in tracebacks the model sees its own lines."""


def run_python(place: Place, sandbox: Sandbox, code: str) -> str:
    """Run code in the sandbox on the directory's files; what it changes of them stays.

    A program that fails is no error of the tool: its exit status comes with its output.

    Raises:
        ToolRefusedError: a limit ended it, or its files are too much.
    """
    before, _ = place.directory.contents()
    result = sandbox.run(
        ["python", _PROGRAM], {**before, _PROGRAM: code.encode("utf-8", "replace")}
    )
    after = {path: content for path, content in result.files.items() if path != _PROGRAM}
    if result.limit != "sandbox":
        _keep(place, before, after)
    left_out = "".join(f"\n[not kept: {entry}]" for entry in result.left_out)
    output = _shown(result) + left_out
    if result.limit:
        raise ToolRefusedError(f"ended by the limit on {result.limit}{_last(output)}")
    status = f"exit status {result.exit_code}\n" if result.exit_code else ""
    return f"{status}{output}" or "(no output)"


def _last(output: str) -> str:
    lines = output.strip().splitlines()
    return f"; last line of its output: {lines[-1][:200]}" if lines else ""


def _keep(place: Place, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    for path in before.keys() - after.keys():
        place.directory.remove(path)
    for path, content in after.items():
        if before.get(path) != content:
            place.directory.write(path, content)


def _shown(result: SandboxResult) -> str:
    parts = [result.stdout.rstrip(), result.stderr.rstrip()]
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= OUTPUT_MAX else f"[cut]\n{text[-OUTPUT_MAX:]}"


def run_tests(place: Place, sandbox: Sandbox, path: str | None) -> str:
    """Run the directory's tests in the sandbox, those of a file or all.

    Raises:
        ToolRefusedError: there are none.
    """
    files, _ = place.directory.contents()
    run = sandbox.run_tests(files, path or None)
    place.keep_tests(run)
    return f"{run.passed} passed, {run.failed} failed of {run.total}\n{run.detail}".strip()
