"""From a file's content to its runs: whose file it is, told by what is in it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from warehouse.imports import llama_benchy, tables
from warehouse.imports.bench_runs import bench_import
from warehouse.imports.content import Content
from warehouse.imports.llama_bench import BenchTest, read_test
from warehouse.imports.record import COLUMNS, record_import
from warehouse.imports.runs import Given, Imported

_KNOWN = "csv, json, jsonl, sql or SQLite of llama-bench, JSON of llama-benchy, a record in CSV"


def read_import(content: Content, import_id: str, given: Given) -> Imported:
    """What a file holds, as rows.

    Args:
        content: of the file.
        import_id: identity of the import.
        given: what the file does not tell.

    Raises:
        ImportFileError: it is of another kind, broken, or cut off.
    """
    if content.is_sqlite:
        return _bench(content, "sqlite", tables.from_sqlite(content), import_id, given)
    start = content.text.lstrip()
    if start[0] in "[{":
        return _json(content, import_id, given)
    if start.upper().startswith(("CREATE TABLE", "INSERT INTO")):
        return _bench(content, "sql", tables.from_sql(content), import_id, given)
    header = start.partition("\n")[0].strip().split(",")
    if header == list(COLUMNS):
        lines = tables.from_csv(content)
        return _explained(content, lambda: record_import(lines, import_id))
    if "n_gen" in header:
        return _bench(content, "csv", tables.from_csv(content), import_id, given)
    raise content.error(f"it begins with {content.beginning}: not {_KNOWN}")


def _json(content: Content, import_id: str, given: Given) -> Imported:
    start = content.text.lstrip()
    first_line = start.partition("\n")[0].strip()
    if start[0] == "{" and first_line.endswith("}"):
        records = tables.from_jsonl(content)
        if not llama_benchy.is_report(records[0]):
            return _bench(content, "jsonl", records, import_id, given)
    value = tables.from_json(content)
    if llama_benchy.is_report(value):
        return _explained(content, lambda: llama_benchy.report_import(value, import_id, given))
    if isinstance(value, dict):
        names = ", ".join(list(value)[:5])
        raise content.error(f"a JSON object with {names or 'nothing'}: not {_KNOWN}")
    return _bench(content, "json", list(tables.objects(content, value)), import_id, given)


def _bench(
    content: Content,
    form: str,
    records: Sequence[Mapping[str, Any]],
    import_id: str,
    given: Given,
) -> Imported:
    if not records:
        raise content.error("no test of llama-bench in it")
    tests = list(_tests(content, records))
    return _explained(content, lambda: bench_import(tests, form, import_id, given))


def _tests(content: Content, records: Iterable[Mapping[str, Any]]) -> Iterable[BenchTest]:
    for number, record in enumerate(records, start=1):
        try:
            yield read_test(record)
        except ValueError as error:
            raise content.error(f"test {number}: {error}") from error


def _explained(content: Content, read: Callable[[], Imported]) -> Imported:
    try:
        return read()
    except (ValueError, KeyError) as error:
        raise content.error(str(error)) from error
