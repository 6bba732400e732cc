"""Each table and figure: the runs it needs, and what it makes of them."""

import json
import pathlib
import types

import numpy as np
import pandas as pd
import pytest

from deca_tf.config import resolve
from reproduction import document, electronics
from reproduction.baseline_runs import BaselineRun
from reproduction.grid import Cell, Run, cells_of
from reproduction.learning_curves import curve
from reproduction.long_runs import long_cell
from reproduction.results import Results
from reproduction.tables import Figure, Table
from reproduction.targets import (
    ORDER,
    TARGETS,
    figure2,
    figure4,
    hyperparameters,
    stability,
    table2,
)
from reproduction.targets.target import Scope
from tests.reproduction.conftest import fake_run, user_frame

RESULTS_PAGE = pathlib.Path(__file__).parents[2] / "reproduction/results/README.md"


def make(name):
    return TARGETS.load(name)(name)


def rows_of(parts):
    return [row for part in parts if isinstance(part, Table) for row in part.rows]


def rendered(name, results, tmp_path, *, dataset=None, protocol="paper", data_dir=None):
    target = make(name)
    scope = target.scope(dataset and (dataset,), (protocol,), data_dir or tmp_path)
    return target.render(scope, results, tmp_path)


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize("protocols", [None, ("paper", "clean")])
def test_nothing_finished_is_rendered_too_where_it_was_promised(name, protocols, tmp_path):
    target = make(name)
    scope = target.scope(None, protocols, tmp_path)
    blocks = target.render(scope, Results(tmp_path, range(3)), tmp_path)
    assert sorted(blocks) == sorted(target.places(scope))
    assert all(document.markdown(parts) for parts in blocks.values())
    assert not list(tmp_path.glob("*.png"))  # an empty drawing says nothing


def test_the_results_page_has_a_place_for_all():
    places = [
        place for name in ORDER for place in make(name).places(make(name).scope(None, None, "."))
    ]
    assert len(set(places)) == len(places)
    document.check_places(RESULTS_PAGE, places)


def test_cells_have_folders_of_their_own_and_settings_that_can_be_read():
    found = {}
    for name in ORDER:
        target = make(name)
        for cell in target.all_cells(Scope(target.datasets, target.protocols)):
            assert found.setdefault(cell.name, cell) == cell
    assert len(found) > 300
    for cell in found.values():
        config = cell.config(1)
        assert (config.data.protocol, config.seed) == (cell.protocol, 1)


def test_targets_share_runs(tmp_path):
    shared = {
        "table3": 8,
        "table4": 3,
        "figure2": 3,
        "figure4": 3,
        "figure6": 1,
        "ties": 3,
    }  # with table2, ModCloth
    table = set(make("table2").cells("modcloth", "paper"))
    assert {
        name: len(table & set(make(name).cells("modcloth", "paper"))) for name in shared
    } == shared
    assert table == set(
        cells_of("modcloth", "paper", ("gmf", "neumf", "cdae", "lightgcn"), table2.PAPER_METHODS)
    )
    figure, number = (
        set(make(name).cells("modcloth", "paper")) for name in ("figure3", "stability")
    )
    assert figure < number
    scope = Scope(("modcloth",), ("paper",))
    jobs = make("table2").jobs(scope, range(3)) + make("ties").jobs(scope, range(3))
    assert len(dict.fromkeys(jobs)) == 24 * 3


def test_scopes():
    assert make("table2").scope(None, None, ".").protocols == ("paper", "clean")
    assert make("table3").scope(None, None, ".").protocols == ("paper",)
    assert make("table2").scope(("adressa",), ("paper",), ".") == Scope(("adressa",), ("paper",))
    with pytest.raises(ValueError, match="`dataset` must be one of 'modcloth'"):
        make("table3").scope(("ml-100k",), None, ".")
    with pytest.raises(ValueError, match="`protocol` must be one of 'clean'"):
        make("clean").scope(None, ("paper",), ".")
    assert make("table3").scope(("ml-100k",), None, ".", strict=False).datasets == ()


