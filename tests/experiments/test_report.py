"""The pages, rendered from small made records: every figure is that of a record."""

import re

import pytest

from mmsa_utils.config import LABELS, MODES
from mmsa_utils.errors import CourseError
from mmsa_utils.experiments.recipes import (
    BASE_LEARNERS,
    ENSEMBLES,
    MAIN_RUNS,
    RUNS,
    SHARES,
    reference_recipes,
)
from mmsa_utils.experiments.report import (
    FILTERS,
    PAGES,
    package_map,
    render_own_report,
    render_pages,
    write_own_report,
)
from mmsa_utils.io import load_json, save_json
from mmsa_utils.paths import PROJECT, RESULTS

ENVIRONMENT = {"device": "cpu", "cores": 2, "torch": "2.6.0"}


def per_class(value):
    return {label: {"precision": value, "recall": value, "f1": value} for label in LABELS}


def scores(accuracy):
    return {
        "accuracy": accuracy,
        "macro_f1": accuracy - 0.1,
        "weighted_f1": accuracy - 0.05,
        "per_class": per_class(accuracy),
    }


def record(run, accuracy):
    config = {}
    if run.endswith("_ensemble"):
        weights = dict.fromkeys(BASE_LEARNERS[run.removesuffix("_ensemble")], 0.5)
        config = {"weights": weights, "class_factors": dict.fromkeys(LABELS, 1.25)}
    if run in MODES:
        config = reference_recipes().networks[run].to_dict()
    folds = [
        {"accuracy": accuracy + d, "macro_f1": accuracy - 0.1 + d, "best_epoch": 7}
        for d in (-0.01, 0.01)
    ]
    protocol = {"folds": 2, "seeds": [0], "grouped": True, "inner_split": "one of 8 parts"}
    return {
        "run": run,
        "protocol": protocol,
        "config": config,
        "oof": scores(accuracy),
        "folds": folds,
        "environment": ENVIRONMENT,
    }


def comparison(first, second):
    return {
        "first": first,
        "second": second,
        "gain_accuracy": 0.0321,
        "gain_macro_f1": 0.0456,
        "macro_f1_interval": [0.01, 0.08],
        "t_test_p_holm": 0.0123,
        "mcnemar_p_holm": 0.0001,
    }


def analysis():
    cases = ("both right", "only text right", "only image right", "neither right")
    says = {"posts": 10, "right": 0.5}
    return {
        "data": {
            "labelled": 1234,
            "unlabelled": 56,
            "classes": dict(zip(LABELS, (200, 300, 734), strict=True)),
            "words_mean": 12.0,
            "encodings": {"utf-8": 1200, "gb18030": 34},
            "groups": {"posts_in_them": 9, "of_copies": 4, "largest": 3, "with_different_tags": 2},
            "equal_posts": {"posts": 6, "outvoted": 1},
        },
        "comparisons": [
            comparison(f"{first}_ensemble", f"{second}_ensemble")
            for first, second in (("fused", "text"), ("fused", "image"), ("text", "image"))
        ],
        "against_attention": [
            comparison("fused", "attention"),
            comparison("attention", "text"),
        ],
        "who_is_right": {case: {"posts": 10, "fused right": 0.5} for case in cases},
        "overruling": {name: dict(says) for name in ("text", "image", "neither")},
        "label_noise": {"posts": 77, "classes": dict.fromkeys(LABELS, 5), "share_of_errors": 0.25},
        "words_in_pictures": {
            run: {k: {"posts": 8, "accuracy": 0.6} for k in ("none", "a few", "many")}
            for run in ENSEMBLES.values()
        },
        "confusion": {run: [[5, 1, 2], [1, 4, 3], [2, 2, 9]] for run in ENSEMBLES.values()},
    }


def ablations():
    rows = [(mode, name) for mode in ("text", "image") for name in ("frozen", "top layers")]
    return [
        {
            "mode": mode,
            "step": "fine-tuning",
            "name": name,
            "changes": "as it says",
            "against": None if name == "frozen" else "frozen",
            "validation": {"accuracy": 0.4321, "macro_f1": 0.321},
            "oof": scores(0.5),
            "seeds": [0],
            "kept": name == "frozen",
        }
        for mode, name in rows
    ]


def mean(value):
    return {name: {"mean": value, "deviation": 0.0123} for name in ("accuracy", "macro_f1")}


