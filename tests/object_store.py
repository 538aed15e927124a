"""An object store that speaks S3, on loopback."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

import pyarrow.fs as pafs
from moto.server import ThreadedMotoServer


class ObjectStore:
    """Buckets of one server, and the environment that leads to it."""

    def __init__(self, endpoint: str) -> None:
        self._numbers = count(1)
        self.environ: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "access-of-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._s3 = pafs.S3FileSystem(
            access_key="access-of-tests",
            secret_key="secret-of-tests",
            endpoint_override=endpoint,
            region="us-east-1",
            allow_bucket_creation=True,
        )

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"bucket-{next(self._numbers)}"
        self._s3.create_dir(name)
        return name

    def keys(self, bucket: str) -> set[str]:
        """All objects of a bucket, without its name."""
        found = self._s3.get_file_info(pafs.FileSelector(bucket, recursive=True))
        files = (info.path for info in found if info.type == pafs.FileType.File)
        return {path.removeprefix(f"{bucket}/") for path in files}

    def get(self, path: str) -> bytes:
        """Content of `bucket/key`."""
        with self._s3.open_input_stream(path) as stream:
            return stream.read()

    def put(self, path: str, content: bytes) -> None:
        """Put `bucket/key`."""
        with self._s3.open_output_stream(path) as stream:
            stream.write(content)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server in threads of this process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield ObjectStore(f"http://{host}:{port}")
    finally:
        server.stop()