# Table 2


def test_table_2_is_ours_beside_the_papers(tmp_path, results):
    normal, deca = (Cell("ml-100k", "paper", "gmf", denoiser) for denoiser in ("none", "deca"))
    for seed, recall in ((0, 0.093), (1, 0.097)):
        fake_run(tmp_path, normal, seed, recall)
    fake_run(tmp_path, deca, 1, 0.05)
    parts = rendered("table2", results, tmp_path, dataset="ml-100k")["table2-paper-ml-100k"]
    rows = {tuple(row[:2]): row for row in parts[0].rows}
    assert parts[0].head == ["model", "method", "R@3", "R@20", "N@3", "N@20", "seeds", "run"]
    r3, r20, n3, n20 = rows["GMF", "Normal"][2:6]
    assert r20 == "0.0950 ± 0.0028\n0.095 ± 0.001"
    assert r3 == "0.0950 ± 0.0028 ▲\n0.021 ± 0.001"
    assert n3 == "0.0475 ± 0.0014 ▲\n0.035 ± 0.003"
    assert n20 == "0.0475 ± 0.0014 ▼\n0.059 ± 0.001"
    assert rows["GMF", "Normal"][6:] == ["2", "paper/ml-100k/gmf-none"]
    assert rows["GMF", "DeCA"][3] == "0.0500 ▼\n0.109 ± 0.007"
    assert rows["GMF", "DeCA"][6] == "1 of 2"
    assert rows["NeuMF", "T-CE"][3] == "-\n0.106 ± 0.002"
    assert len(rows) == 30
    assert "Within or above: 1 of 4 cells" in parts[1]
    assert "Not finished: 45 runs, in 23 of 24 cells." in parts[1]


def test_cdae_is_compared_unmasked(tmp_path, results):
    unmasked = {"recall@3": 0.017, "recall@20": 0.095, "ndcg@3": 0.028, "ndcg@20": 0.052}
    fake_run(tmp_path, Cell("ml-100k", "paper", "cdae", "none"), 0, 0.17, test_unmasked=unmasked)
    parts = rendered("table2", results, tmp_path, dataset="ml-100k")["table2-paper-ml-100k"]
    rows = {tuple(row[:2]): row for row in parts[0].rows}
    assert rows["CDAE as released, nothing masked", "Normal"][3] == "0.0950\n0.095 ± 0.002"
    assert rows["CDAE", "Normal"][3] == "0.1700"
    assert table2.count_within(2, "ml-100k", results, ("none",), None, ("cdae",)) == (4, 4, 4)


def test_significance_is_marked(tmp_path, results):
    rng = np.random.default_rng(0)
    base = rng.random(300)
    recalls = {
        "none": base,
        "wbpr": base,
        "ensemble": base + 0.05,
        "deca": base + 0.1,
        "deca-p": base + 0.3,
    }
    recalls["t-ce"] = base + 0.2
    cells = {
        cell.denoiser: cell for cell in cells_of("ml-100k", "paper", ("gmf",), table2.PAPER_METHODS)
    }
    for denoiser, values in recalls.items():
        if denoiser == "t-ce":  # one baseline is missing: nothing is said of the best one
            marks = table2.significance_marks(Results(tmp_path, range(1)), cells)
            assert marks["deca-p"] == {"recall@20": "*", "ndcg@20": "*"}
        users = user_frame(values + rng.normal(0, 0.01, 300))
        fake_run(tmp_path, cells[denoiser], 0, values.mean(), users=users)
    marks = table2.significance_marks(results, cells)
    assert marks["deca"]["recall@20"] == "*"  # T-CE is the best baseline, and better
    assert marks["deca-p"] == {"recall@20": "*†", "ndcg@20": "*†"}
    parts = rendered("table2", results, tmp_path, dataset="ml-100k")["table2-paper-ml-100k"]
    assert parts[0].rows[5][3].startswith(f"{recalls['deca-p'].mean():.4f} *† ▲")
    folded = {tuple(row[:3]): row[3:] for row in parts[-1].rows}
    normal, best = folded["GMF", "DeCA", "R@20"]
    assert float(normal.split(",")[0]) == pytest.approx(0.1, abs=0.005)
    assert normal.endswith(", p < .001, better")
    assert float(best.split(",")[0]) == pytest.approx(-0.1, abs=0.005)
    assert best.endswith(", p < .001, worse (T-CE)")


