"""The pages, rendered from small made records: every figure is that of a record."""

import re
from collections import Counter
from itertools import chain

import pytest

from mmsa_utils.__main__ import main
from mmsa_utils.config import LABELS, MODES
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.records import save_run
from mmsa_utils.experiments import report
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
    TELLING,
    _environment,
    package_map,
    render_own_report,
    render_pages,
    write_own_report,
)
from mmsa_utils.experiments.steps import Plan
from mmsa_utils.io import load_json, save_json
from mmsa_utils.paths import PROJECT, RESULTS

PAPERS = ("report.md", "report.zh.md")
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
        "dataset": {"name": "mine", "posts": 1234, "fingerprint": "0", "excluded": {}},
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
        "resampled": "groups of copies",
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


def _all_steps():
    plan = Plan()
    tables = (plan.features, plan.cheap, plan.training, plan.finetuned)
    return chain.from_iterable(chain(*table.values()) for table in tables)


CHANGES = {step.name: step.changes for step in _all_steps()}


def row(mode, step, name, *, against="frozen", gain=-0.0123, kept=False, **settings):
    return {
        "mode": mode,
        "step": step,
        "name": name,
        "changes": CHANGES.get(name, "as it says"),
        "settings": settings,
        "against": against,
        "of": 1,
        "validation": {"accuracy": 0.4321, "macro_f1": 0.321},
        "gain": gain if against else None,
        "error": 0.0042 if against else None,
        "oof": scores(0.5),
        "seeds": [0],
        "device": "cuda",
        "seconds": 90.0,
        "kept": kept or against is None,
    }


def ablations():
    tuned = [
        row(mode, "fine-tuning", name, against=None if name == "frozen" else "frozen")
        for mode in ("text", "image")
        for name in ("frozen", "top layers", "last stages")
    ]
    heads = [
        row("fused", "heads", "concat", against=None, dropout=0.8, learning_rate=3e-4),
        row("fused", "heads", "late", against="concat", dropout=0.3, learning_rate=1e-3),
    ]
    features = [row(mode, "features", "linear", against=None) for mode in MODES]
    ensembles = [
        row(mode, "ensemble", name, against=None if name == "linear" else "linear", kept=True)
        for mode in MODES
        for name in ("linear", "prior correction")
    ]
    failed = [row(*key) for key in TELLING if key[1] in ("features", "network")]
    blends = [
        row("text", "blend", name, against=None if name == "ensemble" else "ensemble")
        for name in ("ensemble", "top layers")
    ]
    return [*features, *heads, *failed, *ensembles, *tuned, *blends]


def mean(value):
    return {name: {"mean": value, "deviation": 0.0123} for name in ("accuracy", "macro_f1")}


def bench():
    way = {"accuracy": 0.6789, "macro_f1": 0.4567}
    mode = {"course": way, "lab_report": {**way, "accuracy": 0.1234}, "times_faster": 12.34}
    engine = {"times_torch": {"torch": 1.0, "openvino": 2.34}, "fastest": "openvino"}
    grown = {
        "times_seconds": {"load": 9.87, "groups": 24.1, "predict": 10.4},
        "times_peak_memory": 1.02,
    }
    return {
        "lab_report": {
            "posts": 400,
            "modes": dict.fromkeys(MODES, mode),
            "environment": {"cores": 3},
        },
        "features": {"encoders": {"efficientnet_lite0": engine}},
        "scale": {
            "load": {"growth": grown, "posts": {"100000": {"seconds": {"load": 40, "groups": 3}}}},
            "predict": {"growth": grown},
        },
        "reference": {"seconds": {"words": 3000.0, "features": 2400.0}},
    }


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


@pytest.fixture(scope="module", autouse=True)
def _no_front():
    """What README shows first is read from notebooks and asked of a model, which takes long."""
    says = {"text and picture": dict.fromkeys(LABELS, 0.5)}
    post = {"text": "What a day!", "image": "a.jpg", "label": "neutral", "says": says}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "example", lambda: post)
        minutes = dict.fromkeys(range(1, 10), ("2", "1"))
        patch.setattr(report, "notebook_minutes", lambda: minutes)
        yield


