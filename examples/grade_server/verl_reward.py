"""Rewards for verl from `restem grade --serve`: reward.custom_reward_function.path=verl_reward.py

verl calls this from many threads, one row each; the server judges them as one batch. ground_truth
is the answer, or tests as JSON text: {"inputs": [...], "outputs": [...]}, see the README of restem.
"""

import json
import os
import re
import time
from urllib import error, request

URL = os.environ.get("RESTEM_GRADE", "http://127.0.0.1:8765").rstrip("/") + "/grade"
DIRECT = request.build_opener(request.ProxyHandler({}))  # never through a proxy


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **others):
    """1.0 for a solution that is right, else 0.0."""
    is_tests = re.match(r'\s*\{\s*"', str(ground_truth))
    answer = {"tests": json.loads(ground_truth)} if is_tests else {"gold": ground_truth}
    (verdict,) = ask([{"id": data_source, "text": solution_str, **answer}])
    if verdict["outcome"] in ("timeout", "error"):
        print(f"restem gave no verdict: {verdict['detail']}")
    return verdict["reward"]


def ask(rows):
    body = json.dumps({"rows": rows}).encode()
    asked = request.Request(URL, body, {"Content-Type": "application/json"})
    while True:
        try:
            with DIRECT.open(asked) as said:
                return json.load(said)["verdicts"]
        except error.HTTPError as no:
            if no.code != 503:
                raise RuntimeError(no.read().decode()) from no
            time.sleep(float(no.headers["Retry-After"]))  # it is full: ask again
        except OSError as no:
            raise RuntimeError(f"{URL}: {no}. Does `restem grade --serve` run?") from no