def test_the_summary_counts_what_is_within_or_above(tmp_path, results):
    fake_run(
        tmp_path,
        Cell("modcloth", "paper", "gmf", "none"),
        0,
        test={"recall@20": 0.5, "ndcg@20": 0.01},
    )
    rows = {
        tuple(row[:2]): row[2:] for row in table2.summary(results, ("ml-100k", "modcloth")).rows
    }
    assert rows["ModCloth", "GMF"][0] == "1 of 2 (50%), 4 not there yet"
    assert rows["ModCloth", "all"][0] == "1 of 2 (50%), 22 not there yet"
    assert rows["MovieLens-100k", "all"] == ["0 of 0, 24 not there yet", "0 of 0, 96 not there yet"]
    assert rows["all", "all"][0] == "1 of 2 (50%), 46 not there yet"


def test_baselines_come_first_under_clean(tmp_path, results):
    job = BaselineRun("ml-100k", "ease")
    job.file(tmp_path).parent.mkdir(parents=True)
    figures = {"recall@20": 0.26, "ndcg@20": 0.15}
    job.file(tmp_path).write_text(
        json.dumps({"settings": {"l2": 200.0}, "test": figures, "test_warm": figures})
    )
    cell = Cell("ml-100k", "clean", "gmf", "wbpr")
    fake_run(tmp_path, cell, 0, 0.2)
    parts = rendered("table2", results, tmp_path, dataset="ml-100k", protocol="clean")[
        "table2-clean-ml-100k"
    ]
    assert parts[0].rows[2] == [
        *("EASE", "l2 200", "0.2600", "0.1500", "0.2600", "0.1500", "", "1"),
        "clean/ml-100k/baseline-ease",
    ]
    row = next(row for row in parts[0].rows if row[-1] == cell.name)
    assert row == ["GMF", "WBPR", "0.2000", "0.1000", "0.2000", "0.1000", "7", "1 of 2", cell.name]
    assert "Baselines not finished: popularity, item-kNN, implicit ALS." in parts[1]


def test_what_deca_is_worth_is_tested_user_by_user(tmp_path, results):
    job = BaselineRun("modcloth", "popularity")
    job.file(tmp_path).parent.mkdir(parents=True)
    job.file(tmp_path).write_text(json.dumps({"settings": {}, "test": {}, "test_warm": {}}))
    user_frame([0.0, 0.4, 0.4, 0.4]).to_parquet(job.users_file(tmp_path))
    for denoiser, recalls in (("deca", [0.1, 0.2, 0.3, 0.4]), ("deca-limit", [0.1, 0.1, 0.2, 0.2])):
        history = pd.DataFrame({"val_recall@20": [0.1, 0.2]})
        fake_run(
            tmp_path,
            Cell("modcloth", "clean", "gmf", denoiser),
            0,
            users=user_frame(recalls),
            history=history,
        )
    parts = rendered("clean", results, tmp_path, dataset="modcloth", protocol="clean")[
        "clean-modcloth"
    ]
    table = next(part for part in parts if "DeCA minus Normal" in getattr(part, "head", ()))
    head = [
        "model",
        "metric",
        "DeCA minus Normal",
        "DeCA minus deca-limit",
        "deca-limit minus Normal",
    ]
    assert table.head == [*head, "DeCA minus popularity", "DeCA minus EASE"]
    # 0, .1, .1, .2: mean .1, standard error .0408, t of 3 degrees 2.449, p = .092; .1, -.2, -.1, 0:
    # -.05, .0645, -.775
    texts = ["-", "+0.1000, p = .092", "-", "-0.0500, p = .495", "-"]
    assert table.rows == [["GMF", "R@20", *texts], ["GMF", "N@20", *texts]]