def make_results(results):
    """Fills a folder with made results; a run's accuracy says which run it is."""
    folder = results / "course"
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
    tried = {"mode": "fused", "head": "late", "dropout": 0.3, "learning_rate": 0.001}
    save_json([{**tried, "accuracy": 0.7, "macro_f1": 0.6, "loss": 0.71}], folder / "heads.json")
    tags = ["neutral"] * 11 + ["positive"] * 45
    lines = ["guid,tag", *(f"{number},{tag}" for number, tag in enumerate(tags))]
    (folder / "test_predictions.txt").write_text("\n".join(lines), encoding="utf-8")
    save_json(card(), folder / "card.json")
    save_json(emap(), folder / "emap.json")
    save_json(load_json(RESULTS / "published.json"), results / "published.json")
    save_json(bench(), results / "bench.json")
    return results


@pytest.fixture
def results(tmp_path):
    """A folder of made results, to be changed."""
    return make_results(tmp_path)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of made results."""
    return render_pages(make_results(tmp_path_factory.mktemp("results")))


def in_one_line(text):
    return " ".join(text.split())


def test_the_pages_show_the_figures_of_the_records(pages):
    paper = in_one_line(pages["report.md"])
    assert "*positive* is right on 60.0 % (macro-F1 0.500)" in paper
    assert "on the text 65.0 % (0.550), on both **67.0 %** (**0.570**)" in paper
    assert (
        "The ECE of `fused_ensemble` is 0.077, after temperature scaling [[7]](#references) 0.033"
        in paper
    )
    assert "| fused | 0.640 ± 0.014 | 0.540 ± 0.014 | 0.640 / 0.640 |" in paper
    assert "| fused_ensemble | 0.50 | - | 0.50 |" in paper
    assert "1.25 | 1.25 | 1.25 |" in paper
    assert "| text encoders | minilm, minilm_tweets | - | minilm, minilm_tweets |" in paper
    assert "| neutral | 11 | 19.6 % |" in paper
    chinese = pages["report.zh.md"]
    assert "两者合用为 **67.0%**（**0.570**）" in chinese
    assert "| 中性 | 11 | 19.6% |" in chinese
    assert "| fused_ensemble | 0.670 ± 0.014 | 0.570 ± 0.014 |" in pages["README.md"]


def test_the_readme_says_how_fast_it_is_by_ratios(pages):
    readme = in_one_line(pages["README.md"])
    assert "| here | 0.679 / 0.457 |" in readme
    assert "| the lab report's way | 0.123 / 0.457 |" in readme
    assert "| times as fast | 12.3 | 12.3 | 12.3 |" in readme
    assert "2.3 times as fast from `efficientnet_lite0` by OpenVINO as by torch" in readme
    assert (
        "take 9.9 times as long to read and check, 24 times as long to search for copies" in readme
    )
    assert "10 times as long to predict, with 1.0 times the memory" in readme


def test_the_report_shows_gains_with_their_errors(pages):
    paper = in_one_line(pages["report.md"])
    assert "| frozen | 0.432 / 0.321 | -0.012 ± 0.004 | 1 | no | 0.500 / 0.400 |" in paper
    assert "| - | 0.432 / 0.321 | - | 1 | **yes** | 0.500 / 0.400 |" in paper
    assert "text, *top layers* (one seed), -0.012 ± 0.004 (no gain); " in paper
    assert "| late | 0.3 | 0.001 | -0.012 ± 0.004 | no | 0.500 / 0.400 |" in paper
    assert "| fused | late | 0.3 | 0.001 | 0.700 | 0.600 | 0.710 |" in paper
    assert "No head gains more than noise over `concat`, the simplest" in paper
    assert "the best dropouts go from 0.3 to 0.8" in paper


def paper_on(rows, results):
    """The English report where the ablation has these rows."""
    save_json(rows, results / "course" / "ablations.json")
    return in_one_line(render_pages(results)["report.md"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kept": True, "gain": 0.009}, "kept"),
        ({"gain": 0.002}, "within noise"),
        ({"gain": 0.009}, "too little among several"),
    ],
)
def test_the_report_calls_a_step_what_the_rule_calls_it(results, changes, says):
    rows = ablations()
    next(r for r in rows if r["name"] == "top layers").update(changes)
    paper = paper_on(rows, results)
    assert f"text, *top layers* (one seed), {changes['gain']:+.3f} ± 0.004 ({says}); " in paper


def test_the_report_says_what_trained_encoders_bring_to_the_ensembles(results):
    rows = ablations()
    says = "In the ensembles a network so trained gives {} ± 0.004 (text, {})"
    frozen = "the reported runs leave their encoders frozen"
    paper = paper_on(rows, results)
    assert f"{says.format('-0.012', 'no gain')}: {frozen}." in paper
    rows[-1].update(kept=True, gain=0.009)
    paper = paper_on(rows, results)
    assert f"{says.format('+0.009', 'kept')}." in paper
    assert frozen not in paper


def test_a_head_that_is_kept_over_the_simplest_is_said_to_be(results):
    rows = ablations()
    next(r for r in rows if r["name"] == "late").update(kept=True, gain=0.009)
    paper = paper_on(rows, results)
    assert "`late` gains more than noise over `concat`, the simplest" in paper


def rows_of_runs(text):
    return re.findall(r"^\| (\w+) \| 0\.\d{3} ± .* \|$", text, re.MULTILINE)


def test_the_readme_shows_the_ensembles_and_the_reports_appendix_every_run(pages):
    assert rows_of_runs(pages["README.md"]) == list(ENSEMBLES.values())
    for page, heading in zip(PAPERS, ("### B. All runs\n", "### B. 全部实验\n"), strict=True):
        assert tuple(rows_of_runs(before_appendix(pages[page]))) == MAIN_RUNS
        appendix = pages[page].partition(heading)[2].partition("### C.")[0]
        assert rows_of_runs(appendix) == [*RUNS, "plain_folds"]


def test_what_choices_could_see_is_one_sentence_on_every_page(pages):
    sentence = "Every choice among the steps .* authors who had seen earlier scored figures"
    said = [re.findall(sentence, in_one_line(pages[page])) for page in PAGES if page != PAPERS[1]]
    assert [len(found) for found in said] == [1, 1, 1]
    assert said[0] == said[1] == said[2]
    assert "a post that is tested in one fold is a training post of another" in said[0][0]
    assert "一折的测试帖子是另一折的训练帖子" in pages[PAPERS[1]]


def test_a_page_tells_whether_fusion_is_ahead(results):
    pages = render_pages(results)
    assert "Fusion is ahead of both by more than chance" in pages["report.md"]
    assert "融合对两个单模态的领先都不是偶然" in pages["report.zh.md"]
    doubtful = analysis()
    doubtful["comparisons"][1]["t_test_p_holm"] = 0.2
    save_json(doubtful, results / "course" / "analysis.json")
    pages = render_pages(results)
    assert "Not every test used finds fusion ahead" in pages["report.md"]
    assert "并非每一种检验都认为" in pages["report.zh.md"]


# ---- the report as a paper --------------------------------------------------------------

SECTIONS = (
    ("Abstract", "摘要"),
    ("Task and data", "任务与数据"),
    ("Related work", "相关工作"),
    ("Method", "方法"),
    ("Protocol", "实验协议"),
    ("Results", "结果"),
    ("Analysis", "分析"),
    ("Threats to validity", "有效性威胁"),
    ("Conclusion", "结论"),
    ("Appendix", "附录"),
    ("References", "参考文献"),
)
MOST_WORDS = 2500
# Numbers in the prose that are no results: of rules that are explained, and in names.
NO_RESULTS = re.compile(
    r"""(Table|Figure|[Nn]otebook|表|图|第)\ ?\d+(\ 本)?
    |^\d\.\s|(macro-)?F1|8\ of\ 64\ bits|64\ 位感知哈希相差不超过\ 8\ 位
    |74\ (to|到)\s77\ %|7[47]\ %|(of|some|大约)?\s?450|2026
    |2\ 个\ CPU\ 核|2\ CPU\ cores|batch\ of\ 16|批大小\ 16
    |ResNet50|1\+1<2|GB18030|Windows-1252|UTF-8|Latin-1""",
    re.MULTILINE | re.VERBOSE,
)


def before_appendix(text):
    return re.split(r"^## (?:Appendix|附录)$", text, flags=re.MULTILINE)[0]


def sections_of(text):
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("number", [0, 1])
def test_the_report_has_the_sections_of_a_paper(pages, number):
    assert tuple(sections_of(pages[PAPERS[number]])) == tuple(pair[number] for pair in SECTIONS)


def test_the_report_is_short_before_its_appendix(pages):
    """Captions, tables and alt texts count; the committed page as well as the made one."""
    for text in (pages["report.md"], (PROJECT / "report.md").read_text(encoding="utf-8")):
        words = [word for word in before_appendix(text).split() if re.search(r"\w", word)]
        assert len(words) <= MOST_WORDS


@pytest.mark.parametrize(
    ("page", "table", "figure"), [(PAPERS[0], "Table", "Figure"), (PAPERS[1], "表", "图")]
)
def test_tables_and_figures_are_numbered_captioned_and_named_in_the_text(
    pages, page, table, figure
):
    text = pages[page]
    for captions in (rf"^\*\*{table} (\d+)\.\*\* \S", rf"^\*{figure} (\d+)\. \S"):
        numbers = [int(n) for n in re.findall(captions, text, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
    named = {int(n) for n in re.findall(rf"{table} (\d+)", text)}
    assert named == set(range(1, len(named) + 1))
    for alt in re.findall(r"^!\[(.*)\]\(images/\w+\.png\)$", text, re.MULTILINE):
        assert len(alt) >= 6
    assert not re.search(r"^\|.*\n(?=[^|\n])", text, re.MULTILINE), "a table ends with a blank line"
    assert "\n\n\n" not in text


@pytest.mark.parametrize("page", PAPERS)
def test_no_result_in_the_report_is_typed_by_hand(page):
    source = _environment().loader.get_source(_environment(), f"{page}.jinja")[0]
    prose = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|`.*?`|\(images/.*?\)", "", source, flags=re.DOTALL)
    assert not re.findall(r".*\d.*", NO_RESULTS.sub("", prose))


def figures_in(text):
    """The numbers with a point, a comma or a sign of per cent."""
    return Counter(
        re.findall(r"\d[\d,]*\.\d+(?: ?%)?|\d{1,3}(?:,\d{3})+|\d+ ?%", text.replace(" %", "%"))
    )


def test_both_languages_say_the_same_figures(pages):
    english, chinese = (sections_of(pages[page]) for page in PAPERS)
    for name, name_zh in SECTIONS:
        assert figures_in(english[name]) == figures_in(chinese[name_zh]), name


def test_the_chinese_report_has_words_for_all_that_is_tried_and_quoted():
    say = _environment().get_template("chinese.md.jinja").module.say
    plan, published = Plan(), load_json(RESULTS / "published.json")
    of_step = {
        "features": [plan.features, plan.cheap],
        "network": [plan.training],
        "fine-tuning": [plan.finetuned],
    }
    for step, tables in of_step.items():
        for tried in chain.from_iterable(chain(*table.values()) for table in tables):
            numbers = re.findall(r"\d\.\d+", tried.changes)
            assert numbers == re.findall(r"\d\.\d+", say["tries"][step][tried.name])
    for names in plan.candidates.values():
        assert set(names) <= set(say["tries"]["ensemble"])
    quoted = {
        row[key] for row in published["figures"] for key in ("split", "chosen_by", "known_from")
    }
    rules = {task["rule"] for task in published["tasks"].values()}
    assert quoted | rules | set(published["groups"].values()) <= set(say["phrases"])


def test_every_reference_is_cited_and_every_citation_listed(pages):
    for page, (name, anchor) in zip(
        PAPERS, (("References", "references"), ("参考文献",) * 2), strict=True
    ):
        cited = {int(n) for n in re.findall(rf"\[\[(\d+)\]\]\(#{anchor}\)", pages[page])}
        listed = re.findall(r"^(\d+)\. ", sections_of(pages[page])[name], re.MULTILINE)
        assert cited == {int(n) for n in listed}
        assert all(
            re.search(r"(19|20)\d\d|not read", line)
            for line in sections_of(pages[page])[name].split("\n")
            if line
        )


def test_both_traps_of_published_figures_are_said_in_words(pages):
    paper = in_one_line(pages["report.md"])
    assert "is right on 79.6 % of those and on 72.7 % of 4,318" in paper
    assert "a test of 450 leaves 4.0 points either way" in paper
    assert (
        "so that 74 % (69.8 % to 77.8 %) and 77 % (72.9 % to 80.6 %) cannot be told apart" in paper
    )
    assert "3 of the 10 large models are below that" in paper


def test_no_note_to_the_authors_is_left_in_a_page(pages):
    assert not [name for name, text in pages.items() if "TODO" in text]


# ---- the other pages --------------------------------------------------------------------


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


def test_the_model_card_says_what_calibration_and_refusing_bring(results):
    text = render_pages(results)["MODEL_CARD.md"]
    assert "| text and picture | 1.25 | 0.065 | 0.032 |" in text
    assert "| 0.7 | 25 % | 80 % | 25 % | 80 % | 25 % | 80 % |" in text


def test_a_card_without_read_words_says_nothing_of_them(results):
    save_json({**card(), "by_words_in_picture": None}, results / "course" / "card.json")
    assert "By words in the picture" not in render_pages(results)["MODEL_CARD.md"]


def test_the_report_says_that_a_head_that_adds_up_has_no_interaction(pages):
    assert "`fused` adds up by construction" in pages["report.md"]
    assert "`fused` 按构造就是加法" in pages["report.zh.md"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({}, "accuracy changes by -0.004 (within noise), its macro-F1 by -0.008 (within noise)."),
        (
            {"noise": False, "interaction": 0.01},
            "accuracy changes by -0.010 (more than noise), its macro-F1 by -0.020 (more than "
            "noise).",
        ),
    ],
)
def test_the_report_calls_noise_what_is_noise(results, made, says):
    save_json(emap(**made), results / "course" / "emap.json")
    paper = in_one_line(render_pages(results)["report.md"])
    assert "`attention` answers otherwise on 3.2 % of the posts; its " + says in paper
    assert "| attention | attention | 0.710 ± 0.012 |" in paper


# ---- a report on other posts ------------------------------------------------------------


@pytest.fixture
def own(results):
    """A folder of a run that is not the course's own, with some figures, no ablation."""
    folder = results / "course"
    (folder / "ablations.json").unlink()
    fused = record("fused_ensemble", 0.64)
    fused["dataset"] = {
        "name": "mine",
        "posts": 1234,
        "fingerprint": "0123456789abcdef",
        "excluded": {"missing picture": 2},
    }
    save_json(fused, folder / "fused_ensemble.json")
    save_json(analysis(), folder / "analysis.json")
    (folder / "images").mkdir()
    for name in ("calibration", "curves_text"):
        (folder / "images" / f"{name}.png").touch()
    return folder


