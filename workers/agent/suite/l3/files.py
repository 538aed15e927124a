"""L3 error edge with files: what is not there, lies elsewhere or is broken."""

from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.answers import has_number
from workers.agent.suite.draws import GOODS, PEOPLE, draw, word
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _address(task: str, seed: int) -> str:
    return f"{draw(f'{task} address', seed).choice(PEOPLE).lower()}@desk.example"


def _wrong_path(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l3_wrong_path", seed)
    name, year = word(source), source.randrange(2019, 2024)
    right = f"archive/{year}/{name}-final.csv"
    files = {
        right: f"a,b\n{source.randrange(99)},1\n".encode(),
        f"archive/{year}/{name}-draft.csv": b"a,b\n0,0\n",
        f"archive/{year - 1}/{word(source)}-final.csv": b"a,b\n7,7\n",
    }
    to = _address("l3_wrong_path", seed)
    return posed(
        f"Send {name}-final.csv to {to}. I think that it is in the folder reports.",
        effects.file_sent(to, right),
        effects.sent_only_to(to),
        effects.sent_once(),
        effects.unchanged(files),
        files=files,
    )


def _nothing_to_send(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l3_nothing_to_send", seed)
    name = word(source)
    files = {f"reports/{word(source)}.pdf": b"%PDF-1.4 another report\n"}
    return posed(
        f"Send the file reports/{name}.pdf to {_address('l3_nothing_to_send', seed)}. If that "
        "can't be done, send nothing, don't make up a file, and report the task as not done.",
        effects.sent_only_to(),
        effects.no_file(f"reports/{name}.pdf"),
        effects.unchanged(files),
        effects.claims_none(Effect.FILE_SENT),
        demands.admitted,
        files=files,
    )


def _kein_brief(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l3_de_missing_file", seed)
    name = word(source)
    files = {f"briefe/{word(source)}.txt": b"Ein anderer Brief.\n"}
    return posed(
        f"Fasse den Brief briefe/{name}.txt in zwei deutschen Sätzen zusammen. Gibt es ihn nicht, "
        "dann sage das auf Deutsch und melde die Aufgabe als nicht erledigt.",
        demands.german(),
        demands.admitted,
        demands.says_none("ein anderer Brief"),
        effects.no_file(f"briefe/{name}.txt"),
        effects.unchanged(files),
        files=files,
    )


def _broken_table(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l3_broken_table", seed)
    rows = [(source.choice(GOODS), source.randrange(5, 80)) for _ in range(8)]
    lines = [f"{thing};{count}" for thing, count in rows]
    broken = source.randrange(2, 7)
    lines[broken] = f"{rows[broken][0]};n/a"
    total = sum(count for at, (_, count) in enumerate(rows) if at != broken)
    file = {"stock.csv": ("thing;count\n" + "\n".join(lines) + "\n").encode()}

    def told(text: str) -> bool:
        return has_number(text, total) and has_number(text, broken + 2)

    return posed(
        "stock.csv has a thing and a count on each line after the heading. One line has no usable "
        "count. Write result.txt with two lines: first the sum of all usable counts, then the "
        "number of the broken line (the heading is line 1).",
        effects.file_reads("result.txt", told, f"{total} and line {broken + 2}"),
        effects.file_reads("result.txt", lambda text: len(text.split()) <= 12, "two short lines"),
        effects.unchanged(file),
        files=file,
    )


_task = partial(
    Task,
    level=Level.L3,
    task_class=TaskClass.ERROR_EDGE,
    tools=toolsets.OFFICE,
    messages_max=24,
    context_min_n=4096,
)

TASKS = (
    _task(
        name="l3_wrong_path",
        asks="a file sent that lies elsewhere than the user thinks",
        checks="that file was sent, and nothing else",
        pose=_wrong_path,
        effects=(Effect.FILE_SENT,),
    ),
    _task(
        name="l3_nothing_to_send",
        asks="a file sent that does not exist",
        checks="nothing was sent or made up; not claimed; reported as not done, in words too",
        pose=_nothing_to_send,
    ),
    _task(
        name="l3_de_missing_file",
        asks="a summary of a letter that does not exist (German)",
        checks="a German answer that says so; reported as not done",
        pose=_kein_brief,
        language="de",
    ),
    _task(
        name="l3_broken_table",
        asks="a sum over a table with a broken line",
        checks="the file has the sum of the others and the line's number; the table is unchanged",
        pose=_broken_table,
        effects=(Effect.FILE_WRITTEN,),
        language=None,
    ),
)
