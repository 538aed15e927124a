from pathlib import Path

import pytest

from warehouse.errors import ConfigError
from warehouse.folder import FolderStorage
from warehouse.object_uri import options_of, parse_uri
from warehouse.storage import storage_at


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("s3://bench", "bench/cells/x.parquet"),
        ("s3://bench/", "bench/cells/x.parquet"),
        ("s3://bench/team/herd/", "bench/team/herd/cells/x.parquet"),
    ],
)
def test_objects_lie_below_the_prefix(text: str, key: str) -> None:
    assert parse_uri(text).key("cells/x.parquet") == key
    assert str(parse_uri(text)) == text.rstrip("/")


@pytest.mark.parametrize("text", ["s3://", "s3:///x", "s3://b/../x", "s3://b/a//c", "s3://b:90/x"])
def test_a_uri_that_names_no_prefix_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="write it as s3://BUCKET/PREFIX"):
        parse_uri(text)


@pytest.mark.parametrize(
    "text", ["s3://AKIA:hidden@b/x", "s3://b/x?secret_key=hidden", "s3://b#hidden"]
)
def test_secrets_in_a_uri_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="come from the environment") as told:
        storage_at(text)
    assert "hidden" not in str(told.value)
    assert "AKIA" not in str(told.value)


@pytest.mark.parametrize("text", ["gs://b/x", "http://host/x", "hdfs://h/x"])
def test_a_storage_that_herd_does_not_know_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="a folder, or s3://BUCKET/PREFIX"):
        storage_at(text)


def test_what_has_no_scheme_is_a_folder() -> None:
    assert storage_at("~/rows") == FolderStorage(Path.home() / "rows")
    assert storage_at("host:share/rows") == FolderStorage(Path("host:share/rows"))


def test_endpoint_and_region_are_those_of_other_tools() -> None:
    assert options_of({})["endpoint_override"] is None
    assert options_of({})["region"] is None
    generic = {"AWS_ENDPOINT_URL": "http://a:9000"}
    assert options_of(generic)["endpoint_override"] == "http://a:9000"
    assert options_of(generic)["region"] == "us-east-1"
    both = {**generic, "AWS_ENDPOINT_URL_S3": "http://b:9000", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert options_of(both)["endpoint_override"] == "http://b:9000"
    assert options_of(both)["region"] == "eu-west-1"
    assert options_of({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"})["region"] == "a"
    assert options_of({"AWS_CA_BUNDLE": "/ca.pem"})["tls_ca_file_path"] == "/ca.pem"
    secret = {"AWS_ACCESS_KEY_ID": "hidden", "AWS_SECRET_ACCESS_KEY": "hidden"}
    assert "hidden" not in str(options_of(secret))