def calibration():
    both = ("both", "text", "image")
    steps = [{"least": n / 100, "refused": 0.25, "accuracy": 0.8} for n in range(34, 101)]
    return {
        "temperatures": dict.fromkeys(both, 1.25),
        "calibration": {key: {"posts": 1234, "before": 0.0654, "after": 0.0321} for key in both},
        "least": {key: {"posts": 1234, "steps": steps} for key in both},
    }


def card():
    row = {"posts": 410, "accuracy": 0.71, "macro_f1": 0.61, "text": 0.67, "image": 0.64}
    cases = ("both", "text", "image", "none")
    return {
        "protocol": {"folds": 5, "seeds": [0, 1, 2]},
        "config": reference_recipes().networks["fused"].to_dict(),
        "dataset": {"name": "course", "posts": 1234},
        "oof": scores(0.7123),
        "environment": ENVIRONMENT,
        "folds": [{"accuracy": 0.7}] * 15,
        "classes": dict(zip(LABELS, (200, 300, 734), strict=True)),
        "groups": 1200,
        "always": 0.5951,
        "scores": {"both": mean(0.7123), "text": mean(0.6543), "image": mean(0.6432)},
        "by_text_length": {"1 to 7": row, "8 to 15": row},
        "by_words_in_picture": {"none": {**row, "posts": 377}},
        "by_modality": {case: {"posts": 300, "accuracy": 0.8} for case in cases},
        "calibration": calibration(),
    }


def difference(accuracy, *, noise, against):
    return {
        **comparison("attention", against),
        "gain_accuracy": accuracy,
        "gain_macro_f1": 2 * accuracy,
        "within_noise": {"accuracy": noise, "macro_f1": noise},
    }


def emap(*, interaction=0.004, noise=True):
    def network(head, changed, lost, lost_noise):
        share = None if lost_noise else lost / 0.02
        return {
            "head": head,
            "scores": mean(0.71),
            "projection": mean(0.71 - lost),
            "changed": changed,
            "gain": difference(0.02, noise=False, against="text"),
            "interaction": difference(lost, noise=lost_noise, against="additive projection"),
            "share": {"accuracy": share, "macro_f1": share},
        }

    return {
        "single": {"text": mean(0.68), "image": mean(0.64)},
        "better": "text",
        "networks": {
            "fused": network("concat", 0.0, 0.0, True),
            "attention": network("attention", 0.0321, interaction, noise),
        },
    }


@pytest.fixture
def results(tmp_path):
    """A folder of made results; a run's accuracy says which run it is."""
    folder = tmp_path / "course"
    for number, run in enumerate([*RUNS, "plain_folds"]):
        save_json(record(run, 0.6 + number / 100), folder / f"{run}.json")
    curve = [
        {"mode": mode, "fraction": share, "accuracy": 0.6, "macro_f1": 0.5}
        for mode in MODES
        for share in SHARES
    ]
    save_json(curve, folder / "learning_curve.json")
    errors = {"before": {"ece": 0.0771}, "after": {"ece": 0.0332}}
    save_json({"fused_ensemble": errors}, folder / "calibration.json")
    save_json(analysis(), folder / "analysis.json")
    save_json(ablations(), folder / "ablations.json")
    save_json(card(), folder / "card.json")
    save_json(emap(), folder / "emap.json")
    save_json(load_json(RESULTS / "published.json"), tmp_path / "published.json")
    return tmp_path


def test_the_pages_show_the_figures_of_the_records(results):
    pages = render_pages(results)
    report = pages["report.md"]
    assert "the ensemble that sees both (`fused_ensemble`) is right on\n**67.0 %**" in report
    assert "of `fused_ensemble` is 0.077" in report
    assert "- text, *top layers* (as it says): 0.432 / 0.321\n" in report
    assert "| ensemble | linear |" in report
    assert "x negative | x neutral | x positive |" in report
    assert "1.25 | 1.25 | 1.25 |" in report
    assert "text encoders | minilm + minilm_tweets, frozen" in report
    assert "| fused | 0.640 ± 0.014 | 0.540 ± 0.014 |" in pages["README.md"]


def test_the_report_shows_gains_with_their_errors_where_the_ablation_has_them(results):
    assert "gain ± error" not in render_pages(results)["report.md"]
    rows = ablations()
    for row in rows:
        row |= {"gain": None, "error": None} if row["name"] == "frozen" else {}
    rows = [{"gain": -0.0123, "error": 0.0042, **row} for row in rows]
    save_json(rows, results / "course" / "ablations.json")
    report = render_pages(results)["report.md"]
    assert "| 0.432 | 0.321 | -0.012 ± 0.004 | 1 | no | 0.500 | 0.400 |" in report
    assert "| 0.432 | 0.321 | - | 1 | **yes** | 0.500 | 0.400 |" in report


