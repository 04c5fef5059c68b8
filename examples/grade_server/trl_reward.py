"""Rewards for TRL from `restem grade --serve`: GRPOTrainer(reward_funcs=restem_reward, ...).

The data set has a column `gold` (the answer) or `tests` (JSON text, as in the README of restem).
"""

import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ.get("RESTEM_GRADE", "http://127.0.0.1:8765") + "/grade"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


def restem_reward(completions, gold=None, tests=None, **columns):
    """One reward per completion; None, which TRL leaves out, where the verifier itself failed."""
    rows = [{"id": n, "text": text_of(one)} for n, one in enumerate(completions)]
    for row, answer in zip(rows, gold or tests, strict=True):
        row["gold" if gold else "tests"] = answer if gold else json.loads(answer)
    verdicts = ask(rows)
    return [None if v["outcome"] in ("timeout", "error") else v["reward"] for v in verdicts]


def text_of(completion):
    """A completion is text, or messages where prompts are conversations."""
    return completion if isinstance(completion, str) else completion[-1]["content"] or ""


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