def test_a_baseline_is_tuned_and_evaluated_once(tmp_path, monkeypatch):
    job = BaselineRun("synthetic", "popularity")
    small = {
        "dataset": "synthetic",
        "options": {"num_users": 100, "num_items": 30, "num_clicks": 900},
    }
    monkeypatch.setattr(
        Cell, "config", lambda cell, seed, data_dir=None: resolve(overrides={"data": small})
    )
    assert not job.is_finished(tmp_path)
    assert job.do(tmp_path).startswith("recall@20 0.")
    assert job.is_finished(tmp_path)
    stored = job.read(tmp_path)
    assert set(stored["settings"]) == {"half_life"}  # its clicks have timestamps
    assert 0 < stored["val_recall@20"] < 1
    users = pd.read_parquet(job.file(tmp_path).with_name("test_users.parquet"))
    assert users["recall@20"].mean() == pytest.approx(stored["test"]["recall@20"])


# Tables 3 to 6


def test_table_3_has_each_sub_task(tmp_path, results):
    cells = {
        cell.name.rpartition("/")[2]: cell for cell in make("table3").cells("modcloth", "paper")
    }
    assert len(cells) == 24
    assert cells["lightgcn-deca-p-denoiser.phases=dn"].config(0).denoiser.model_extra["phases"] == [
        "dn"
    ]
    fake_run(tmp_path, cells["gmf-deca-p-denoiser.phases=dp"], 0, 0.25)
    rows = {
        tuple(row[:2]): row
        for row in rows_of(rendered("table3", results, tmp_path)["table3-paper"])
    }
    assert rows["GMF", "DeCA(p)-DP"][3] == "0.2500\n0.243"
    assert rows["GMF", "DeCA-DN"][3] == "-\n0.187"
    assert len(rows) == 30


@pytest.mark.parametrize(("name", "dataset"), [("table4", "modcloth"), ("table6", "adressa")])
def test_tables_4_and_6_have_each_noise_model(name, dataset, tmp_path, results):
    cells = make(name).cells(dataset, "paper")
    assert [cell.config(0).denoiser.noise_model for cell in cells] == [
        "mf",
        "mf",
        "gmf",
        "neumf",
        "mf",
        "gmf",
        "neumf",
    ]
    assert cells[1] == Cell(dataset, "paper", "gmf", "deca")
    fake_run(tmp_path, cells[2], 0, 0.05)
    rows = rows_of(rendered(name, results, tmp_path, dataset=dataset)[f"{name}-paper-{dataset}"])
    assert [row[:2] for row in rows[:3]] == [["Normal", ""], ["DeCA", "MF"], ["DeCA", "GMF"]]
    assert rows[2][3] == {"table4": "0.0500 ▼\n0.2453", "table6": "0.0500 ▼\n0.2259"}[name]


def test_table_5_says_which_file_is_missing(tmp_path, results):
    parts = rendered("table5", results, tmp_path)["table5-paper-electronics"]
    assert len(parts) == 1
    for words in (
        "`electronics_5.train.rating`",
        "In the folder of the data sets it was looked for as "
        "`deca/electronics/electronics_5.train.rating` and "
        "`electronics/electronics_5.train.rating`.",
        "a6a30861edb8ebdaed3c5bb231f5fd583301618c",
    ):
        assert words in parts[0]
    assert str(tmp_path) not in parts[0]  # it stands in documents
    assert make("table5").jobs(make("table5").scope(None, None, tmp_path), range(3)) == []


