"""Texts are those that Arrow 26 raised against a store on loopback, and endpoints that fail."""

import pytest

from warehouse.object_errors import explain

NAME = "s3://bench/herd/cells/x.parquet"
SLOW = (
    "When listing objects under key 'x/' in bucket 'b': AWS Error NETWORK_CONNECTION during "
    "ListObjectsV2 operation: curlCode: 28, Timeout was reached; Details: Operation too slow. "
    "Less than 1 bytes/sec transferred the last 10 seconds"
)
CASES = {
    "When uploading object with key 'a' in bucket 'nob': AWS Error NO_SUCH_BUCKET during PutObject "
    "operation: The specified bucket does not exist (Request ID: b9V9M)": "there is no such bucket",
    "When getting information for key 'x' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject "
    "operation: No response body.": "access denied: set AWS_ACCESS_KEY_ID",
    "When listing objects under key 'x/' in bucket 'b': AWS Error INVALID_ACCESS_KEY_ID during "
    "ListObjectsV2 operation: The AWS Access Key Id you": "the store does not know this key",
    "When listing objects under key 'x/' in bucket 'b': AWS Error UNKNOWN (HTTP status 403) during "
    "ListObjectsV2 operation: Unable to parse ExceptionName: ExpiredToken Message: No.": (
        "the credentials have expired"
    ),
    "When testing for existence of bucket 'b': AWS Error UNKNOWN (HTTP status 301) during "
    "HeadBucket operation: No response body.": "set AWS_REGION",
    SLOW: "does not answer (Operation too slow",
    "When testing for existence of bucket 'b': AWS Error UNKNOWN (HTTP status 418) during "
    "HeadBucket operation: I am\na teapot (Request ID: 7)": "UNKNOWN (HTTP status 418): I am",
    "Path 'x' is odd\nand long": "Path 'x' is odd",
}


@pytest.mark.parametrize(("raised", "told"), CASES.items(), ids=[t[:20] for t in CASES.values()])
def test_an_error_is_one_line_that_says_what_to_do(raised: str, told: str) -> None:
    text = str(explain(OSError(raised), NAME))
    assert text.startswith(f"cannot use {NAME}: ")
    assert told in text
    assert "\n" not in text
    assert "Request ID" not in text


def test_what_does_not_answer_is_to_be_looked_for() -> None:
    text = str(explain(OSError(SLOW), NAME))
    assert "see that it runs and that AWS_ENDPOINT_URL names it" in text
