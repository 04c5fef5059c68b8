"""The reward hooks of examples/grade_server, called as TRL and verl call them, by a real server."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from serving import LONG_S, serving

REPO = Path(__file__).parents[3]
EXAMPLES = REPO / "examples" / "grade_server"
TESTS = {"inputs": ["2\n"], "outputs": ["3\n"]}
RIGHT, WRONG = "print(int(input()) + 1)", "print(int(input()) + 2)"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as found:
        yield found


def hook(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a trainer imports it: by its path."""
    monkeypatch.setenv("RESTEM_GRADE", address)
    spec = importlib.util.spec_from_file_location("custom_module", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_request_in_the_readme_is_answered(address: str) -> None:
    (sent,) = re.findall(r"-d '(.*)'", (EXAMPLES / "README.md").read_text())
    asked = urllib.request.Request(
        f"{address}/grade", sent.encode(), {"Content-Type": "application/json"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked, timeout=LONG_S) as said:
        assert [row["outcome"] for row in json.load(said)["verdicts"]] == ["correct"]


@pytest.mark.parametrize("name", ["trl_reward", "verl_reward"])
def test_an_example_has_at_most_forty_lines(name: str) -> None:
    assert (EXAMPLES / f"{name}.py").read_text().count("\n") <= 40


def test_trl_gets_one_reward_per_completion(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reward = hook("trl_reward", address, monkeypatch).restem_reward
    others = {"prompts": ["?"] * 3, "completion_ids": [[1]] * 3, "trainer_state": object()}
    texts = ["so \\boxed{5}", "so \\boxed{6}", "\\boxed{7}"]
    assert reward(completions=texts, gold=["5", "5", "7"], **others) == [1.0, 0.0, 1.0]
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    assert reward(completions=messages, gold=["5", "5", "7"], **others) == [1.0, 0.0, 1.0]
    programs = [RIGHT, WRONG, RIGHT]
    columns = {"tests": [json.dumps(TESTS), json.dumps(TESTS), "{}"]}
    assert reward(completions=programs, **columns, **others) == [1.0, 0.0, None]
    both = {"gold": ["5", None, "5"], "tests": [None, json.dumps(TESTS), None]}
    assert reward(completions=["5", RIGHT, "6"], **both, **others) == [1.0, 1.0, 0.0]


def test_a_data_set_that_cannot_be_judged_is_said(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = hook("trl_reward", address, monkeypatch).restem_reward
    assert reward(["5", "5"], ["5", None]) == [1.0, None]
    assert "row: item 2: needs gold (an answer) or tests" in capsys.readouterr().out
    assert hook("verl_reward", address, monkeypatch).compute_score("x", "5", ["5"]) == 0.0
    assert "row: item 1: gold must be text" in capsys.readouterr().out


def test_both_say_where_no_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    score = hook("verl_reward", address, monkeypatch).compute_score
    reward = hook("trl_reward", address, monkeypatch).restem_reward
    for ask in (lambda: score("x", "5", "5"), lambda: reward(["5"], ["5"])):
        with pytest.raises(RuntimeError, match=r"refused.*Does `restem grade --serve` run"):
            ask()


def test_verl_gets_one_reward_per_call(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call in a thread of the default executor, as its reward loop does."""
    compute_score = hook("verl_reward", address, monkeypatch).compute_score
    asked = [(f"so \\boxed{{{n}}}", str(n if n % 2 else 1000)) for n in range(60)]
    asked += [("the set is \\boxed{\\{1, 2\\}}", "{1, 2}"), (RIGHT, json.dumps(TESTS)),
              (WRONG, json.dumps(TESTS)), (RIGHT, json.dumps(TESTS, indent=1))]  # fmt: skip

    async def judged() -> list[float]:
        loop = asyncio.get_running_loop()
        calls = [
            loop.run_in_executor(
                None,
                lambda text=text, gold=gold: compute_score(
                    data_source="x", solution_str=text, ground_truth=gold,
                    extra_info={"num_turns": None}, reward_router_address=None,
                ),
            )
            for text, gold in asked
        ]  # fmt: skip
        return await asyncio.gather(*calls)

    assert asyncio.run(judged()) == [float(n % 2) for n in range(60)] + [1.0, 1.0, 0.0, 1.0]


class Busy(BaseHTTPRequestHandler):
    """Full twice, then it answers; it does not take 7."""

    asked: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(len(body["rows"]))
        code = 400 if body["rows"][0].get("gold") == "7" else 503 if len(self.asked) < 3 else 200
        said = {"verdicts": [{"outcome": "correct", "reward": 1.0}], "error": "no 7 here"}
        self.send_response(code)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_both_ask_again_when_the_server_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            score = hook("verl_reward", address, monkeypatch).compute_score
            reward = hook("trl_reward", address, monkeypatch).restem_reward
            for ask in (lambda gold: score("x", "5", gold), lambda gold: reward(["5"], [gold])[0]):
                Busy.asked.clear()
                assert ask("5") == 1.0
                assert len(Busy.asked) == 3
                with pytest.raises(RuntimeError, match="no 7 here"):
                    ask("7")
        finally:
            server.shutdown()
            thread.join(LONG_S)


@pytest.mark.slow
def test_grpo_takes_a_step_with_these_rewards(address: str, tmp_path: Path) -> None:
    pytest.importorskip("trl", exc_type=ImportError)
    environment = {**os.environ, "RESTEM_GRADE": address, "PYTHONPATH": str(REPO / "src"),
                   "HF_HUB_OFFLINE": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(REPO / "tests" / "grpo_step.py"), str(tmp_path)], cwd=tmp_path,
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "rewards.json").read_text())
    assert len(found["rewards"]) == 16
    pairs = zip(found["completions"], found["gold"], strict=True)
    assert found["rewards"] == [float(text == gold) for text, gold in pairs]
