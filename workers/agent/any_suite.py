"""Any task of Inspect by its name: a user's, or one of `inspect_evals`."""

from datetime import UTC, datetime

from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model

from warehouse import rows
from workers.agent.evaluation import EVAL_SETTINGS, Means
from workers.agent.listening import listen
from workers.agent.scoring.calls import is_unreadable
from workers.agent.scoring.rows import Ended, Identified, run_rows
from workers.agent.turns import one_line, transcript_of

_RIGHT = ("C", 1, True)


class AnySuite:
    """Success is what its own first score says; what herd's world would tell stays null."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._runs = 0

    def seed(self, sample_id: str, epoch: int) -> int:  # noqa: ARG002 - the same for all samples
        """Another one for each try."""
        return self._means.request.seed + epoch - 1

    def rows(self, sample: EvalSample) -> tuple[rows.Row, ...]:
        """See `listening.Ending`."""
        self._runs += 1
        request = self._means.request
        which = Identified(
            cell_id=request.cell_id,
            attempt=request.attempt,
            run=self._runs,
            suite=request.suite,
            suite_version=request.suite_version,
            task=str(sample.id),
            variant=None,
            seed=self.seed("", sample.epoch),
            level=None,
            task_class=request.suite.rpartition("@")[2].rpartition("/")[2],
            language=None,
            try_number=sample.epoch,
            sessions=request.sessions,
            session=1 if request.sessions == 1 else None,
            filler_depth=0,
            thinking_budget=request.thinking_budget,
            sampling=self._means.sampling,
        )
        return run_rows(
            which, _ended(sample), transcript_of(sample, None, None), self._means.tokens_of
        )

    def evaluate(self, model: Model) -> EvalLog:
        """Run it."""
        request = self._means.request
        listen(self, self._means.say)
        (log, *_) = inspect_eval(
            request.suite,
            model=model,
            log_dir=f"{request.folder}/log",
            sample_id=list(request.tasks) or None,
            epochs=request.tries,
            message_limit=request.messages,
            time_limit=round(request.time_s),
            max_samples=request.sessions,
            **EVAL_SETTINGS,
        )
        return log


def _ended(sample: EvalSample) -> Ended:
    outcome, reason = _outcome(sample)
    return Ended(outcome, reason, _moment(sample.started_at), _moment(sample.completed_at))


def _moment(text: str | None) -> datetime:
    """Inspect says when every sample began and ended."""
    return datetime.fromisoformat(text) if text else datetime.now(UTC)


def _outcome(sample: EvalSample) -> tuple[str, str | None]:
    if sample.error:
        errors = [e.error for e in sample.events if e.event == "model" and e.error]
        text = one_line(errors[-1] if errors else sample.error.message)
        return ("failure" if errors and is_unreadable(text) else "error"), text
    for name, score in (sample.scores or {}).items():
        said = score.explanation or score.answer
        right = isinstance(score.value, str | int | float) and score.value in _RIGHT
        reason = f"{name}: {score.value}" + (f", {one_line(said)}" if said else "")
        return ("success" if right else "failure"), reason[:400]
    return "error", "it has no scorer"
