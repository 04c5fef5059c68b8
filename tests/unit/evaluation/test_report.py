"""The report stage, run for real on a simulated experiment written through the real storage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from restem.core import layout
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.storage import read_json, read_rows, write_json, write_rows
from restem.stages import audit, report

pytestmark = pytest.mark.slow  # draws every figure

Build = Callable[..., Params]
VOID = {"meta", "br", "link"}


class Balance(HTMLParser):
    """Collects tags that are closed wrongly, and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.fetched += [values[k] or "" for k in ("src", "href", "xlink:href") if k in values]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def page() -> str:
    return Path("metrics/report.html").read_text()


def written() -> dict[str, bytes]:
    paths = [p for p in Path("metrics").rglob("*") if p.is_file()]
    return {p.as_posix(): p.read_bytes() for p in sorted(paths)}


def test_report_writes_every_file_and_says_the_result(
    experiment: Build, caplog: pytest.LogCaptureFixture
) -> None:
    params = experiment(iters=2)
    with caplog.at_level("INFO"):
        report.run(params, None)
    for name in ("summary.json", "iterations.csv", "pass_at_1.svg", "report.html", "headline.txt",
                 "curves/1.csv", "curves/2.csv", "curves/human.csv"):  # fmt: skip
        assert (Path("metrics") / name).stat().st_size > 100, name
    assert "After 2 iterations" in caplog.messages[-1]
    assert caplog.messages[-1].endswith("metrics/report.html")


def test_a_second_run_gives_the_same_bytes(experiment: Build) -> None:
    params = experiment(iters=2)
    report.run(params, None)
    first = written()
    report.run(params, None)
    assert written() == first


def test_adopted_work_is_told_and_nothing_is_where_there_is_none(experiment: Build) -> None:
    params = experiment(iters=1)
    report.run(params, None)
    assert "adopted" not in page()
    assert "adopted" not in read_json(layout.SUMMARY)
    about = {"sample": [{"what": "2 of 3 shards", "changed": ["a.py", "b.py"]}]}
    write_rows("scored", layout.scored("1"), read_rows("scored", layout.scored("1")), about)
    training = read_json(layout.training("human"))
    made = [{"what": "checkpoint-5", "changed": None}]
    write_json(layout.training("human"), {**training, "adopted": made})
    report.run(params, None)
    told = {
        "sample@1": "2 of 3 shards adopted, a.py, b.py changed since",
        "train@human": "checkpoint-5 adopted, made by an earlier release, which kept no list of "
        "its files",
    }
    assert read_json(layout.SUMMARY)["adopted"] == told
    assert all(f"{stage}: {text}." in page() for stage, text in told.items())


def test_the_number_of_workers_is_no_part_of_the_report(experiment: Build) -> None:
    params = experiment(iters=1)
    report.run(params, None)
    first = written()
    params.machine.workers = 7
    report.run(params, None)
    assert written() == first


def test_the_page_is_whole_and_fetches_nothing(experiment: Build) -> None:
    report.run(experiment(iters=2), None)
    parser = Balance()
    parser.feed(page())
    assert not parser.wrong
    assert not parser.open
    assert len(parser.ids) == len(set(parser.ids))
    assert all(target.startswith("#") for target in parser.fetched)
    assert {target[1:] for target in parser.fetched} <= set(parser.ids)
    outside = re.findall(r"https?://[^\"\s<]+", page())
    assert set(outside) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<script" not in page()
    assert "@import" not in page()
    assert page().count("<svg") == 5


def test_the_page_tells_whose_solutions_could_not_be_judged(experiment: Build) -> None:
    params = experiment(iters=1)
    report.run(params, None)
    assert "could not judge" not in page()
    metrics: dict[str, Any] = read_json(layout.evaluation("1"))
    metrics["val"]["num_faults"] = 7
    write_json(layout.evaluation("1"), metrics)
    report.run(params, None)
    scored = sum(of_set["num_scored"] for of_set in metrics.values())
    line = f"<p>Iteration 1: the verifier could not judge 7 of {scored:,} solutions.</p>"
    assert page().count(line) == 1
    assert json.loads(Path("metrics/summary.json").read_text())["faults"] == 7
    assert "could not judge 7 of" in Path("metrics/headline.txt").read_text()


def test_what_models_and_problems_say_is_escaped(experiment: Build) -> None:
    params = experiment(iters=1)
    attack = '<script>alert("7")</script><img src=x onerror=alert(1)>'
    for name in ("0", "1"):
        rows = read_rows("eval", layout.eval_rows(name))
        changed = [{**row, "text": attack, "answer": attack, "subject": attack} for row in rows]
        write_rows("eval", layout.eval_rows(name), changed)
    rows = read_rows("problems", layout.problems("test"))
    write_rows("problems", layout.problems("test"), [{**r, "question": attack} for r in rows])
    found: dict[str, Any] = read_json(layout.AUDIT)
    step = {"problem_id": attack, "equation": attack, "text": attack}
    found["iterations"]["1"]["steps"]["examples"] = [step]
    write_json(layout.AUDIT, found)
    report.run(params, None)
    assert "<script" not in page()
    assert "<img" not in page()
    assert "&lt;script&gt;alert(&quot;7&quot;)&lt;/script&gt;" in page()


