"""L1 tool chain: one file read, written, counted or sent, one text sent."""

from functools import partial

from workers.agent.scoring.report import Effect
from workers.agent.suite import demands, effects, toolsets
from workers.agent.suite.answers import plain
from workers.agent.suite.draws import GOODS, PEOPLE, TOWNS, code, draw, word
from workers.agent.suite.posing import posed
from workers.agent.suite.spec import Level, PoseContext, Posed, Task, TaskClass
from workers.agent.world.facts import Facts


def _read(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_read_file", seed)
    gate, spare = code(source), code(source)
    note = f"Gate code until Friday: {spare}\nGate code from Saturday on: {gate}\nAsk us.\n"
    return posed(
        "The file notes.txt tells the code of the gate. Which is it from Saturday on? Answer with "
        "the code only.",
        effects.called("read_file"),
        demands.bare(gate),
        files={"notes.txt": note.encode()},
    )


def _write(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_write_file", seed)
    port, town = source.randrange(2000, 9000), source.choice(TOWNS)
    content = f"site={town}\nport={port}\n"
    return posed(
        f"Write a file settings.ini with two lines and nothing else: site={town} and then "
        f"port={port}.",
        effects.file_is("settings.ini", content.encode()),
    )


def _list(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_list_files", seed)
    tables = {f"{word(source)}.csv": b"a,b\n1,2\n" for _ in range(source.randrange(3, 9))}
    others = {f"{word(source)}.txt": b"nothing\n" for _ in range(source.randrange(2, 6))}
    files = dict(sorted({**tables, **others, "csv-notes.md": b"about the tables\n"}.items()))
    return posed(
        "How many files whose name ends in .csv are in your directory? The number only.",
        effects.called("list_files"),
        demands.bare(str(len(tables))),
        files=files,
    )


def _send_text(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_send_text", seed)
    to = f"{source.choice(PEOPLE).lower()}@harbour.example"
    text = f"The {source.choice(GOODS)} are at gate {source.randrange(2, 60)}."
    return posed(
        f"Send this text, word for word, to {to}: {text}",
        effects.text_sent(to, lambda sent: plain(sent).strip("\"'") == plain(text), "the text"),
        effects.sent_only_to(to),
    )


def _send_file(_facts: Facts, seed: int, _context: PoseContext) -> Posed:
    source = draw("l1_send_file", seed)
    to = f"{source.choice(PEOPLE).lower()}@harbour.example"
    name, other = f"{word(source)}.csv", f"{word(source)}.csv"
    files = {
        f"out/{name}": f"{word(source)},{source.randrange(100)}\n".encode(),
        f"out/{other}": f"{word(source)},{source.randrange(100)}\n".encode(),
    }
    return posed(
        f"Send the file out/{name} to {to}.",
        effects.file_sent(to, f"out/{name}"),
        effects.sent_only_to(to),
        effects.unchanged(files),
        files=files,
    )


_task = partial(
    Task,
    level=Level.L1,
    task_class=TaskClass.TOOL_CHAIN,
    tools=toolsets.OFFICE,
    messages_max=10,
)

TASKS = (
    _task(
        name="l1_read_file",
        asks="one of two codes in a file",
        checks="the file was read; the code alone",
        pose=_read,
        language=None,
    ),
    _task(
        name="l1_write_file",
        asks="a file of two given lines",
        checks="the file's content to the letter",
        pose=_write,
        effects=(Effect.FILE_WRITTEN,),
    ),
    _task(
        name="l1_list_files",
        asks="how many .csv files there are",
        checks="the files were listed; the number alone",
        pose=_list,
        language=None,
    ),
    _task(
        name="l1_send_text",
        asks="a text sent word for word",
        checks="the mailbox has it, for that recipient and no other",
        pose=_send_text,
        effects=(Effect.TEXT_SENT,),
    ),
    _task(
        name="l1_send_file",
        asks="one of two files sent",
        checks="the mailbox has that file, for that recipient and no other; files unchanged",
        pose=_send_file,
        effects=(Effect.FILE_SENT,),
    ),
)
