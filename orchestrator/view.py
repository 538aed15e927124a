"""The live view: a line for each cell that ends, and under them what runs now."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from orchestrator.placement import Planned
from orchestrator.progress import Progress, Running, duration, summary
from orchestrator.progress_file import ProgressFile
from workers.contract import CellDone
from workers.trials import speed_of

_DRAW_INTERVAL_S = 0.5
_COLOURS = {"ok": "green", "failed": "red", "cancelled": "yellow"}


def cell_words(cell: Planned) -> str:
    """A cell in one line."""
    spec = cell.spec
    other = "".join(f" {key}={value}" for key, value in spec.other_axes)
    return (
        f"{spec.model.name} {spec.quant} ctx {spec.context} {spec.cache_k}/{spec.cache_v} "
        f"{cell.pairing.pattern} {spec.workload.name}{other}"
    )


class View:
    """Draws progress on a terminal, or writes lines where there is none.

    The bar is drawn when told to, never by a thread: the driver is to leave the CPU alone.
    """

    def __init__(self, console: Console, file: ProgressFile) -> None:
        self._console = console
        self._file = file
        self._bar = Bar(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            console=console,
            auto_refresh=False,
        )
        self._next_draw_s = 0.0
        self._task = self._bar.add_task("", total=None, state="")
        self._live = Live(console=console, auto_refresh=False, transient=True)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """With the bar on the screen, and what each host does above it."""
        if not self._console.is_terminal:
            yield
            return
        with self._live:
            yield

    def say(self, text: str | Text) -> None:
        """A line above the bar, as it is: a bracket in a log line is no markup."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def ended(self, cell: Planned, outcome: str, details: str) -> None:
        """The line of a cell that ended."""
        mark = (outcome, _COLOURS[outcome])
        self.say(Text.assemble("  ", mark, f" {cell_words(cell)}  {details}"))

    def counted(self, progress: Progress) -> None:
        """What the bar would tell, as a line, where there is no terminal."""
        if not self._console.is_terminal:
            self.say(f"  {progress.finished}/{progress.total}: {_state(progress)}")

    def draw(self, progress: Progress) -> None:
        """Show the progress in the progress file and, at most twice a second, on the screen."""
        self._file.write(progress)
        now_s = time.monotonic()
        if now_s < self._next_draw_s and not progress.ended:
            return
        self._next_draw_s = now_s + _DRAW_INTERVAL_S
        self._bar.update(
            self._task,
            completed=progress.finished,
            total=progress.total,
            state=_state(progress),
        )
        self._live.update(Group(*host_lines(progress), self._bar), refresh=True)


def host_lines(progress: Progress) -> list[Text]:
    """What each host does: a line for each launch, and for what is to be said of others."""
    lines = [
        Text.assemble((f"{run.host_id}  ", "bold"), _now(run), no_wrap=True, overflow="ellipsis")
        for run in sorted(progress.running, key=lambda run: (run.host_id, run.launch_id))
    ]
    lines += [
        Text.assemble((f"{host_id}  ", "bold"), words, no_wrap=True, overflow="ellipsis")
        for host_id, words in sorted(progress.hosts.items())
    ]
    return lines


def _now(run: Running) -> str:
    speed = f" {run.tok_s:.1f} tok/s" if run.tok_s else ""
    heat = f" {run.temperature_c:.0f} C" if run.temperature_c else ""
    return f"{run.cell}: {run.step} {run.done}/{run.total}{speed}{heat}"


def _state(progress: Progress) -> str:
    return f"{summary(progress.counts)}; about {duration(progress.left_s)} left"


def told(done: CellDone) -> str:
    """What a user wants to see of a cell at once."""
    if done.failure:
        return f"{done.failure.failure_class}: {done.failure.reason}"
    speeds: dict[tuple[str, int], list[float]] = {}
    for trial in done.trials:
        speed = speed_of(trial)
        if trial.valid and speed is not None:
            speeds.setdefault((trial.step, trial.depth), []).append(speed)
    steps = dict.fromkeys(step for step, _ in sorted(speeds))
    words = [f"{step} {_typical(speeds, step)}" for step in steps]
    invalid = sum(not trial.valid for trial in done.trials)
    return (
        "  ".join(words)
        + (" tok/s" if words else "")
        + (f"  ({invalid} invalid trials)" if invalid else "")
    )


def _typical(speeds: Mapping[tuple[str, int], list[float]], step: str) -> str:
    """The median speed of a step; of one at several depths, at the least and the greatest."""
    depths = sorted(depth for name, depth in speeds if name == step)
    ends = dict.fromkeys((depths[0], depths[-1]))
    medians = {depth: f"{median(speeds[step, depth]):.1f}" for depth in ends}
    if depths == [0]:
        return medians[0]
    return ", ".join(f"{speed} at {depth}" for depth, speed in medians.items())
