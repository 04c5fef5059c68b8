"""The part of the report that says how far its verdicts can be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from restem.core.records import OUTCOMES
from restem.evaluation.audit import AuditJson, IterationJson, LuckJson, StepsJson
from restem.evaluation.exports import percent
from restem.evaluation.markup import Html, element, folded, section, table
from restem.evaluation.probes import KindJson

KINDS = ("another gold", "sign", "plus one", "minus one", "one digit", "inverted", "swapped",
         "other base", "does nothing", "always the first output",
         "solves another problem")  # fmt: skip
NOTHING = "–"


def audit_section(audit: AuditJson) -> Html:
    """Tables first, rows to read behind a fold."""
    rounds = audit["iterations"]
    return section(
        "How far the verdicts can be trusted",
        f"Everything above rests on the grader {audit['grader']}. Here it is put to the test: by "
        "solutions that are wrong by construction, by a second grader that gives nothing away, "
        "and, for answers, by a look at how the kept solutions reach them.",
        *_probe(audit),
        *(_comparison(rounds) if rounds else ()),
        *(_kept(rounds) if any(one["steps"] or one["luck"] for one in rounds.values()) else ()),
    )


def headline_numbers(audit: AuditJson) -> dict[str, object]:
    """The few numbers for metrics/summary.json; of the iterations, those of the last one."""
    record: dict[str, object] = {"probe_accepted": audit["probe"]["all"]["accepted"],
                                 "probe_at_most": audit["probe"]["all"]["at_most"]}  # fmt: skip
    if not audit["iterations"]:
        return record
    last = audit["iterations"][max(audit["iterations"], key=int)]
    split = last["comparison"]["only_main"] + last["comparison"]["only_strict"]
    record["disputed"] = round(split / max(last["samples"], 1), 4)
    if last["steps"]:
        record["wrong_steps"] = round(_wrong_share(last["steps"]), 4)
    if last["luck"]:
        record["luck"] = round(last["luck"]["rate"], 4)
    return record


# ---- probe


def _probe(audit: AuditJson) -> list[Html]:
    probe = audit["probe"]
    known = [kind for kind in KINDS if kind in probe["kinds"]]
    rows = [[kind, *_rates(probe["kinds"][kind])] for kind in known]
    blocks = [
        element("h3", "Wrong by construction"),
        element("p", "Gold answers of other problems, and golds with one thing changed; for "
                "problems with tests, programs that should fail them. “At most” is the one-sided "
                "95 % bound on the rate."),
        table(["", "tried", "accepted", "rate", "at most"],
              [*rows, ["all", *_rates(probe["all"])]]),
    ]  # fmt: skip
    if probe["faults"]:
        blocks.append(element("p", f"{probe['faults']:,} of them the verifier could not judge."))
    if probe["examples"]:
        cards = [
            _card(f"{one['kind']}, {one['problem_id']}", one["accepted"],
                  f"accepted ({one['detail']}){_expected(one['gold'])}")
            for one in probe["examples"]
        ]  # fmt: skip
        blocks.append(_fold("Accepted ones: wrong verdicts, thin tests, or the same in other words",
                            cards))  # fmt: skip
    return blocks


def _rates(kind: KindJson) -> list[object]:
    rate, bound = percent(kind["rate"]), f"{100 * kind['at_most']:.2f} %"
    return [f"{kind['tried']:,}", f"{kind['accepted']:,}", rate, bound]


# ---- comparison


def _comparison(rounds: Mapping[str, IterationJson]) -> list[Html]:
    second = ", ".join(sorted({one["second_grader"] for one in rounds.values()}))
    blocks = [
        element("h3", "A second grader"),
        element("p", f"{second} on the same samples: a row is a verdict of the grader, a column "
                "one of the second. Of answers, the second shares no code with the grader and "
                "refuses whatever is not marked as the answer or needs algebra; of programs, it "
                "wants the expected output to the letter. So it may well be the one that is "
                "wrong; a reward that only it gives points to a fault of the grader."),
    ]  # fmt: skip
    for name, one in rounds.items():
        counts = one["comparison"]
        title = (
            f"Iteration {name}, {one['samples']:,} samples: {counts['only_main']:,} rewards the "
            f"second would not give, {counts['only_strict']:,} that only it would"
        )
        cards = [
            _card(f"{row['problem_id']}, sample {row['sample_index']}", row["text"],
                  f"{_said(row['main'], row['main_answer'])}; second: "
                  f"{_said(row['strict'], row['strict_answer'])}{_expected(row['gold'])}")
            for row in counts["examples"]
        ]  # fmt: skip
        blocks.append(_fold(title, cards, _matrix(counts["table"])))
    return blocks


def _matrix(counts: Mapping[str, Mapping[str, int]]) -> Html:
    columns = [name for name in OUTCOMES if any(name in row for row in counts.values())]
    rows = [
        [_words(name), *(f"{counts[name].get(column, 0):,}" for column in columns)]
        for name in OUTCOMES
        if name in counts
    ]
    return table(["", *(_words(column) for column in columns)], rows)


# ---- kept solutions


def _kept(rounds: Mapping[str, IterationJson]) -> list[Html]:
    head = ["", "kept, right", "with steps", "with a wrong one", "steps checked", "wrong", "luck",
            "of correct"]  # fmt: skip
    rows = [[f"Iteration {name}", *_steps(one["steps"]), *_luck(one["luck"])]
            for name, one in rounds.items()]  # fmt: skip
    blocks = [
        element("h3", "Right for the right reason?"),
        element("p", "Steps are the equations of plain arithmetic in kept solutions, checked "
                "exactly. (The people who wrote GSM8K got 0.2 % of theirs wrong.) Luck is the "
                "chance that an answer the policy gave to another problem of the same subject and "
                "level is right; “of correct” is the share of right samples that would be luck if "
                "every wrong one was a guess, an upper estimate."),
        table(head, rows),
    ]  # fmt: skip
    for name, one in rounds.items():
        steps, luck = one["steps"], one["luck"]
        cards = [_card(row["problem_id"], row["text"], f"wrong: {row['equation']}")
                 for row in (steps["examples"] if steps else ())]  # fmt: skip
        cells = [[f"{cell['subject']}, level {cell['level']}", cell["problems"],
                  percent(cell["rate"])] for cell in (luck["cells"] if luck else ())]  # fmt: skip
        blocks.append(_fold(f"Iteration {name}: wrong steps in kept solutions, and where luck is "
                            "highest", cards, table(["", "problems", "luck"], cells)))  # fmt: skip
    return blocks


def _steps(steps: StepsJson | None) -> list[object]:
    if steps is None:
        return [NOTHING] * 5
    wrong = f"{steps['with_wrong']:,} ({percent(_wrong_share(steps))})"
    share = f"{steps['wrong']:,} ({percent(steps['wrong'] / max(steps['equations'], 1))})"
    checked = f"{steps['equations']:,}"
    return [f"{steps['kept']:,}", f"{steps['with_equations']:,}", wrong, checked, share]


def _wrong_share(steps: StepsJson) -> float:
    """Share of the kept solutions that have a step to check."""
    return steps["with_wrong"] / max(steps["with_equations"], 1)


def _luck(luck: LuckJson | None) -> list[object]:
    if luck is None:
        return [NOTHING, NOTHING]
    return [percent(luck["rate"]), percent(luck["share_of_correct"])]


# ---- pieces


def _fold(title: str, cards: list[Html], first: Html | None = None) -> Html:
    return folded(title, first or "", element("div", *cards, cls="cards"))


def _card(top: str, body: str, below: str) -> Html:
    parts = element("small", top), element("pre", body), element("p", below)
    return element("div", *parts, cls="card")


def _said(outcome: str, answer: str | None) -> str:
    return _words(outcome) if answer is None else f"{_words(outcome)} ({answer[:200]})"


def _expected(gold: str | None) -> str:
    return "" if gold is None else f"; gold {gold}"


def _words(outcome: str) -> str:
    return outcome.replace("_", " ")