def rows_of_runs(text):
    return re.findall(r"^\| (\w+) \| 0\.\d{3} ± .* \|$", text, re.MULTILINE)


def test_the_readme_shows_the_main_runs_and_the_reports_appendix_every_one(results):
    pages = render_pages(results)
    assert tuple(rows_of_runs(pages["README.md"])) == MAIN_RUNS
    appendix = pages["report.md"].partition("## Appendix: all runs\n")[2]
    assert rows_of_runs(appendix) == [*RUNS, "plain_folds"]


def test_what_choices_could_see_is_one_sentence_on_every_page(results):
    sentence = "Every choice was made on .*inner predictions.* no scored prediction chose anything"
    pages = [" ".join(page.split()) for page in render_pages(results).values()]
    said = [re.findall(sentence, page) for page in pages]
    assert [len(found) for found in said] == [1, 1, 1]
    assert said[0] == said[1] == said[2]
    assert "an inner post of one fold is a test post of another" in said[0][0]


def test_a_page_tells_whether_fusion_is_ahead(results):
    assert "Fusion is ahead of both by more than chance" in render_pages(results)["report.md"]
    doubtful = analysis()
    doubtful["comparisons"][1]["t_test_p_holm"] = 0.2
    save_json(doubtful, results / "course" / "analysis.json")
    assert "Not every test used finds fusion ahead" in render_pages(results)["report.md"]


def test_the_model_card_shows_the_figures_of_its_record(results):
    text = render_pages(results)["MODEL_CARD.md"]
    assert "| text and picture | 0.712 ± 0.012 | 0.712 ± 0.012 |" in text
    assert "| nothing: always the most frequent class | 0.595 | - |" in text
    assert "| neutral | 300 | 0.712 | 0.712 | 0.712 |" in text
    assert "| none | 377 | 0.710 | 0.610 | 0.670 | 0.640 |" in text
    assert "| the text only | 300 | 0.800 |" in text
    assert "5 stratified folds times 3 seeds" in text
    for heading in ("What it is for, and what not", "Limits", "Licences", "How to cite"):
        assert f"## {heading}\n" in text


def test_the_report_says_what_calibration_and_refusing_bring(results):
    for page in ("report.md", "MODEL_CARD.md"):
        text = render_pages(results)[page]
        assert "| text and picture | 1.25 | 0.065 | 0.032 |" in text
        assert "| 0.7 | 25 % | 80 % | 25 % | 80 % | 25 % | 80 % |" in text


def test_a_card_without_read_words_says_nothing_of_them(results):
    save_json({**card(), "by_words_in_picture": None}, results / "course" / "card.json")
    assert "By words in the picture" not in render_pages(results)["MODEL_CARD.md"]


def test_the_report_says_that_a_head_that_adds_up_has_no_interaction(results):
    report = " ".join(render_pages(results)["report.md"].split())
    assert "adds up by construction" in report
    assert "(+0.020 accuracy and +0.040 macro-F1) comes of adding two opinions up" in report


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({}, "accuracy changes by -0.004 (within noise), its macro-F1 by -0.008 (within noise)."),
        (
            {"noise": False, "interaction": 0.01},
            "accuracy changes by -0.010 (more than noise), its macro-F1 by -0.020 (more than "
            "noise); that is 50 % of its gain in accuracy; that is 50 % of its gain in macro-F1.",
        ),
    ],
)
def test_the_report_calls_noise_what_is_noise(results, made, says):
    save_json(emap(**made), results / "course" / "emap.json")
    report = " ".join(render_pages(results)["report.md"].split())
    assert "`attention` answers otherwise on 3.2 % of the posts; its " + says in report
    assert "| attention | attention | 0.710 ± 0.012 |" in report


# ---- a report on other posts ------------------------------------------------------------


@pytest.fixture
def own(results):
    """A folder of a run that is not the course's own, with some figures, no ablation."""
    folder = results / "course"
    (folder / "ablations.json").unlink()
    fused = record("fused_ensemble", 0.64)
    fused["dataset"] = {
        "name": "mine",
        "fingerprint": "0123456789abcdef",
        "excluded": {"missing picture": 2},
    }
    save_json(fused, folder / "fused_ensemble.json")
    save_json({**analysis(), "resampled": "groups of copies"}, folder / "analysis.json")
    (folder / "images").mkdir()
    for name in ("calibration", "curves_text"):
        (folder / "images" / f"{name}.png").touch()
    return folder


