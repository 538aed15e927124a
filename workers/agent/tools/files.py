"""read_file, write_file, list_files and send."""

from workers.agent.world.errors import ToolRefusedError
from workers.agent.world.place import Place

TEXT_MAX = 20_000


def read_file(place: Place, path: str) -> str:
    """A file as text, cut at `TEXT_MAX` characters.

    Raises:
        ToolRefusedError: there is no such file, or it is no text.
    """
    try:
        text = place.directory.read(path).decode()
    except UnicodeDecodeError:
        raise ToolRefusedError(f"{path}: it is no text") from None
    if len(text) <= TEXT_MAX:
        return text
    return f"{text[:TEXT_MAX]}\n[cut: {TEXT_MAX} of {len(text)} characters]"


def write_file(place: Place, path: str, content: str) -> str:
    """Write a text.

    Raises:
        ToolRefusedError: the path is refused, or it is too much.
    """
    data = content.encode("utf-8", "replace")
    place.directory.write(path, data)
    return f"{path}: {len(data)} bytes written"


def list_files(place: Place) -> str:
    """All files with their sizes."""
    lines = [f"{path} ({size} bytes)" for path, size in place.directory.sizes()]
    return "\n".join(lines) or "there are no files"


def send(place: Place, to: str, text: str | None, file: str | None) -> str:
    """Deliver a text or a file.

    Raises:
        ToolRefusedError: neither or both, or no such file.
    """
    delivery = place.deliver(to, text, file)
    what = f"file {delivery.file_name}" if delivery.file_name else "text"
    return f"{what} delivered to {delivery.to}"