def test_characters_that_are_not_legal_in_html_are_replaced(experiment: Build) -> None:
    params = experiment(iters=1)
    for name in ("0", "1"):
        rows = read_rows("eval", layout.eval_rows(name))
        changed = [{**row, "text": "a\x00\x1b[2J\x7f\x9bb\tc\nd"} for row in rows]
        write_rows("eval", layout.eval_rows(name), changed)
    report.run(params, None)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page())
    assert "<pre>a\ufffd\ufffd[2J\ufffd\ufffdb\tc\nd</pre>" in page()


def test_the_problem_through_the_loop_says_how_it_was_chosen(experiment: Build) -> None:
    params = experiment(iters=2)
    report.run(params, None)
    said = "the test problems that Base fails and Iteration 2 solves"
    assert page().count(said) == 1
    rows = read_rows("eval", layout.eval_rows("2"))
    write_rows("eval", layout.eval_rows("2"), [{**row, "greedy": 0} for row in rows])
    report.run(params, None)
    assert said not in page()
    assert "One problem through the loop" not in page()


def test_a_policy_that_solves_nothing_has_figures(experiment: Build) -> None:
    params = experiment(iters=1)
    for name in ("0", "human", "1"):
        metrics: dict[str, Any] = read_json(layout.evaluation(name))
        for of_set in metrics.values():
            of_set["pass_at_1"] = {"mean": 0.0, "low": 0.0, "high": 0.0}
        write_json(layout.evaluation(name), metrics)
        rows = read_rows("eval", layout.eval_rows(name))
        write_rows("eval", layout.eval_rows(name), [{**row, "greedy": 0} for row in rows])
    report.run(params, None)
    assert page().count("<svg") == 5


def test_idle_iterations_are_never_opened(experiment: Build) -> None:
    params = experiment(iters=1)
    for path in (layout.evaluation("2"), layout.eval_rows("2"), layout.training("2")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("idle\n")
    report.run(params, None)
    assert json.loads(layout.SUMMARY.read_text())["last"]["iteration"] == 1


def test_the_control_can_be_skipped(experiment: Build) -> None:
    report.run(experiment(iters=1, human=False), None)
    assert "Human SFT" not in page()
    assert "human" not in json.loads(layout.SUMMARY.read_text())
    assert sorted(p.name for p in Path("metrics/curves").iterdir()) == ["1.csv"]


def test_curves_of_an_earlier_run_go_away(experiment: Build) -> None:
    params = experiment(iters=2)
    report.run(params, None)
    params.iters = 1
    audit.run(params, None)
    report.run(params, None)
    assert sorted(p.name for p in Path("metrics/curves").iterdir()) == ["1.csv", "human.csv"]


@pytest.mark.parametrize("iters", [0, 5])
def test_any_number_of_iterations_has_a_report(experiment: Build, iters: int) -> None:
    report.run(experiment(iters=iters), None)
    shown = {int(number) for number in re.findall(r"Iteration (\d)", page())}
    assert shown == set(range(1, iters + 1))
    assert len(layout.ITERATIONS_CSV.read_text().splitlines()) == iters + 2


def test_no_significant_change_is_printed_as_such(experiment: Build) -> None:
    params = experiment(iters=2, human=False)
    write_rows("eval", layout.eval_rows("2"), read_rows("eval", layout.eval_rows("1")))
    report.run(params, None)
    line = re.search(r"<tr><th>Iteration 1 → Iteration 2</th>.*?</tr>", page())
    assert line
    assert '<span class="none">no significant change</span>' in line.group()
    assert "+0.0" in line.group()


def test_examples_hold_a_right_and_a_wrong_solution_of_every_policy(experiment: Build) -> None:
    report.run(experiment(iters=2), None)
    for label in ("Base", "Human SFT", "Iteration 1", "Iteration 2"):
        block = page().split(f"<summary>{label}</summary>")[1].split("</details>")[0]
        assert block.count('class="card right"') == 2
        assert block.count('class="card"') == 2


def test_the_figure_for_the_readme_is_an_image_of_its_own(experiment: Build) -> None:
    report.run(experiment(iters=1), None)
    root = ElementTree.fromstring(Path("metrics/pass_at_1.svg").read_text())
    words = " ".join(root.itertext())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "Greedy pass@1" in words
    assert "stories" in words
    assert [one.tag for one in root.iter() if one.tag.endswith("}date")] == []


def test_a_missing_evaluation_is_named(experiment: Build) -> None:
    params = experiment(iters=2)
    layout.evaluation("2").unlink()
    with pytest.raises(DataError, match=r"metrics/iterations/2\.json.*dvc repro"):
        report.run(params, None)


def test_a_task_without_transfer_or_sampling_has_a_report(experiment: Build) -> None:
    params = experiment(iters=1)
    report.run(params, None)
    assert "pass@8" in page()
    for name in ("0", "human", "1"):
        path = layout.evaluation(name)
        metrics = json.loads(path.read_text())
        del metrics["stories"]
        for one in metrics.values():
            one.pop("pass_at", None)
            one.pop("maj_at", None)
        path.write_text(json.dumps(metrics))
    report.run(params, None)
    assert "stories" not in json.loads(layout.SUMMARY.read_text())["base"]
    assert "pass@8" not in page()
    assert page().count("<svg") == 4
