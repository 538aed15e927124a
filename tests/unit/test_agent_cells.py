"""Cells of agent tasks before they run: configuration, sampler, runs, messages. No Inspect."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.agent_cells import checked_agent
from orchestrator.identity import workload_facts
from orchestrator.measured import workload_tokens
from orchestrator.session import read_command
from orchestrator.summaries import summary_queries
from warehouse import rows
from warehouse.errors import ConfigError
from workers.agent.messages import LOST, Finished, Sampling, Stopped, line_of, said_in
from workers.agent.planned import chosen_tasks, planned_runs
from workers.agent.suite.catalogue import SUITE_VERSION, TASKS
from workers.agent.words import filler_sentence
from workers.engine.config import EngineConfig
from workers.failures import CellFailed, FailureClass
from workers.models.config import ModelConfig
from workers.workloads.agent.config import AgentConfig
from workers.workloads.agent.process import environment
from workers.workloads.agent.sampling import sampling_of
from workers.workloads.agent.workload import Agent

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = ModelConfig(name="m", sampling={"temperature": 0.7, "top_k": 20, "top_p": 0.8})


def checked(config: AgentConfig, parallel: int = 1) -> AgentConfig:
    return checked_agent(config, MODEL, EngineConfig(parallel=parallel))


class TestConfiguration:
    @pytest.mark.parametrize(
        ("config", "text"),
        [
            (AgentConfig(level="L5"), "workload.level=L5: one of L0, L1, L2, L3, L4"),
            (AgentConfig(tasks=["nope"]), "workload.tasks: L0 has no nope; there are: "),
            (AgentConfig(sampling="hot"), "workload.sampling=hot: greedy or model"),
            (AgentConfig(thinking="much"), "workload.thinking=much: on, off or model"),
            (AgentConfig(tries=0), "workload.tries=0: 1 or more"),
            (AgentConfig(sessions=4), "workload.sessions=4: engine.parallel=1 has to be the same"),
            (AgentConfig(suite="/no/such.py@task"), "write /whole/path.py@task of a file"),
            (AgentConfig(suite="x/y", live=True), "workload.live goes with the suite of herd only"),
            (AgentConfig(suite="x/y", filler_depth=9), "goes with the suite of herd only"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, config: AgentConfig, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            checked(config)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_the_suites_version_is_part_of_the_cells_identity(self) -> None:
        found = checked(AgentConfig())
        assert found.suite_version == SUITE_VERSION
        assert workload_facts(found) != workload_facts(replace(found, suite_version="0"))

    def test_a_file_of_tasks_is_known_by_its_content(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.py"
        path.write_text("one")
        config = AgentConfig(suite=f"{path}@mine", level="L3")
        first = checked(config)
        path.write_text("other")
        other = checked(config)
        assert first.suite_version != other.suite_version
        assert (first.level, other.level) == ("", "")

    def test_what_the_catalogue_recommends_is_part_of_the_identity(self) -> None:
        found = checked(AgentConfig(sampling="model", top_k=5))
        assert (found.temperature, found.top_k, found.top_p) == (0.7, 5, 0.8)
        assert checked(AgentConfig()).temperature is None

    def test_a_preset_has_all_levels_as_cells_of_one_server(self) -> None:
        command = read_command(["+sweep=agents", "cache=q8_0/q4_0,f16/f16"], None)
        found = [(c.cache_k, c.workload) for c in command.cells]
        levels = [w.level for _, w in found if isinstance(w, AgentConfig)]
        assert sorted(levels) == sorted(["L0", "L1", "L2", "L3", "L4"] * 2)
        assert {c.engine.parallel for c in command.cells} == {1}

    def test_the_stress_preset_has_servers_of_its_own_for_sessions(self) -> None:
        command = read_command(["+sweep=agents-stress"], None)
        found = {
            (c.workload.sessions, c.engine.parallel, c.workload.filler_depth)
            for c in command.cells
            if isinstance(c.workload, AgentConfig)
        }
        assert found == {
            *((n, n, 0) for n in (1, 4, 16)),
            *((1, 1, n) for n in (8192, 32768, 131072)),
        }

    def test_a_forecast_knows_no_tokens_of_it(self) -> None:
        workload = workload_tokens("agent", workload_facts(checked(AgentConfig())), 4096)
        assert (workload.prompt_tokens, workload.generated_tokens) == (None, None)

    def test_the_sweeps_end_shows_its_table(self) -> None:
        _, agents = summary_queries("s", {"agent"})
        assert "from agents" in agents
        assert "sweep_id = 's'" in agents

    def test_filler_that_leaves_no_room_fails_for_good(self) -> None:
        with pytest.raises(CellFailed, match="leaves no room") as caught:
            Agent(AgentConfig(filler_depth=8000)).total(8192)
        assert caught.value.failure.failure_class is FailureClass.BAD_ARGS


class TestSampling:
    def test_greedy_takes_the_likeliest_whatever_the_header_says(self) -> None:
        found = sampling_of(AgentConfig(), {"general.sampling.temp": 1.0})
        assert found == Sampling(0.0, 1, 1.0, 0.0, 1.0, 0.0)

    def test_the_headers_word_is_taken_where_the_catalogue_is_silent(self) -> None:
        header = {"general.sampling.temp": 0.6, "general.sampling.top_k": 20, "other": 1}
        config = AgentConfig(sampling="model", temperature=0.5)
        assert sampling_of(config, header) == Sampling(0.5, 20, 1.0, 0.0, 1.0, 0.0)

    def test_without_any_recommendation_the_preset_cannot_be(self) -> None:
        with pytest.raises(CellFailed, match="recommends a temperature") as caught:
            sampling_of(AgentConfig(sampling="model"), {})
        assert caught.value.failure.failure_class is FailureClass.BAD_ARGS


class TestRuns:
    def test_a_session_keeps_its_tasks_and_each_round_tries_everything_once(self) -> None:
        tasks = chosen_tasks(TASKS.values(), "L1", ())[:3]
        runs = planned_runs(tasks, seed=5, variants=2, tries=2, sessions=4)
        assert [run.number for run in runs] == list(range(1, 13))
        assert [run.try_number for run in runs] == [1] * 6 + [2] * 6
        assert {run.seed for run in runs if run.variant == 2} == {6}
        assert len({run.name for run in runs}) == 12
        sessions = {(run.task.name, run.variant): run.session for run in runs}
        assert all(run.session == sessions[run.task.name, run.variant] for run in runs)
        assert set(sessions.values()) == {1, 2, 3, 4}

    def test_the_number_of_runs_is_known_before(self) -> None:
        config = AgentConfig(level="L1", tries=3, variants=2)
        count = sum(task.level == "L1" for task in TASKS.values())
        assert Agent(config).total(4096) == count * 6

    def test_filler_is_the_same_everywhere(self) -> None:
        assert filler_sentence(7) == filler_sentence(7)
        assert filler_sentence(7) != filler_sentence(8)


class TestProcess:
    def test_messages_come_back_as_they_were(self) -> None:
        row = rows.ToolCall(
            cell_id="c",
            attempt=1,
            run=1,
            turn=1,
            call=1,
            tool=None,
            arguments="ä\n",
            malformed="fence",
            invalid_arguments=None,
            error=None,
            repeats=None,
            recovered_by=2,
            result_bytes=3,
            started_at=NOW,
            ended_at=NOW,
        )
        for said in (row, Stopped(LOST, "x"), Finished(None)):
            line = line_of(said)
            assert line.count(b"\n") == 1
            assert said_in(line) == said

    def test_no_secret_of_the_worker_reaches_it(self, tmp_path: Path) -> None:
        environ = {
            "PATH": "/bin",
            "AWS_SECRET_ACCESS_KEY": "x",
            "RAY_AUTH_TOKEN_PATH": "x",
            "HERD_WAREHOUSE": "x",
            "HTTPS_PROXY": "x",
            "INSPECT_EVAL_MODEL": "x",
            "OPENAI_API_KEY": "x",
        }
        found = environment(environ, tmp_path)
        assert "x" not in found.values()
        assert found["PATH"] == "/bin"
        assert found["XDG_DATA_HOME"].startswith(str(tmp_path))

    def test_the_worker_imports_no_inspect(self) -> None:
        code = (
            "import sys, workers.workloads.catalogue, workers.agent.suite.catalogue, "
            "orchestrator.agent_cells as a; "
            "print(sorted({'inspect_ai', 'openai', 'jsonschema', 'anyio'} & set(sys.modules)))"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == "[]"