def test_a_run_on_other_posts_has_a_report_of_its_own(own):
    pages = {name: (PROJECT / name).read_bytes() for name in PAGES}
    file = write_own_report(own)
    assert file == own / "report.md"
    text = file.read_text(encoding="utf-8")
    assert "# Reference run on mine" in text
    assert "| fused_ensemble | 0.640 ± 0.014 | 0.540 ± 0.014 |" in text
    assert "2 x missing picture." in text
    assert "0123456789abcdef" in text
    assert "| fused_ensemble - text_ensemble | +0.032 | +0.046 | +0.010 to +0.080 |" in text
    assert "bootstrap over groups of copies" in text
    assert {name: (PROJECT / name).read_bytes() for name in PAGES} == pages


def test_a_report_on_other_classes_shows_theirs(own):
    per_class = {name: {"precision": 0.5, "recall": 0.5, "f1": 0.5} for name in ("calm", "loud")}
    for run in (*RUNS, "plain_folds"):
        made = {**record(run, 0.64), "oof": {**scores(0.64), "per_class": per_class}}
        made["dataset"] = {"name": "mine", "fingerprint": "0", "excluded": {}}
        save_json(made, own / f"{run}.json")
    data = {**analysis()["data"], "classes": {"calm": 8, "loud": 9}}
    save_json({**load_json(own / "analysis.json"), "data": data}, own / "analysis.json")
    classes = {"classes": {"calm": 8, "loud": 9}, "oof": {"per_class": per_class}}
    save_json({**card(), **classes}, own / "card.json")
    text = render_own_report(own)
    assert "| run | accuracy | macro-F1 | recall calm | recall loud |" in text
    assert "(8 calm, 9 loud)" in text
    assert "neutral" not in text


def test_it_shows_the_figures_that_were_drawn_and_no_others(own):
    shown = re.findall(r"\]\(images/(\w+)\.png\)", render_own_report(own))
    assert sorted(shown) == ["calibration", "curves_text"]


def test_reports_name_every_machine_that_folds_were_computed_on(own, results):
    fused = record("fused_ensemble", 0.64)
    fused["environment"] = [ENVIRONMENT, {**ENVIRONMENT, "device": "cuda", "cores": 8}]
    fused["dataset"] = {"name": "mine", "fingerprint": "0", "excluded": {}}
    save_json(fused, own / "fused_ensemble.json")
    says = "This run: cpu, 2 cores, torch 2.6.0; cuda, 8 cores, torch 2.6.0."
    assert says in render_own_report(own)
    save_json(ablations(), own / "ablations.json")
    assert says in render_pages(results)["report.md"]


def test_the_pages_say_what_is_promised_about_the_posts_and_what_is_not(results):
    readme = " ".join(render_pages(results)["README.md"].split())
    assert "hold no text, no picture and no guid, and the number of a row says nothing" in readme
    assert "whoever holds the posts can find rows again in earlier versions" in readme
    assert "results/<name of the folder>/" in readme


def test_a_missing_record_is_named(results):
    (results / "course" / "attention.json").unlink()
    with pytest.raises(CourseError, match=r"attention\.json is missing"):
        render_pages(results)


def test_the_readme_has_the_packages_own_map_and_a_glossary(results):
    readme = render_pages(results)["README.md"]
    assert package_map() in readme
    folders = ("data", "encoders", "models", "training", "evaluation", "figures", "experiments")
    assert all(re.search(rf"^{folder}/ +\S", readme, re.MULTILINE) for folder in folders)
    for term in ("out of fold", "base learner", "opinion pool", "prior correction", "LoRA"):
        assert f"| {term} | " in readme
    assert "constraints.txt" in readme
    assert "CONTRIBUTING.md" in readme


def test_filters_say_figures_as_a_reader_expects_them():
    assert FILTERS["percent"](0.1234) == "12.3 %"
    assert FILTERS["percent"](0.1234, 0) == "12 %"
    assert (FILTERS["p"](0.0002), FILTERS["p"](0.0123)) == ("< 0.001", "= 0.012")
    assert (FILTERS["signed"](0.01), FILTERS["signed"](-0.01)) == ("+0.010", "-0.010")
    assert FILTERS["thousands"](1234567) == "1,234,567"
