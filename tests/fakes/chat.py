"""The fake's /v1/chat/completions: a scripted model, the key `chat` of its behaviour.

    chat    [{"when": TEXT, "answers": [ANSWER, ...]}, ...]: the first whose `when` stands in a
            user message answers; its answers in order, by how many answers the conversation has
            already, the last one again and again. Without one, the answer is "no script".

An ANSWER has any of: `content`; `thinking`; `calls` [{"name", "arguments"}], arguments an object
or, as a model that cannot write JSON does, a text; `silent` true: no answer ever comes; `error`: a
500 with that text; `predicted`: tokens it took, else its words.
"""

import json
import threading
import time

from tests.fakes.model import Completion, HttpError, Json, Model, tokens_of


def render(asked: Json) -> str:
    """The prompt of a conversation: tools, then one line a message, then the head of an answer."""
    lines = [f"<tools> {json.dumps(asked['tools'])}"] if asked.get("tools") else []
    for message in asked["messages"]:
        calls = json.dumps(message["tool_calls"]) if message.get("tool_calls") else ""
        lines.append(f"<{message['role']}> {text_of(message)} {calls}")
    return "\n".join([*lines, "<assistant>"])


def text_of(message: Json) -> str:
    """The text of a message, whose content may be in parts."""
    content: str | list[Json] = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(str(p["text"]) for p in content)


def choose(scripts: list[Json], messages: list[Json]) -> Json:
    """The answer that the script has for a conversation."""
    said = "\n".join(text_of(each) for each in messages if each["role"] == "user")
    number = sum(each["role"] == "assistant" for each in messages)
    for script in scripts:
        if script["when"] in said:
            answers = script["answers"]
            found: Json = answers[min(number, len(answers) - 1)]
            return found
    return {"content": "no script"}


def chat(model: Model, asked: Json) -> Json:
    """The answer to a conversation, with the timings that llama-server adds."""
    answer = choose(model.how.get("chat", []), asked["messages"])
    if answer.get("silent"):
        threading.Event().wait()
    if "error" in answer:
        raise HttpError(500, "server_error", answer["error"])
    calls = [_call(number, each) for number, each in enumerate(answer.get("calls", []))]
    words = f"{answer.get('thinking', '')} {answer.get('content', '')}"
    words += f" {json.dumps(calls)}" if calls else ""
    ids = tokens_of(words) or [0]
    count = min(int(answer.get("predicted", len(ids))), int(asked.get("max_tokens") or 10**9))
    wanted = {"prompt": render(asked), "id_slot": asked.get("id_slot", -1), "n_predict": count}
    completion = Completion(model, {**wanted, "ignore_eos": True})
    result = completion.run(lambda chunk: None, (ids * count)[:count])
    message: Json = {"role": "assistant", "content": answer.get("content")}
    if answer.get("thinking"):
        message["reasoning_content"] = answer["thinking"]
    if calls:
        message["tool_calls"] = calls
    whole = count >= len(ids)
    reason = ("tool_calls" if calls else "stop") if whole else "length"
    prompt_n = len(completion.prompt)
    return {
        "id": f"chatcmpl-{completion.number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.path,
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": {
            "prompt_tokens": prompt_n,
            "completion_tokens": count,
            "total_tokens": prompt_n + count,
        },
        "timings": result["timings"],
    }


def _call(number: int, call: Json) -> Json:
    given = call["arguments"]
    arguments = given if isinstance(given, str) else json.dumps(given)
    function = {"name": call["name"], "arguments": arguments}
    return {"id": f"call{time.monotonic_ns()}{number}", "type": "function", "function": function}