def test_table_5_runs_where_the_file_is(tmp_path, results):
    file = tmp_path / "deca" / "electronics" / "electronics_5.train.rating"
    file.parent.mkdir(parents=True)
    file.touch()
    scope = make("table5").scope(None, None, tmp_path)
    assert scope == Scope(("electronics",), ("paper",))
    assert Run(Cell("electronics", "paper", "cdae", "t-ce"), 0) in make("table5").jobs(
        scope, range(1)
    )
    parts = rendered("table5", results, tmp_path)["table5-paper-electronics"]
    assert parts[0].head[2:6] == ["R@10", "R@50", "N@10", "N@50"]
    assert parts[0].rows[4][2] == "-\n0.045 ± 0.001"


def test_without_a_data_directory_there_is_nowhere_to_look(monkeypatch):
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    assert (
        "No folder to look in was named by --data-dir or DECA_TF_DATA_DIR"
        in electronics.missing(None)
    )


# Figures


def test_figure_2_is_the_mean_difference(tmp_path, results, monkeypatch):
    cells = {cell.backbone: cell for cell in make("figure2").cells("modcloth", "paper")}
    for cell in (cells["mf"], cells["gmf"]):
        for seed in range(2):
            fake_run(tmp_path, cell, seed)
    stars = np.array([5, 4, 4, 5, 3, 1, 2], np.float32)
    accepted = {
        ("mf", 0): [1, 1, 1, 1, 1, 1, 0],
        ("mf", 1): [1, 1, 1, 0, 0, 0, 1],
        ("gmf", 0): [1, 1, 0, 1, 0, 0, 0],
        ("gmf", 1): [1, 1, 1, 0, 1, 0, 1],
    }
    split = types.SimpleNamespace(train=types.SimpleNamespace(rating=stars))
    monkeypatch.setattr(Results, "split", lambda self, cell: split)

    def of_cell(results, kind, cell, find_out):
        return {
            seed: {
                "interactions": 7,
                "bits": np.packbits(accepted[cell.backbone, seed]).tobytes().hex(),
            }
            for seed in results.finished(cell)
        }

    monkeypatch.setattr("reproduction.derived.of_cell", of_cell)
    parts = rendered("figure2", results, tmp_path, dataset="modcloth")["figure2"]
    assert isinstance(parts[0], Figure)
    assert parts[0].path.read_bytes().startswith(b"\x89PNG")
    rows = {row[0]: row[1:] for row in parts[1].rows}
    assert rows["MF-GMF"] == ["0.1250 ± 0.1768", "0.2500 ± 0.3536", "2"]  # (1/4, 0) and (1/2, 0)
    assert rows["MF"] == ["0.2500", "1.0000", "1"]
    assert rows["GMF"] == ["0.5000", "0.5000", "1"]
    shares = {row[0]: row[1:] for row in parts[2].rows}
    assert shares["MF"][0] == "0.8750 ± 0.1768"


def test_a_click_is_accepted_from_one_half_on(monkeypatch):
    logits = np.array([-1e-6, 0.0, 3.0, -3.0, 1.0], np.float32)

    class Train:
        user_id = item_id = np.arange(5)

        def __len__(self):
            return 5

    monkeypatch.setattr(figure2, "CHUNK", 2)
    model = types.SimpleNamespace(recommender=lambda inputs, training: logits[inputs["user_id"]])
    found = figure2._accept(model, types.SimpleNamespace(train=Train()))
    assert figure2._unpacked(json.loads(json.dumps(found))).tolist() == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_curves_end_where_the_first_seed_does():
    histories = [
        pd.DataFrame({"test_recall@20": [0.1, 0.2, 0.3]}),
        pd.DataFrame({"test_recall@20": [0.2, 0.4]}),
    ]
    epochs, means = curve(histories, "test_recall@20")
    assert epochs.tolist() == [1, 2]
    assert means == pytest.approx([0.15, 0.3])
    assert [len(values) for values in curve(histories, "other")] == [0, 0]


