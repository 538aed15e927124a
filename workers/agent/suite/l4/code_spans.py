"""L4 coding: functions over spans of whole numbers."""

from workers.agent.suite.l4.programs import program

_TURNS = """
Write `spans.py`. A span is a pair (start, end) of whole numbers: from start up to, but not with,
end. `merge(spans)` gives a sorted list of tuples that covers the same numbers, where overlapping
and touching spans are joined. A span with start >= end is empty and left out.

Add `total(spans)`: how many numbers the spans cover, each counted once.

Add `gaps(spans, start, end)`: the parts of (start, end) that no span covers, as a sorted list of
tuples.

Add `subtract(spans, others)`: what the first cover and the second do not, merged, as a sorted
list of tuples.

Two changes. All four take any iterable of pairs, a generator of lists too, and never change what
they are given. And `merge` gets `slack=0`: spans that are at most so far apart are joined, over
the gap (with slack=$slack, (0, 2) and ($near, $end) become (0, $end)). The other three stay as
they are.
"""

_HIDDEN = """
import unittest

from spans import gaps, merge, subtract, total


class Hidden(unittest.TestCase):
    def test_merge_overlapping_and_touching(self):
        self.assertEqual(merge([(5, 8), (1, 3), (2, 4), (8, 9)]), [(1, 4), (5, 9)])

    def test_merge_span_within_another(self):
        self.assertEqual(merge([(1, 10), (2, 3), (4, 5)]), [(1, 10)])

    def test_merge_drops_empty(self):
        self.assertEqual(merge([(4, 4), (9, 2)]), [])
        self.assertEqual(merge([]), [])

    def test_negative_numbers(self):
        self.assertEqual(merge([(-5, -1), (-2, 3)]), [(-5, 3)])

    def test_total(self):
        self.assertEqual(total([(0, 4), (2, 6), (10, 11), (7, 7)]), 7)
        self.assertEqual(total([]), 0)

    def test_gaps(self):
        self.assertEqual(gaps([(2, 4), (6, 7)], 0, 10), [(0, 2), (4, 6), (7, 10)])
        self.assertEqual(gaps([], 3, 5), [(3, 5)])
        self.assertEqual(gaps([(0, 9)], 3, 5), [])

    def test_gaps_with_spans_beyond(self):
        self.assertEqual(gaps([(-4, 1), (8, 30), (40, 50)], 0, 10), [(1, 8)])

    def test_subtract(self):
        self.assertEqual(subtract([(0, 10)], [(2, 3), (5, 6)]), [(0, 2), (3, 5), (6, 10)])
        self.assertEqual(subtract([(0, 4), (6, 9)], [(2, 7)]), [(0, 2), (7, 9)])
        self.assertEqual(subtract([(1, 3)], [(0, 9)]), [])

    def test_subtract_merges(self):
        self.assertEqual(subtract([(0, 3), (3, 5)], []), [(0, 5)])

    def test_slack(self):
        near, end = $near, $end
        self.assertEqual(merge([(0, 2), (near, end)], slack=$slack), [(0, end)])
        self.assertEqual(merge([(0, 2), (near + 1, end)], slack=$slack), [(0, 2), (near + 1, end)])

    def test_others_have_no_slack(self):
        self.assertEqual(total([(0, 2), (3, 5)]), 4)
        self.assertEqual(gaps([(0, 2), (3, 5)], 0, 5), [(2, 3)])

    def test_any_iterable_and_nothing_changed(self):
        given = [[3, 5], [1, 2]]
        self.assertEqual(merge(iter(given)), [(1, 2), (3, 5)])
        self.assertEqual(total(list(each) for each in given), 3)
        self.assertEqual(gaps(iter(given), 0, 6), [(0, 1), (2, 3), (5, 6)])
        self.assertEqual(subtract(iter(given), iter([[4, 9]])), [(1, 2), (3, 4)])
        merge(given, slack=5)
        self.assertEqual(given, [[3, 5], [1, 2]])
"""


def _values(slack: int) -> dict[str, object]:
    return {"slack": slack, "near": 2 + slack, "end": 2 + slack + 3}


TASKS = (
    program(
        "l4_code_spans",
        _TURNS,
        _HIDDEN,
        lambda source: _values(source.randrange(2, 12)),
        asks="functions over spans: merge, total, gaps, subtract, slack",
    ),
)
