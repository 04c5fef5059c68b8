"""The report: one HTML file with everything in it, for a browser, a phone or an attachment.

It states the result with its interval first, then shows what it rests on: every policy, paired
differences, figures, what was trained on what, solutions to read, and how to make it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from restem.core.records import OUTCOMES
from restem.evaluation.examples import Example
from restem.evaluation.exports import fault_notes, headline, percent, points
from restem.evaluation.markup import Html, document, element, folded, section, table, text
from restem.evaluation.statistics import GAIN, LOSS, Interval
from restem.evaluation.summary import TEST, Difference, Policy, Summary

LONGEST = 4000  # characters of a solution that are shown
CAPTIONS = {
    "pass_at_1": "Bands: 95 % intervals over problems. Dashed: the control trained on human "
    "solutions. Dotted: the base on test.",
    "gap": "Training problems rising away from the others are being remembered, not learned.",
    "pass_at_k": "A curve that gains at small k and loses at large k has traded variety for "
    "certainty.",
    "training": "Each M-step, smoothed; the star marks the checkpoint that was kept.",
    "outcomes": "Samples of iteration k come from the policy before it.",
}


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows."""

    summary: Summary
    figures: Mapping[str, str]
    """SVG by name, names as in CAPTIONS; an empty figure is left out."""
    examples: Sequence[Example]
    journey: Sequence[Example]
    """Every policy's solution of one problem."""
    params: Mapping[str, object]
    """Dotted names to values."""
    trust: Html
    """The section on the verdicts, of `audit_section.py`."""
    adopted: Sequence[str] = ()
    """Work that earlier code made, a line each."""


def render(report: Report) -> str:
    """The page as text; the same report gives the same bytes."""
    summary = report.summary
    return document(
        "restem: a language model teaching itself",
        _header(summary),
        element(
            "div",
            _figures(report, "pass_at_1"),
            element("div", *_tiles(summary), cls="tiles"),
            cls="hero",
        ),
        _policies(summary),
        _differences(summary),
        _figures(report, "gap", "pass_at_k", "training", "outcomes"),
        _data_flow(summary),
        report.trust,
        _solutions(report),
        _again(report),
    )


def _header(summary: Summary) -> Html:
    best = summary.best_val
    note = (
        "Intervals are 95 % bootstraps over problems, exact ones where all problems agree: they "
        "cover the choice of problems, not that of the base model or the seed."
    )
    if best is not summary.last:
        note += (
            f" On validation problems {best.label.lower()} is best, "
            f"with {percent(best.score(TEST).mean)} on test."
        )
    return element("header", element("p", "restem · self-training, measured", cls="eyebrow"),
                   element("h1", headline(summary)), element("p", note))  # fmt: skip


def _tiles(summary: Summary) -> list[Html]:
    shown = [summary.base, *([summary.human] if summary.human else []), *summary.loop[1:]]
    return [
        element("div", element("span", policy.label),
                element("b", percent(policy.score(TEST).mean)),
                element("span", f"{_range(policy.score(TEST))} on test"),
                cls="tile main" if policy is summary.last else "tile")
        for policy in shown
    ]  # fmt: skip


def _figures(report: Report, *names: str) -> Html:
    """Figures, beside each other on a wide screen; those without data are left out."""
    shown = [
        element("figure", Html(report.figures[name]), element("figcaption", CAPTIONS[name]))
        for name in names
        if report.figures[name]
    ]
    return element("div", *shown, cls="grid")


def _policies(summary: Summary) -> Html:
    sets = [*summary.held_out, *sorted(set(summary.base.sets) - set(summary.held_out))]
    counts = (f"{summary.base.sets[name]['num_problems']} {name}" for name in sets)
    rows = [
        [
            policy.label,
            *(_score(policy.score(name)) for name in sets),
            "" if policy.gap is None else points(policy.gap),
            f"{policy.sets[TEST]['mean_tokens']:.1f}",
            percent(policy.truncated),
        ]
        for policy in summary.policies
    ]
    return section(
        "Every policy",
        f"Greedy pass@1 with its 95 % interval ({', '.join(counts)} problems). Tokens and "
        "truncated are the mean length of solutions and the share cut off, on test.",
        table(["", *sets, "train − test", "tokens", "truncated"], rows),
        *_sampling(summary),
        *(element("p", note) for note in fault_notes(summary)),
    )


def _sampling(summary: Summary) -> list[Html]:
    """The table of pass@k and maj@k; none where nothing was sampled."""
    ks, votes = list(summary.base.pass_at()), list(summary.base.maj_at())
    if not ks:
        return []
    rows = [
        [p.label, *(_score(p.pass_at()[k]) for k in ks), *(_score(p.maj_at()[k]) for k in votes)]
        for p in summary.policies
    ]
    return [
        element("h3", f"Sampled, {summary.base.sets[TEST]['num_sampled_problems']} test problems"),
        table(["", *(f"pass@{k}" for k in ks), *(f"maj@{k}" for k in votes)], rows),
    ]


def _differences(summary: Summary) -> Html:
    if not summary.differences:
        return Html("")
    blocks: list[Html] = []
    for name in summary.held_out:
        found = [one for one in summary.differences if one.set == name]
        blocks.append(element("h3", f"{name}, {found[0].num_problems} problems"))
        blocks.append(table(["", "points", "", "gained", "lost"], map(_change, found)))
    return section(
        "What changed, on the same problems",
        "Paired differences of greedy pass@1, in points, with 95 % intervals. Gained and lost: "
        "problems that only the later or only the earlier policy solves. An interval that holds 0 "
        "is no significant change; of twenty comparisons without any effect, one may look like "
        "one.",
        *blocks,
    )


