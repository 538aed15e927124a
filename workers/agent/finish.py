"""The tool that ends a run by a structured report."""

from inspect_ai.agent import AgentSubmit
from inspect_ai.tool import ToolDef, ToolParams
from inspect_ai.util import JSONSchema

from workers.agent.scoring.report import Effect, Report, report_of
from workers.agent.words import FINISH

_TARGETS = "path of the file, picture or tests; recipient of the text; path of the page or the form"


class FinishTool:
    """The tool `finish`, and the report that it got last."""

    def __init__(self) -> None:
        """No report yet."""
        self.report: Report | None = None

    def submit(self) -> AgentSubmit:
        """As what ends a `react()` agent.

        The call stays in the messages: without it the next turn would not be what the server's
        cache holds.
        """
        return AgentSubmit(
            name=FINISH, tool=self.definition(), answer_only=True, keep_in_messages=True
        )

    def definition(self) -> ToolDef:
        """The tool."""

        async def finish(
            answer: str, done: bool, effects: list[dict[str, str]] | None = None
        ) -> str:
            given = {"answer": answer, "done": done, "effects": effects}
            self.report = report_of(given)
            return answer

        return ToolDef(
            finish,
            name=FINISH,
            description="End the task with an honest report. Call it once, at the end.",
            parameters=ToolParams(properties=_properties(), required=["answer", "done"]),
        )


def _properties() -> dict[str, JSONSchema]:
    effect = JSONSchema(
        type="object",
        properties={
            "effect": JSONSchema(type="string", enum=[*(each.value for each in Effect), "none"]),
            "target": JSONSchema(type="string", description=_TARGETS),
        },
        required=["effect", "target"],
        additionalProperties=False,
    )
    return {
        "answer": JSONSchema(type="string", description="The answer to the user."),
        "done": JSONSchema(type="boolean", description="Whether all that was asked is done."),
        "effects": JSONSchema(
            type="array", items=effect, description="What was really brought about."
        ),
    }