def test_a_run_on_other_posts_has_a_report_of_its_own(own):
    pages = {name: (PROJECT / name).read_bytes() for name in PAGES}
    file = write_own_report(own)
    assert file == own / "report.md"
    text = file.read_text(encoding="utf-8")
    assert "# Sentiment of text and picture on mine" in text
    assert "| fused_ensemble | 0.640 ± 0.014 | 0.540 ± 0.014 | 0.640 / 0.640 |" in text
    assert "2 x missing picture" in text
    assert "0123456789abcdef" in text
    assert "| fused_ensemble - text_ensemble | +0.032 | +0.046 | +0.010 to +0.080 |" in text
    assert "bootstrap over groups of copies" in text
    assert "| neutral | 11 | 19.6 % |" in text
    assert {name: (PROJECT / name).read_bytes() for name in PAGES} == pages


def test_the_skeleton_has_the_sections_of_the_paper_and_says_what_to_write_in_each(own):
    sections = sections_of(render_own_report(own))
    assert tuple(sections) == tuple(name for name, _ in SECTIONS)
    asked = [name for name, text in sections.items() if "*Write" in text]
    assert asked == [name for name in sections if name != "Appendix"]


def test_a_report_that_was_written_in_stays(own, capsys):
    first = write_own_report(own)
    assert write_own_report(own) == first, "nobody has written in it"
    written = first.read_text(encoding="utf-8").replace("*Write this last", "What I found. *Write")
    first.write_text(written, encoding="utf-8")
    assert main(["report", str(own)]) == 0
    assert "report-2.md" in capsys.readouterr().out
    assert first.read_text(encoding="utf-8") == written
    assert (own / "report-2.md").exists()
    assert write_own_report(own) == own / "report-2.md"


