"""Rewards for TRL from `restem grade --serve`: GRPOTrainer(reward_funcs=restem_reward, ...).

Columns: `gold`, `tests` (JSON text, see the README of restem), or both, one of them null."""

import json
import os
import time
from urllib import error, request

URL = os.environ.get("RESTEM_GRADE", "http://127.0.0.1:8765").rstrip("/") + "/grade"
DIRECT = request.build_opener(request.ProxyHandler({}))  # never through a proxy


def restem_reward(completions, gold=None, tests=None, **columns):
    """One reward per completion; None, which TRL leaves out, where there is no verdict."""
    rows = []
    for n, one in enumerate(completions):  # texts, or messages where prompts are conversations
        text = one if isinstance(one, str) else one[-1]["content"] or ""
        suite = tests and json.loads(tests[n] or "null")
        rows.append({"id": n, "text": text, "gold": gold and gold[n], "tests": suite})
    verdicts = ask(rows)
    for lost in (v for v in verdicts if v["outcome"] in ("timeout", "error")):
        print(f"restem gave no verdict: {lost['detail']}")
        lost["reward"] = None
    return [v["reward"] for v in verdicts]


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
