"""Rewards for verl from `restem grade --serve`: reward.custom_reward_function.path=verl_reward.py

verl calls this from many threads, one row each; the server judges them as one batch. ground_truth
is the answer, or tests as JSON text: {"inputs": [...], "outputs": [...]}, see the README of restem.
"""

import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ.get("RESTEM_GRADE", "http://127.0.0.1:8765") + "/grade"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **others):
    """1.0 for a solution that is right, else 0.0."""
    row = {"id": data_source, "text": solution_str}
    if str(ground_truth).startswith('{"'):
        row["tests"] = json.loads(ground_truth)
    else:
        row["gold"] = ground_truth
    return ask([row])[0]["reward"]


def ask(rows):
    body = json.dumps({"rows": rows}).encode()
    asked = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    while True:
        try:
            with DIRECT.open(asked) as said:
                return json.load(said)["verdicts"]
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise RuntimeError(error.read().decode()) from error
            time.sleep(float(error.headers["Retry-After"]))  # it is full: ask again
