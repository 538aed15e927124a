"""Where the files of a warehouse lie: a folder of this host or of a share, or an object store."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from warehouse.errors import ConfigError
from warehouse.folder import FolderStorage
from warehouse.layout import MARKER, SUFFIX
from warehouse.lock import Holder

if TYPE_CHECKING:
    import pyarrow.fs as pafs


class Storage(Protocol):
    """Files by their path below a root, each published whole.

    A published file never changes, except the few that are no rows: the marker, progress, locks.
    Every method but those of names raises WarehouseError, as one line, where the storage fails.
    """

    @property
    def rewrite_interval_s(self) -> float:
        """How often one file may be written anew without being a burden."""

    def name(self, path: str = "") -> str:
        """Full name of a file, or of the root, for messages."""

    def arrow_path(self, path: str) -> str:
        """The path that `filesystem` knows the file by."""

    @property
    def filesystem(self) -> "pafs.FileSystem":
        """What Arrow reads data sets through."""

    def prepare(self) -> None:
        """Make the root, or see that it can be used."""

    def exists(self, path: str) -> bool:
        """Whether the file is there."""

    def read(self, path: str) -> bytes | None:
        """The whole file; None where there is none."""

    def write(self, path: str, content: bytes | memoryview) -> None:
        """Let the file appear at once and whole, in place of one of that name."""

    def delete(self, path: str) -> None:
        """Remove the file, if it is there."""

    def list_names(self, folder: str, suffix: str) -> list[str]:
        """Names of the files that lie right in the folder; none where it is missing."""

    def list_tables(self, tables: Iterable[str], suffix: str = SUFFIX) -> dict[str, list[str]]:
        """Files in the `date=` folders of each table, as `date=YYYY-MM-DD/name`.

        What was published before the call is in the answer.
        """

    def writing(
        self, holder: Holder, *, wait: bool, on_wait: Callable[[Holder | None], None]
    ) -> AbstractContextManager["Storage"]:
        """Be the one writer while the block runs: the storage that it writes through.

        Raises:
            HeldError: another one writes and `wait` is off.
        """


Place = str | Path | Storage
"""What names a warehouse: a folder, a uri, or a storage that was made of one."""


def storage_at(place: Place) -> Storage:
    """The storage that is meant.

    Raises:
        ConfigError: the uri is of a kind that herd does not know.
    """
    if not isinstance(place, (str, Path)):
        return place
    scheme, separator, _ = str(place).partition("://")
    if not separator or isinstance(place, Path):
        return FolderStorage(Path(place).expanduser())
    if scheme == "s3":
        from warehouse.object_uri import parse_uri
        from warehouse.objects import ObjectStorage

        return ObjectStorage(parse_uri(str(place)))
    raise ConfigError(f"warehouse.uri={place}: a folder, or s3://BUCKET/PREFIX; no {scheme}://")


def is_warehouse(place: Place) -> bool:
    """Whether a sweep has written here before."""
    return storage_at(place).exists(MARKER)