def _change(one: Difference) -> list[object]:
    kind = {GAIN: "gain", LOSS: "loss"}.get(one.verdict, "none")
    change = one.change
    return [
        f"{one.before.label} → {one.after.label}",
        _with_note(points(change.mean), f"{points(change.low)} to {points(change.high)}"),
        element("span", one.verdict, cls=kind),
        one.gained,
        one.lost,
    ]


def _data_flow(summary: Summary) -> Html:
    head = ["", "problems", "samples", "correct", "distinct", "solved", "kept", "trained",
            "too long", "start", "updates", "best", "D_val"]  # fmt: skip
    rows = [[p.label, *_sampled(p), *_trained(p)] for p in summary.policies if p.training]
    if not rows:
        return Html("")
    sampled = [policy for policy in summary.policies if policy.e_step]
    names = [n for n in OUTCOMES if any(p.e_step and p.e_step.outcomes[n] for p in sampled)]
    outcomes = table(["", *(name.replace("_", " ") for name in names), "mean tokens"],
                     [[p.label, *_outcomes(p, names)] for p in sampled])  # fmt: skip
    return section(
        "What was trained on what",
        "An iteration samples with the policy before it, keeps distinct solutions up to the cap "
        "(correct ones; with method.weight exp, wrong ones too), and trains from its start. "
        "Solved: problems with a correct sample. Best: the update whose checkpoint is kept, and "
        "its reward on D_val.",
        table(head, rows),
        element("h3", "Outcomes of scoring"),
        outcomes,
    )


def _sampled(policy: Policy) -> list[object]:
    step = policy.e_step
    if step is None:
        return ["", "", "", "", "", ""]
    return [
        f"{step.num_problems:,}",
        f"{step.num_samples:,}",
        _count(step.num_correct, step.accuracy),
        _count(step.num_distinct, step.distinct, "of correct"),
        _count(step.num_solved, step.solved),
        f"{step.num_kept:,}",
    ]


def _trained(policy: Policy) -> list[object]:
    training = policy.training
    assert training
    return [
        f"{training['num_rows']:,}",
        f"{training['num_overlong']:,}",
        element("code", training["init"]),
        f"{training['num_updates']:,}",
        f"{training['best_step']:,}",
        percent(training["best_reward"]),
    ]


def _outcomes(policy: Policy, names: Sequence[str]) -> list[object]:
    step = policy.e_step
    assert step
    total = max(step.num_samples, 1)
    return [
        *(_count(step.outcomes[name], step.outcomes[name] / total) for name in names),
        f"{step.mean_tokens:.1f}",
    ]


def _solutions(report: Report) -> Html:
    blocks: list[Html] = []
    if report.journey:
        first = report.journey[0]
        blocks.append(element("h3", f"One problem through the loop ({_where(first)})"))
        ends = f"{report.summary.base.label} fails and {report.summary.last.label} solves"
        how = f"Drawn by seed among the test problems that {ends}."
        blocks.append(element("p", element("small", how), first.question))
        blocks.append(element("div", *(_card(one, False) for one in report.journey), cls="cards"))
        blocks.append(element("h3", "Right and wrong solutions of every policy"))
    for label in dict.fromkeys(one.policy for one in report.examples):
        cards = [_card(one, True) for one in report.examples if one.policy == label]
        blocks.append(folded(label, element("div", *cards, cls="cards")))
    return section(
        "Solutions to read",
        "Greedy solutions of test problems; right and wrong ones of each policy are drawn by seed.",
        *blocks,
    )


def _card(one: Example, with_question: bool) -> Html:
    shown = one.text if len(one.text) <= LONGEST else one.text[:LONGEST] + " … (cut here)"
    kind = "gain" if one.is_correct else "loss"
    verdict = element("span", one.outcome.replace("_", " "), cls=kind)
    expected = "" if one.expected is None else f", expected {one.expected}"
    answer = "no answer" if one.answer is None else f"answer {one.answer}"
    top = element("small", _where(one) if with_question else one.policy)
    return element(
        "div",
        top,
        element("p", one.question) if with_question else "",
        element("pre", shown),
        element("p", verdict, f": {answer}{expected}"),
        cls="card right" if one.is_correct else "card",
    )


def _where(one: Example) -> str:
    return f"{one.subject}, level {one.level}, {one.problem_id}"


def _again(report: Report) -> Html:
    rows = [[name, element("code", value)] for name, value in report.params.items()]
    return section(
        "Make it again",
        "Everything here follows from the code, params.yaml and its seeds"
        + (", except work of earlier code that was adopted." if report.adopted else "."),
        *(element("p", line) for line in report.adopted),
        element("pre", "git checkout COMMIT     # the commit that holds this report\n"
                       "dvc repro               # runs what is not cached, and nothing else\n"
                       "dvc exp run -S iters=3  # change one thing"),
        folded("Parameters of this run", table(["params.yaml", "value"], rows)),
    )  # fmt: skip


def _score(interval: Interval) -> Html:
    return _with_note(percent(interval.mean), _range(interval))


def _count(number: int, share: float, of: str = "") -> Html:
    return _with_note(f"{number:,}", f"{percent(share)} {of}".rstrip())


def _range(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _with_note(value: str, note: str) -> Html:
    """A number with a smaller line below it."""
    return Html(text(value) + element("small", note))
