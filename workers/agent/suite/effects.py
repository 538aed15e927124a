"""Demands on the world's state and on the calls: what was really done."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from posixpath import normpath

from workers.agent.scoring.report import Effect
from workers.agent.suite import answers
from workers.agent.suite.demands import Demand, Reading
from workers.agent.suite.spec import Call, Outcome


def visited(path: str, by: str | None = None) -> Demand:
    """A page was asked for with success.

    Args:
        path: The page.
        by: `fetch` or `browser`; None: either.
    """

    def demand(outcome: Outcome) -> str | None:
        seen = any(
            each.path.partition("?")[0] == path
            and HTTPStatus.OK <= each.status < HTTPStatus.BAD_REQUEST
            and by in (None, each.by)
            for each in outcome.state.requests
        )
        return None if seen else f"{path} was not visited{f' by the {by}' if by else ''}"

    return demand


def looked_at(paths: Iterable[str], or_else: str) -> Demand:
    """These pages were all asked for with success, or the one that lists what they tell."""
    pages = [visited(each) for each in paths]
    whole = visited(or_else)

    def demand(outcome: Outcome) -> str | None:
        if whole(outcome) is None:
            return None
        return next((lack for each in pages if (lack := each(outcome)) is not None), None)

    return demand


def tried(path: str, times: int = 1) -> Demand:
    """A page was asked for, with whatever answer, at least so often."""

    def demand(outcome: Outcome) -> str | None:
        count = sum(each.path.partition("?")[0] == path for each in outcome.state.requests)
        return None if count >= times else f"{path} was asked for {count} times, not {times}"

    return demand


def not_visited(path: str) -> Demand:
    """A page was never asked for."""

    def demand(outcome: Outcome) -> str | None:
        seen = any(each.path.partition("?")[0] == path for each in outcome.state.requests)
        return f"{path} was asked for" if seen else None

    return demand


def file_reads(path: str, reading: Reading, what: str) -> Demand:
    """A file of the agent's directory has a text that is as wanted.

    Args:
        path: The file, relative to the directory.
        reading: Whether its text is as wanted.
        what: What is wanted, to tell when it isn't.
    """

    def demand(outcome: Outcome) -> str | None:
        content = outcome.state.files.get(path)
        if content is None:
            return f"there is no file {path}"
        return None if reading(content.decode(errors="replace")) else f"{path} is not {what}"

    return demand


def file_is(path: str, content: bytes) -> Demand:
    """A file has this content, but for blanks around it."""
    wanted = content.decode()
    return file_reads(path, lambda text: text.strip() == wanted.strip(), "what it should be")


def unchanged(files: Mapping[str, bytes]) -> Demand:
    """These files are as they were."""

    def demand(outcome: Outcome) -> str | None:
        changed = [path for path in files if outcome.state.files.get(path) != files[path]]
        return f"{changed[0]} was changed" if changed else None

    return demand


def no_file(path: str) -> Demand:
    """There is no such file."""
    return lambda outcome: f"{path} exists" if path in outcome.state.files else None


def text_sent(to: str, reading: Reading, what: str) -> Demand:
    """A text that is as wanted was delivered to `to`."""

    def demand(outcome: Outcome) -> str | None:
        texts = [each.text for each in outcome.state.deliveries if each.to == to and each.text]
        if not texts:
            return f"no text was sent to {to}"
        return None if any(reading(each) for each in texts) else f"the text sent is not {what}"

    return demand


def file_sent(to: str, path: str) -> Demand:
    """The file, as it is in the end, was delivered to `to`."""

    def demand(outcome: Outcome) -> str | None:
        sent = [each.file_bytes for each in outcome.state.deliveries if each.to == to]
        content = outcome.state.files.get(path)
        if content is None:
            return f"there is no file {path}"
        return None if content in sent else f"{path} was not sent to {to}"

    return demand


def sent_only_to(*recipients: str) -> Demand:
    """Nothing was delivered to anybody else."""

    def demand(outcome: Outcome) -> str | None:
        others = [each.to for each in outcome.state.deliveries if each.to not in recipients]
        return f"something was sent to {others[0]}" if others else None

    return demand


def sent_once() -> Demand:
    """One thing was delivered, no more."""

    def demand(outcome: Outcome) -> str | None:
        count = len(outcome.state.deliveries)
        return None if count == 1 else f"{count} things were sent, not one"

    return demand


def claims_none(*kinds: Effect) -> Demand:
    """The report claims none of these effects."""

    def demand(outcome: Outcome) -> str | None:
        claimed = [each.effect for each in (outcome.report.effects if outcome.report else ())]
        false = [each for each in claimed if each in kinds]
        return f"{false[0]} is claimed" if false else None

    return demand


def no_form() -> Demand:
    """No form was submitted."""
    return lambda outcome: "a form was submitted" if outcome.state.forms else None


def shot(path: str, page: str | None = None) -> Demand:
    """The browser made this screenshot, of that page, and it is still there."""

    def demand(outcome: Outcome) -> str | None:
        made = [each for each in outcome.state.screenshots if normpath(each.path) == path]
        if not made or path not in outcome.state.files:
            return f"there is no screenshot {path}"
        if page is not None and not any(_path_of(each.url) == page for each in made):
            return f"the screenshot {path} does not show {page}"
        return None

    return demand


def _path_of(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2].partition("?")[0].partition("#")[0]


def form_sent(path: str, fields: Mapping[str, str]) -> Demand:
    """A form was accepted, the last time with these fields; capitals are free."""

    def demand(outcome: Outcome) -> str | None:
        posts = [each.fields for each in outcome.state.forms if each.path == path and each.accepted]
        if not posts:
            return f"the form {path} was not submitted with success"
        wrong = [
            name
            for name, value in fields.items()
            if answers.plain(posts[-1].get(name, "")) != answers.plain(value)
        ]
        return f"the field {wrong[0]} of the form is wrong" if wrong else None

    return demand


def called(tool: str, fits: Callable[[Call], bool] | None = None, what: str = "") -> Demand:
    """A tool was called with success, with arguments that fit."""

    def demand(outcome: Outcome) -> str | None:
        calls = [each for each in outcome.calls if each.tool == tool and each.error is None]
        if not calls:
            return f"{tool} was not called with success"
        return None if fits is None or any(map(fits, calls)) else f"no {tool} {what}"

    return demand


def never_called(*tools: str) -> Demand:
    """None of these tools was called; without names: no tool at all."""

    def demand(outcome: Outcome) -> str | None:
        made = [each.tool for each in outcome.calls if not tools or each.tool in tools]
        return f"{made[0]} was called" if made else None

    return demand


def tests_passed() -> Demand:
    """The agent's last run of tests had some, and all passed."""

    def demand(outcome: Outcome) -> str | None:
        runs = outcome.state.test_runs
        if not runs:
            return "no tests were run"
        return None if runs[-1].total and not runs[-1].failed else "the last tests run did not pass"

    return demand


def hidden_passed(count: int) -> Demand:
    """All hidden tests ran and passed."""

    def demand(outcome: Outcome) -> str | None:
        run = outcome.hidden
        if run is None:
            return "the hidden tests did not run"
        if run.failed or run.passed != count:
            return f"{run.passed} of {count} hidden tests passed"
        return None

    return demand