def long_history(recalls):
    return pd.DataFrame({"epoch": range(1, len(recalls) + 1), "test_recall@20": recalls})


def test_long_runs_are_the_recipes_but_for_their_length():
    cell = long_cell("adressa", "paper", "gmf", "deca-p")
    assert cell.name == "paper/adressa/gmf-deca-p-5x"
    recipe, longer = Cell("adressa", "paper", "gmf", "deca-p").config(0), cell.config(0)
    assert longer.training.epochs == 5 * recipe.training.epochs
    assert (longer.training.keep, longer.training.watch_test) == ("last", True)
    assert not longer.training.released_early_stopping
    assert longer.prior_training() == recipe.prior_training()
    assert longer.denoiser == recipe.denoiser
    patient = long_cell("ml-100k", "clean", "gmf", "none").config(0).training
    assert patient.patience == patient.epochs == 500
    assert patient.watch_validation
    assert not longer.training.watch_validation
    assert longer.prior_training().watch_validation
    assert long_cell("adressa", "paper", "neumf", "deca").config(0).training.epochs == 30


def test_figure_3_and_its_number(tmp_path, results):
    cell = long_cell("modcloth", "paper", "gmf", "none")  # 40 epochs by recipe
    recalls = np.full(200, 0.20)
    recalls[9], recalls[39], recalls[79], recalls[199] = 0.25, 0.24, 0.30, 0.15
    warm = np.full(200, 0.40)
    warm[199] = 0.10
    fake_run(
        tmp_path, cell, 0, history=long_history(recalls).assign(**{"test_warm_recall@20": warm})
    )
    parts = rendered("figure3", results, tmp_path)["figure3"]
    assert parts[0].path.is_file()
    assert parts[1].rows == [["ModCloth", "Normal", "0.3000", "80", "0.2400", "0.1500", cell.name]]
    rows = rows_of(rendered("stability", results, tmp_path, dataset="modcloth")["stability-paper"])
    assert rows[0][:6] == ["ModCloth", "GMF", "Normal", "40", "0.2500", "10"]
    assert rows[0][6:11] == ["96.0 %", "100.0 %", "50.0 %", "80.0 %", "25.0 %"]
    assert rows[1][6:11] == ["-"] * 5


def test_what_is_kept():
    assert stability.kept([0.1, 0.2, 0.1, 0.05], 2) == 1
    assert stability.kept([0.1, 0.2, 0.1, 0.05], 4) == 0.25
    assert stability.kept([0.1], 2) is None
    assert stability.kept([0.0, 0.0], 2) is None
    assert stability._kept_after_best(np.array([0.4, 0, 0, 0, 0.3]), 1) == pytest.approx(0.75)


def test_figure_4_has_means_by_stars_and_the_auc(monkeypatch):
    report = pd.DataFrame(
        {"posterior": [0.9, 0.7, 0.5, 0.8, 0.2, 0.4], "rating": np.float32([5, 4, 3, 2, 1, 5])},
    )
    monkeypatch.setattr("deca_tf.reporting.interaction_report", lambda model, interactions: report)
    found = figure4._real_by_stars("model", types.SimpleNamespace(train=None))
    assert found["mean"] == {"1": 0.2, "2": 0.8, "3": 0.5, "4": 0.7, "5": pytest.approx(0.65)}
    assert found["interactions"]["5"] == 2
    assert found["auc"] == pytest.approx(
        4 / 6
    )  # of 3 clean with 2 noisy, .9 beats both, .7 and .4 beat .2