def test_a_report_that_was_saved_in_another_encoding_stays(own):
    first = write_own_report(own)
    written = first.read_text(encoding="utf-8").replace("*Write this last", "我发现 *Write")
    first.write_bytes(written.encode("gb18030"))
    assert write_own_report(own) == own / "report-2.md"
    assert first.read_bytes() == written.encode("gb18030")


def test_a_folder_without_records_is_refused_in_one_line(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["report", str(folder)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "has no record of a run" in said
    assert not list(tmp_path.iterdir())


def test_a_report_on_other_classes_shows_theirs(own):
    per_class = {name: {"precision": 0.5, "recall": 0.5, "f1": 0.5} for name in ("calm", "loud")}
    for run in (*RUNS, "plain_folds"):
        made = {**record(run, 0.64), "oof": {**scores(0.64), "per_class": per_class}}
        if "class_factors" in made["config"]:
            made["config"]["class_factors"] = {"calm": 1.0, "loud": 1.25}
        save_json(made, own / f"{run}.json")
    data = {**analysis()["data"], "classes": {"calm": 8, "loud": 9}}
    confusion = {"confusion": {"fused_ensemble": [[5, 3], [2, 7]]}}
    save_json(
        {**load_json(own / "analysis.json"), "data": data, **confusion}, own / "analysis.json"
    )
    classes = {"classes": {"calm": 8, "loud": 9}, "oof": {"per_class": per_class}}
    save_json({**card(), **classes}, own / "card.json")
    text = render_own_report(own)
    assert "| run | accuracy | macro-F1 | calm | loud |" in text
    assert "| calm | 5 | 3 |" in text
    assert "Predictions for the unlabelled posts" not in text, "the file has none of these classes"
    assert "neutral" not in text


def test_the_notebooks_records_are_enough_for_a_report(made_run, tmp_path):
    """Three networks and their predictions, of other classes, and nothing else."""
    for run, wrong in (("text", 60), ("image", 70), ("fused", 40)):
        save_run(run, made_run(wrong, draw=wrong), tmp_path, salt=b"a salt")
    text = render_own_report(tmp_path)
    assert "On 200 labelled posts `fused` is right on 80.0 %" in text
    assert "200: 140 calm, 60 loud" in text
    assert "| fused - text | +0.100 |" in text
    assert re.search(r"\| neither right \| \d+ \| \d+ % \|", text)
    for missing in ("Interaction", "ensemble", "prior"):
        assert missing not in text


def test_one_network_is_enough(made_run, tmp_path):
    save_run("text", made_run(60), tmp_path, salt=b"a salt")
    assert "`text` is right on 70.0 %" in render_own_report(tmp_path)


def test_it_shows_the_figures_that_were_drawn_and_no_others(own):
    shown = re.findall(r"\]\(images/(\w+)\.png\)", render_own_report(own))
    assert sorted(shown) == ["calibration", "curves_text"]


def test_a_report_on_the_courses_own_records_shows_the_courses_figures():
    text = render_own_report(RESULTS / "course")
    assert "](../../images/run_comparison.png)" in text
    assert "class_recall" in text


def test_reports_name_every_machine_that_folds_were_computed_on(own, results):
    fused = record("fused_ensemble", 0.64)
    fused["environment"] = [ENVIRONMENT, {**ENVIRONMENT, "device": "cuda", "cores": 8}]
    save_json(fused, own / "fused_ensemble.json")
    says = "This run: cpu, 2 cores, torch 2.6.0; cuda, 8 cores, torch 2.6.0."
    assert says in render_own_report(own)
    save_json(ablations(), own / "ablations.json")
    says = "This run: cpu, float32, 2 cores, torch 2.6.0; cuda, float32, 8 cores, torch 2.6.0."
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


def test_the_readme_has_the_packages_own_map_and_links_the_glossary(results):
    readme = render_pages(results)["README.md"]
    assert package_map() in readme
    folders = ("data", "encoders", "models", "training", "evaluation", "figures", "experiments")
    assert all(re.search(rf"^{folder}/ +\S", readme, re.MULTILINE) for folder in folders)
    assert "(GLOSSARY.md)" in readme
    assert "(TROUBLESHOOTING.md)" in readme
    assert "constraints.txt" in readme
    assert "CONTRIBUTING.md" in readme


def test_filters_say_figures_as_a_reader_expects_them():
    assert FILTERS["percent"](0.1234) == "12.3 %"
    assert FILTERS["percent"](0.1234, 0) == "12 %"
    assert (FILTERS["p"](0.0002), FILTERS["p"](0.0123)) == ("< 0.001", "= 0.012")
    assert (FILTERS["signed"](0.01), FILTERS["signed"](-0.01)) == ("+0.010", "-0.010")
    assert FILTERS["thousands"](1234567) == "1,234,567"
