"""Whatever joins, leaves, fails and has to be fetched: simulated fleets of every kind."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as some

from orchestrator.host_view import HostView
from orchestrator.plan import PlannedLaunch
from orchestrator.rules import Rules
from scripts.simulated_fleet import Outcome, Ran, Scenario, lower_bound_s, simulate
from tests.unit.fleet_samples import gpu_host, launches, on

HOSTS = (
    gpu_host("a1", "RTX 3060", "RTX 3060"),
    gpu_host("a2", "RTX 3060", "RTX 3060"),
    gpu_host("a3", "RTX 3060", "RTX 3060"),
    gpu_host("b1", "RTX 4090", "GTX 1050", hardware_class="b"),
)
NAMES = [view.host.host_id for view in HOSTS]
FILES = [(model, "Q4_1", None) for model in ("tiny", "big", "huge")]
TIMES = some.integers(0, 300)


@dataclass(frozen=True)
class Case:
    """A scenario in few words."""

    cells: list[tuple[str, int, str, int]]
    """Pairing, context, model, launches."""
    seconds: list[int]
    exclusive: bool
    files: dict[str, set[int]] | None
    fetch_s: int
    joins: dict[str, int]
    lost: dict[str, int]
    fails: set[int]

    def scenario(self) -> Scenario:
        specs = [on(p, 1024 * context, m, launches=n) for p, context, m, n in self.cells]
        files = {host: frozenset(FILES[n] for n in has) for host, has in (self.files or {}).items()}
        return Scenario(
            hosts=HOSTS,
            launches=launches(specs, *HOSTS),
            seconds=lambda launch: self.seconds[launch.first.spec.context % len(self.seconds)],
            rules=Rules(exclusive=self.exclusive),
            files=None if self.files is None else files,
            fetch_s=self.fetch_s,
            joins=self.joins,
            leaves={host: (400 + at, 700 + at) for host, at in self.lost.items()},
            fails=self.fails,
        )


CASES = some.builds(
    Case,
    cells=some.lists(
        some.tuples(
            some.sampled_from(["single", "pair", "cpu", "all", "every"]),
            some.integers(1, 40),
            some.sampled_from(["tiny", "big", "huge"]),
            some.sampled_from([1, 1, 1, 2]),
        ),
        min_size=1,
        max_size=25,
    ),
    seconds=some.lists(some.integers(1, 60), min_size=1, max_size=7),
    exclusive=some.booleans(),
    files=some.none() | some.dictionaries(some.sampled_from(NAMES), some.sets(some.integers(0, 2))),
    fetch_s=some.integers(1, 50),
    joins=some.dictionaries(some.sampled_from(["a2", "a3", "b1"]), TIMES),
    lost=some.dictionaries(some.sampled_from(["a1", "a2", "b1"]), TIMES),
    fails=some.sets(some.integers(0, 30), max_size=4),
)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(
    Case(
        [*[("single", 1, "tiny", 1)] * 9, ("pair", 1, "tiny", 1), ("single", 38, "huge", 2)],
        *([1, 2, 1], False, None, 2, {}, {}, set()),
    )
)
@given(CASES)
def test_nothing_is_lost_or_leased_twice_and_turns_are_kept(case: Case) -> None:
    scenario = case.scenario()
    outcome = simulate(scenario)
    assert outcome.left == 0
    assert cells_of(outcome) == Counter(
        cell.cell_id for launch in scenario.launches for cell in launch.cells
    )
    for ran in by_host(outcome).values():
        no_device_twice(ran, exclusive=case.exclusive)
    for ran in by_cell(outcome).values():
        assert not any(overlaps(one, other) for one in ran for other in ran if one is not other)


def cells_of(outcome: Outcome) -> Counter[str]:
    return Counter(
        cell.cell_id for ran in outcome.ran if ran.whole for cell in ran.assignment.launch.cells
    )


def by_host(outcome: Outcome) -> dict[str, list[Ran]]:
    found = defaultdict(list)
    for ran in outcome.ran:
        assert ran.assignment.host_id in ran.assignment.launch.first.hosts
        found[ran.assignment.host_id].append(ran)
    return found


def by_cell(outcome: Outcome) -> dict[str, list[Ran]]:
    found = defaultdict(list)
    for ran in outcome.ran:
        for cell in ran.assignment.launch.cells:
            found[cell.cell_id].append(ran)
    return found


def overlaps(one: Ran, other: Ran) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def no_device_twice(ran: list[Ran], *, exclusive: bool) -> None:
    for number, one in enumerate(ran):
        for other in ran[number + 1 :]:
            if overlaps(one, other):
                leases = one.assignment.lease, other.assignment.lease
                assert not exclusive
                assert not any(lease.alone for lease in leases)
                assert not {*leases[0].gpu_uuids} & {*leases[1].gpu_uuids}


def test_makespan_is_near_its_lower_bound_whatever_the_durations() -> None:
    """Unknown beforehand; 8 hosts in 3 classes, a file takes as long as two launches."""
    hosts = classes(3, 3, 2)
    cells = [
        on(pairing, 1024 * number, model)
        for number in range(1, 21)
        for model in ("tiny", "big", "huge")
        for pairing in ("single", "pair")
    ]
    queue = launches(cells, *hosts)
    for exclusive in (True, False):
        for seed in range(3):
            scenario = Scenario(
                hosts,
                queue,
                lambda launch, seed=seed: 20.0 + seconds(launch, seed),  # type: ignore[misc]
                rules=Rules(exclusive=exclusive),
                files={},
                fetch_s=60.0,
            )
            outcome = simulate(scenario)
            assert outcome.left == 0
            assert outcome.makespan_s / lower_bound_s(scenario) <= 1.25


def classes(*numbers: int) -> list[HostView]:
    return [
        gpu_host(f"{kind}{copy}", "RTX 3060", "RTX 3060", hardware_class=f"class {kind}")
        for kind, number in enumerate(numbers)
        for copy in range(number)
    ]


def seconds(launch: PlannedLaunch, seed: int) -> float:
    return int(launch.first.cell_id[seed * 4 : seed * 4 + 4], 16) / 65536 * 60
