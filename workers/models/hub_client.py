"""Download one file from Hugging Face, going on after what an earlier call left; a program.

`hf download` starts a file anew in each process, and leaves the old beginning on the disk
(huggingface_hub 2.4). What goes wrong ends it; the last line that it says is the reason.
"""

import shutil
import sys
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # not in __all__

PLAIN_LIMIT_BYTES = constants.MAX_HTTP_DOWNLOAD_SIZE
"""Hugging Face gives larger files by Xet only."""


def download(repo: str, file: str, revision: str | None, folder: Path) -> Path:
    """Download a file.

    Args:
        repo: `OWNER/NAME`.
        file: in it.
        revision: branch, tag or commit; None is the main branch.
        folder: where unfinished files lie between calls.

    Returns:
        The complete file, in the folder.
    """
    url = hf_hub_url(repo, file, revision=revision)
    metadata = get_hf_file_metadata(url)
    if metadata.size is not None and metadata.size > PLAIN_LIMIT_BYTES:
        return _by_blocks(repo, file, revision, folder)
    part, version = folder / "content", folder / "version"
    if not version.exists() or version.read_text() != metadata.etag:
        part.unlink(missing_ok=True)
        version.write_text(metadata.etag or "")
    with part.open("ab") as out:
        done = part.stat().st_size
        http_get(
            url, out, resume_size=done, headers=build_hf_headers(), expected_size=metadata.size
        )
    return part


def _by_blocks(repo: str, file: str, revision: str | None, folder: Path) -> Path:
    """A file too large for plain HTTP: by Xet, which knows no half file."""
    blocks = folder / "blocks"
    # the beginnings that killed calls left, of names that are never used again
    shutil.rmtree(blocks, ignore_errors=True)
    return Path(hf_hub_download(repo, file, revision=revision, local_dir=blocks))


def main() -> None:
    """Called with repo, file, revision (or nothing), folder, and the name of what is complete."""
    repo, file, revision, folder, target = sys.argv[1:]
    download(repo, file, revision or None, Path(folder)).replace(target)


if __name__ == "__main__":
    main()
