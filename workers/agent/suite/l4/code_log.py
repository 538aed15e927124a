"""L4 coding: figures of a log file, some of whose lines are broken."""

import json
from collections.abc import Mapping
from random import Random

from workers.agent.suite import effects
from workers.agent.suite.answers import json_of
from workers.agent.suite.demands import Demand
from workers.agent.suite.l4.programs import program

_LEVELS = ("INFO", "WARN", "ERROR")
_MESSAGES = ("pump started", "valve slow", "door open", "battery low", "link lost", "filter full")
_BROKEN = ("25:10 INFO pump", "7:05 WARN valve", "12:61 INFO door", "08:10 NOTE door", "garbage")

_TURNS = """
`app.log` has lines like `08:15 WARN valve slow`: a time HH:MM (two digits each, 00:00 to 23:59),
one of the levels INFO, WARN and ERROR, and a message. Other lines are broken. Write `logstat.py`
with `parse(text)`: a list of tuples (time, level, message) of the lines that are not broken, in
order; and `counts(text)`: a dict with how many lines each of the three levels has, 0 too. Then
write the counts of app.log to `counts.json`.

Add `busiest(text)`: the hour (a whole number) with the most lines that are not broken, the
earliest of several, None if there is no line.

Add `between(text, start, end)`: the tuples of `parse` whose time is from `start` up to, but not
with, `end`. If `end` is before `start` the span goes over midnight: $late to $early has 23:59 and
00:00 in it.

Add `main(argv)`: `argv` is a list with the path of a log file; it prints one line like
`ERROR=$errors INFO=0 WARN=7 broken=2`, broken being the lines that are neither blank nor
well-formed, and returns 0. For a path that does not exist it prints nothing and returns 2.
"""

_HIDDEN = '''
import contextlib
import io
import json
import pathlib
import tempfile
import unittest

from logstat import between, busiest, counts, main, parse

TEXT = """08:15 WARN valve slow
23:59 INFO link lost

24:00 INFO late
8:15 WARN short
08:60 WARN minute
08:16 FATAL level
00:00 ERROR door open
08:20 INFO pump
08:15 warn small
"""


class Hidden(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(
            [tuple(each) for each in parse(TEXT)],
            [
                ("08:15", "WARN", "valve slow"),
                ("23:59", "INFO", "link lost"),
                ("00:00", "ERROR", "door open"),
                ("08:20", "INFO", "pump"),
            ],
        )

    def test_counts(self):
        self.assertEqual(counts(TEXT), {"INFO": 2, "WARN": 1, "ERROR": 1})
        self.assertEqual(counts(""), {"INFO": 0, "WARN": 0, "ERROR": 0})

    def test_busiest(self):
        self.assertEqual(busiest(TEXT), 8)
        self.assertIsNone(busiest("garbage"))
        self.assertEqual(busiest("09:00 INFO a\\n07:00 INFO b"), 7)

    def test_between(self):
        self.assertEqual([each[0] for each in between(TEXT, "08:15", "08:20")], ["08:15"])
        self.assertEqual([each[0] for each in between(TEXT, "08:00", "09:00")], ["08:15", "08:20"])

    def test_between_over_midnight(self):
        self.assertEqual([each[0] for each in between(TEXT, "$late", "$early")], ["23:59", "00:00"])

    def test_main(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.log")
            path.write_text(TEXT)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                self.assertEqual(main([str(path)]), 0)
        self.assertEqual(printed.getvalue().strip(), "ERROR=1 INFO=2 WARN=1 broken=5")

    def test_main_without_file(self):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertEqual(main(["no-such-file.log"]), 2)
        self.assertEqual(printed.getvalue(), "")

    def test_real_log(self):
        with open("app.log") as file, open("counts.json") as found:
            self.assertEqual(json.load(found), counts(file.read()))
'''


def _log(source: Random) -> dict[str, bytes]:
    lines = [
        f"{source.randrange(24):02d}:{source.randrange(60):02d} {source.choice(_LEVELS)} "
        f"{source.choice(_MESSAGES)}"
        for _ in range(source.randrange(40, 70))
    ]
    for broken in _BROKEN:
        lines.insert(source.randrange(len(lines)), broken)
    return {"app.log": "\n".join(lines).encode()}


def _counted(files: Mapping[str, bytes]) -> tuple[Demand, ...]:
    kept = files["app.log"].decode().splitlines()
    levels = [line.split()[1] for line in kept if line not in _BROKEN]
    wanted = {level: levels.count(level) for level in _LEVELS}
    return (
        effects.unchanged(files),
        effects.file_reads(
            "counts.json", lambda text: json_of(text) == wanted, f"{json.dumps(wanted)}"
        ),
    )


TASKS = (
    program(
        "l4_code_log",
        _TURNS,
        _HIDDEN,
        lambda source: {
            "late": f"2{source.randrange(4)}:{source.randrange(10, 60)}",
            "early": f"0{source.randrange(1, 7)}:{source.randrange(10, 60)}",
            "errors": source.randrange(2, 9),
        },
        asks="figures of a log with broken lines, and a file of them",
        files=_log,
        demands=_counted,
    ),
)
