"""The model behind a llama-server, as Inspect asks it."""

from typing import Any

from inspect_ai.model import GenerateConfig, Model, get_model

from workers.agent.messages import AgentRequest

PROVIDER = "openai-api/herd/model"


def served_model(request: AgentRequest) -> Model:
    """The server's model; nothing is left to anybody's defaults, and nothing is tried twice.

    Thinking of earlier turns is not sent back: templates drop it, and clients that send it make
    the server process it again.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repeat_penalty": sampling.repeat_penalty,
        "cache_prompt": True,
    }
    if request.thinking != "model":
        body["chat_template_kwargs"] = {"enable_thinking": request.thinking == "on"}
    if request.thinking_budget is not None:
        body["thinking_budget_tokens"] = request.thinking_budget
    return get_model(
        PROVIDER,
        config=GenerateConfig(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=0.0,
            seed=request.seed,
            max_tokens=request.turn_tokens,
            max_connections=request.sessions,
            max_retries=0,
            reasoning_history="none",
            extra_body=body,
        ),
        base_url=f"{request.base_url}/v1",
        api_key=request.api_key,
        # of the provider's client
        max_retries=0,
        strict_tools=False,
        client_timeout=request.request_timeout_s,
    )