def test_figure_4_draws_normal_too(tmp_path, results, monkeypatch):
    finding = {"mean": {str(stars): stars / 10 for stars in range(1, 6)}, "auc": 0.6}
    monkeypatch.setattr(
        "reproduction.derived.of_cell",
        lambda results, kind, cell, find_out: dict.fromkeys(results.finished(cell), finding),
    )
    for denoiser in ("none", "deca"):
        fake_run(tmp_path, Cell("ml-100k", "paper", "gmf", denoiser), 0)
    parts = rendered("figure4", results, tmp_path, dataset="ml-100k")["figure4"]
    rows = {row[0]: row[1:] for row in rows_of(parts)}
    assert rows["Normal"][:6] == ["0.100", "0.200", "0.300", "0.400", "0.500", "0.6000"]
    assert rows["DeCA, h = MF"][0] == "0.100"
    assert rows["DeCA, h = NeuMF"][0] == "-"
    assert parts[0].path.is_file()


def test_collapsed_runs_are_marked_and_not_averaged(tmp_path, results):
    cells = {cell.overrides: cell for cell in make("figure5").cells("adressa", "paper")}
    assert len(cells) == 16
    dead = cells[("denoiser.c1", 1000), ("denoiser.c2", 1)]
    fake_run(tmp_path, dead, 0, 0.01, collapsed="all rejected")
    half = cells[("denoiser.c1", 1), ("denoiser.c2", 1)]
    fake_run(tmp_path, half, 0, 0.01, collapsed="undecided")
    fake_run(tmp_path, half, 1, 0.2)
    assert hyperparameters.read(results, half).recalls == (0.2,)
    parts = rendered("figure5", results, tmp_path)["figure5"]
    table = {row[0]: row[1:] for row in rows_of(parts)}
    assert table["1000"] == ["1 of 1 collapsed, all rejected (0.0100)", "-", "-", "-"]
    assert table["1"][0] == "0.2000\n1 of 2 collapsed, undecided (0.0100)"
    assert parts[0].path.is_file()
    assert (
        cells[()].config(0).denoiser.model_extra["c1"] == 100
    )  # the recipe's own, which Table 2 runs


def test_learning_curves_of_the_clean_table(tmp_path, results):
    for denoiser in ("none", "deca-limit"):
        cell = Cell("ml-100k", "clean", "mf", denoiser)
        fake_run(tmp_path, cell, 0, history=pd.DataFrame({"val_recall@20": [0.1, 0.2]}))
    parts = rendered("clean", results, tmp_path, dataset="ml-100k", protocol="clean")[
        "clean-ml-100k"
    ]
    assert parts[-1].path == tmp_path / "learning_curves_ml-100k.png"
    assert parts[-1].path.is_file()
    models = [row[0] for row in parts[0].rows]
    assert models[4:10] == ["MF"] * 3 + ["MF with item bias"] * 3


# Optimizers


def test_both_optimizers_stand_in_a_row(tmp_path, results):
    dense, lazy = (
        Cell("modcloth", "clean", "gmf", "deca", overrides)
        for overrides in ((), (("training.optimizer", "lazy-adam"),))
    )
    for cell, recall in ((dense, 0.2), (lazy, 0.1)):
        users = pd.DataFrame({"user_id": [7, 8], "recall@20": [recall, 2 * recall]})
        for seed in range(2):
            fake_run(tmp_path, cell, seed, recall, users=users)
    assert lazy.config(0).training.optimizer == "lazy-adam"
    blocks = rendered("optimizers", results, tmp_path, dataset="modcloth", protocol="clean")
    table = blocks["optimizers-clean"][0]
    row = next(row for row in table.rows if row[:3] == ["ModCloth", "GMF", "DeCA"])
    assert row[3:6] == [
        "0.2000 ± 0.0000",
        "0.1000 ± 0.0000",
        "-0.1500, p = .205",
    ]  # t = 3 with one degree of freedom
    assert row[6:] == ["2", "clean/modcloth/gmf-deca-training.optimizer=lazy-adam"]
