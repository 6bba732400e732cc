"""From a log to a served model, and what happens on the days after."""

import json
import pathlib
import tomllib

import keras
import numpy as np
import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner

from deca_tf.baselines import EASE
from deca_tf.data import read_shards
from deca_tf.runs.load import load_run
from deca_tf.serving import Recommender
from deca_tf.serving.versions import complete_versions
from deca_tf.training.callbacks.backup import Backup
from deca_tf.tuning import search
from pipelines import run
from pipelines.baseline import evaluate_beside
from pipelines.settings import Settings
from pipelines.steps import ORDER
from pipelines.store import Store

GROUPS, PER_GROUP = 4, 12
EPOCHS = 12
TRAINER = {
    "backbone": {"name": "mf", "embedding_dim": 8},
    "denoiser": {"name": "none"},
    "training": {
        "epochs": EPOCHS,
        "batch_size": 64,
        "learning_rate": 0.02,
        "l2": 0.0,
        "jit_compile": False,
    },
}
COLUMNS = {"user_column": "user", "item_column": "item", "timestamp_column": "time"}


class Killed(BaseException):
    """What no step can catch."""


def group_of(name):
    """Of a user or an item: who likes what."""
    return int(name.rpartition(" ")[2]) % GROUPS


def day(number, users, rows):
    """Clicks of each user on ten items of the user's own group, and on one other."""
    rng = np.random.default_rng(number)
    own = [(user, GROUPS * rng.permutation(PER_GROUP)[:rows] + user % GROUPS) for user in users]
    pairs = [
        (user, item) for user, items in own for item in (*items, rng.integers(GROUPS * PER_GROUP))
    ]
    frame = pd.DataFrame(pairs, columns=["user", "item"]).sample(frac=1, random_state=number)
    names = {name: frame[name].map(f"{name} {{}}".format) for name in frame}
    return frame.assign(**names, time=1_700_000_000 + 86_400 * number + np.arange(len(frame)))


def settings_for(folder, number, **more):
    return Settings(
        root=folder / "artifacts",
        input={"files": [str(folder / f"day-{number}.csv")], **COLUMNS},
        transform={"max_passes": 1},
        pusher={"destination": folder / "served", "k": [5]},
        **{"trainer": TRAINER, **more},
    )


def trainer(**training):
    return {**TRAINER, "training": {**TRAINER["training"], **training}}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Folder of logs, artifacts and the served model, and the executions of a first day."""
    folder = tmp_path_factory.mktemp("training")
    day(1, range(60), 10).to_csv(folder / "day-1.csv", index=False)
    return folder, run.run_pipeline(settings_for(folder, 1))


@pytest.fixture(scope="module")
def second(first):
    """The same of a second day, with ten new users in place of ten others."""
    folder, _ = first
    day(2, range(10, 70), 10).to_csv(folder / "day-2.csv", index=False)
    return folder, run.run_pipeline(settings_for(folder, 2))


def output(folder, execution, name):
    return folder / "artifacts" / execution.outputs[name]


def evaluation(folder, done):
    return json.loads(
        (output(folder, done["Evaluator"], "evaluation") / "metrics.json").read_text()
    )


def versions(folder):
    return sorted(complete_versions(folder / "served"))


def test_a_csv_becomes_a_model_that_answers_in_the_users_own_ids(first):
    folder, done = first
    answer = Recommender(folder / "served", version=1).recommend(
        ["user 6", "user 13", "someone new"], k=2
    )
    log = pd.read_csv(folder / "day-1.csv")
    for user in ("user 6", "user 13"):
        rows = answer[answer["user_id"] == user]
        assert rows["known_user"].all() and len(rows) == 2
        assert {group_of(item) for item in rows["item_id"]} == {
            group_of(user)
        }  # learnt, not merely popular
    split = read_shards(output(folder, done["Split"], "shards"))
    seen = split.seen()
    mine = split.train.raw_user_ids[seen.user_id] == "user 6"
    assert not set(answer.loc[answer["user_id"] == "user 6", "item_id"]) & set(
        split.train.raw_item_ids[seen.item_id[mine]]
    )
    unknown = answer[answer["user_id"] == "someone new"]
    assert not unknown["known_user"].any() and set(unknown["item_id"]) <= set(log["item"])
    assert done["Pusher"].notes == {"pushed": True, "version": str(folder / "served" / "1")}


def test_the_evaluation_tells_slices_beside_popularity(first):
    folder, done = first
    assert [each.name for each in output(folder, done["Evaluator"], "blessing").iterdir()] == [
        "BLESSED"
    ]
    found = evaluation(folder, done)
    assert (
        found["compared_with"] is None
        and found["test"]["recall@20"] > found["test_popularity"]["recall@20"]
    )
    for name, whole in (("model", "test"), ("popularity", "test_popularity")):
        everyone = found["slices"][name][0]
        assert everyone["slice"] == "all users" and everyone["recall@20"] == pytest.approx(
            found[whole]["recall@20"]
        )
    split = read_shards(output(folder, done["Split"], "shards"))
    deciles = [row for row in found["slices"]["model"] if row["slice"].startswith("items, decile")]
    assert sum(row["pairs"] for row in deciles) == len(split.test)
    report = (output(folder, done["Evaluator"], "evaluation") / "report.md").read_text()
    assert (
        report.startswith("# Blessed")
        and f"| all users | {everyone['users']} | {len(split.test)} |" in report
    )
    run_metrics = json.loads(
        (output(folder, done["Trainer"], "model_run") / "metrics.json").read_text()
    )
    assert run_metrics["test"] == found["test"]


def test_the_command_neither_trains_nor_pushes_again(first):
    folder, _ = first
    before = versions(folder), len(Store(folder / "artifacts").executions())
    config = folder / "clicks.toml"
    config.write_text(
        tomli_w.dumps(settings_for(folder, 1).model_dump(mode="json", exclude_unset=True))
    )
    told = CliRunner().invoke(run.app, ["--config", str(config)])
    assert told.exit_code == 0 and all(f"{name}: done before" in told.output for name in ORDER), (
        told.output
    )
    assert (versions(folder), len(Store(folder / "artifacts").executions())) == before


def test_the_next_day_is_compared_on_what_both_days_know(first, second):
    (folder, before), (_, done) = first, second
    assert (
        done["ExampleValidator"].notes["compared with"]
        == before["StatisticsGen"].outputs["statistics"]
    )
    beside = evaluation(folder, done)["compared_with"]
    assert beside["model"] == before["Trainer"].outputs["model"]
    old, new = (read_shards(output(folder, each["Split"], "shards")) for each in (before, done))
    assert len(set(new.train.raw_user_ids) - set(old.train.raw_user_ids)) == 10
    known = np.isin(new.train.raw_user_ids[new.test.user_id], old.train.raw_user_ids)
    known &= np.isin(new.train.raw_item_ids[new.test.item_id], old.train.raw_item_ids)
    assert 0 < beside["pairs"] + beside["learnt"] == known.sum() < len(new.test)
    assert beside["before"] == pytest.approx(
        _recall_of_older(old, new, output(folder, before["Trainer"], "model"))
    )
    assert beside["difference"] == pytest.approx(beside["now"] - beside["before"])
    assert done["Pusher"].notes["version"] == str(folder / "served" / "2") and versions(folder)[
        :2
    ] == [1, 2]


def names(rows):
    """Pairs of raw ids."""
    return set(zip(rows.raw_user_ids[rows.user_id], rows.raw_item_ids[rows.item_id], strict=True))


def _recall_of_older(old, new, model, k=20):
    """Recall@k of an older model for what both days know, by names and loops."""
    users, items = (
        {name: place for place, name in enumerate(ids)}
        for ids in (old.train.raw_user_ids, old.train.raw_item_ids)
    )
    older = keras.models.load_model(model / "model.keras").recommender
    seen, asked, recalls = (
        names(new.train) | names(new.validation),
        names(new.test) - names(old.train),
        [],
    )
    for user in {user for user, _ in asked} & set(users):
        relevant = {item for name, item in asked if name == user} & set(items)
        if relevant:
            scores = np.asarray(older.score_all_items(np.array([users[user]])))[0]
            choice = [
                item
                for item in new.train.raw_item_ids
                if item in items and (user, item) not in seen
            ]
            ranked = sorted(choice, key=lambda item: -scores[items[item]])
            recalls.append(len(relevant & set(ranked[:k])) / len(relevant))
    return np.mean(recalls)


def test_pairs_that_the_older_model_learnt_do_not_count(first, second):
    (folder, before), (_, done) = first, second
    store = Store(folder / "artifacts")
    shards = output(folder, done["Split"], "shards")
    _, model, split = load_run(output(folder, done["Trainer"], "model"), data_dir=str(shards))
    turned = type(split)(split.test, split.validation, split.train, split.protocol, split.name)
    beside = evaluate_beside(model, turned, store, before["Evaluator"], "recall@20")
    old = read_shards(output(folder, before["Split"], "shards"))

    common = {
        (u, i)
        for u, i in names(split.train)
        if u in old.train.raw_user_ids and i in old.train.raw_item_ids
    }
    assert beside["learnt"] == len(common & names(old.train)) > 0
    assert beside["pairs"] == len(common - names(old.train)) > 0


def test_a_worse_model_is_not_blessed_and_not_pushed(second):
    folder, done = second
    settings = settings_for(
        folder, 2, trainer=trainer(learning_rate=1e-7), evaluator={"min_share_of_popularity": 0.0}
    )
    told = []
    worse = run.run_pipeline(
        settings, tell=lambda name, execution, seconds: told.append((name, seconds is None))
    )
    assert [name for name, before in told if not before] == [
        "Tuner",
        "Trainer",
        "Evaluator",
        "Pusher",
    ]
    assert [each.name for each in output(folder, worse["Evaluator"], "blessing").iterdir()] == [
        "NOT_BLESSED"
    ]
    popular, beside = evaluation(folder, worse)["conditions"]
    assert popular["passed"] and not beside["passed"]
    assert done["Trainer"].outputs["model"] in beside["text"]
    assert (
        "collapsed (undecided)"
        in (output(folder, worse["Evaluator"], "evaluation") / "report.md").read_text()
    )
    assert worse["Pusher"].notes == {"pushed": False, "why": "The model is not blessed."}
    assert versions(folder) == [1, 2]


def test_a_killed_trainer_goes_on_and_meets_the_last_blessed_model(second, monkeypatch):
    folder, done = second
    settings = settings_for(folder, 2, trainer=trainer(epochs=4))
    monkeypatch.setattr(
        Backup.__init__, "__defaults__", (None, 0.0, 1.0)
    )  # a checkpoint at every epoch
    save, saved = Backup.save, []

    def save_and_die(self, epochs_done):
        save(self, epochs_done)
        saved.append(epochs_done)
        if epochs_done == 2:
            raise Killed

    monkeypatch.setattr(Backup, "save", save_and_die)
    with pytest.raises(Killed):
        run.run_pipeline(settings)
    saved.clear()
    again = run.run_pipeline(settings)
    assert saved == [3, 4]
    assert again["Trainer"].notes["epochs"] == 4
    assert not list((folder / "artifacts/Trainer").glob("*/writing-*"))
    assert evaluation(folder, again)["compared_with"]["model"] == done["Trainer"].outputs["model"]


def test_a_pusher_that_was_killed_after_its_work_does_not_push_again(second):
    folder, _ = second
    store, before = Store(folder / "artifacts"), versions(folder)
    pushed = [each for each in store.executions("Pusher") if each.notes["pushed"]][-1]
    (store.root / "lineage" / f"{pushed.number:06d}-Pusher.json").unlink()
    newest = run.run_pipeline(settings_for(folder, 2), "Pusher")["Pusher"]
    assert newest.number > pushed.number and versions(folder) == before


def test_a_search_finds_settings_goes_on_and_leaves_alone_what_is_set(second, monkeypatch):
    folder, _ = second
    settings = settings_for(folder, 2, trainer=trainer(epochs=1), tuner={"trials": 1})
    write = search.write_results

    def die(*_):
        raise Killed

    monkeypatch.setattr(search, "write_results", die)
    with pytest.raises(Killed):
        run.run_pipeline(settings, "Tuner")
    monkeypatch.setattr(search, "write_results", write)
    pattern = "artifacts/Tuner/best_settings/*/search/none/trial_*/result.json"
    first = sorted((path.parent.name, path.stat().st_mtime_ns) for path in folder.glob(pattern))
    done = run.run_pipeline(settings, "Tuner")["Tuner"]
    assert done.notes["trials"] == done.notes["completed"] == len(first) == 1
    trials = output(folder, done, "best_settings") / "search/none"
    assert first == sorted(
        (path.parent.name, path.stat().st_mtime_ns) for path in trials.glob("*/result.json")
    )
    best = tomllib.loads((output(folder, done, "best_settings") / "config.toml").read_text())
    assert (
        best["training"]["learning_rate"] == 0.02
        and best["backbone"]["embedding_dim"] == 8
        and "data" not in best
    )
    with pytest.raises(ValueError, match="Run `--step Tuner` first"):
        run.run_pipeline(settings_for(folder, 2), "Trainer")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[trainer.denoiser]\nname = "decca"', "Did you mean 'deca'?"),
        (
            "[trainer.training]\nepoch = 3",
            "`trainer`: Unknown setting. Received: training.epoch=3.",
        ),
        (
            '[trainer.training]\nstrategy = "multi-worker"',
            "must be 'default' or 'mirrored' in a pipeline",
        ),
        ('[trainer.prior]\nrun = "runs/a"', "`prior.run` must be unset in a pipeline"),
        ("[tuner]\ntrials = 1\n[trainer.denoiser]\nc1 = 10", "must be set both or neither"),
        (
            "[trainer]\nstream = true\n[trainer.training]\nusers_per_batch = 8",
            "`training.users_per_batch` must be unset",
        ),
        ('[evaluator]\nmetric = "recall@21"', "Did you mean 'recall@20'?"),
        ('[pusher]\ndestination = "log.csv"', "`pusher.destination` must be a folder"),
        ("[pusher]\nk = [10, 0]", "`pusher.k` must hold numbers of at least 1"),
        ('[pusher]\ntitles = "titles.csv"', "titles.csv"),
        (
            '[trainer.denoiser]\nname = "deca-p"\n[tuner]\ntrials = 3',
            "`tuner.trials` must be 0 where",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_any_work(more, said, tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\na,b\n")
    config = tmp_path / "clicks.toml"
    config.write_text(f'root = "artifacts"\n[input]\nfiles = ["log.csv"]\n{more}\n')
    refused = CliRunner().invoke(run.app, ["--config", str(config)])
    assert refused.exit_code == 2 and said in refused.output.replace("\n", ""), refused.output
    assert not (tmp_path / "artifacts").exists()


def test_where_a_model_goes(tmp_path):
    from pipelines.steps.pusher import destination_of

    (tmp_path / "c.toml").write_text(
        'root = "out"\n[input]\nfiles = ["a.csv"]\n[pusher]\ndestination = "to/here"\n'
    )
    assert destination_of(Settings.read(tmp_path / "c.toml")) == tmp_path / "to" / "here"
    plain = Settings(root=pathlib.Path("out"), input={"files": ["a.csv"]}, split={"name": "shop"})
    assert destination_of(plain) == pathlib.Path("out/served/shop")


def test_a_model_in_closed_form_is_trained_compared_and_pushed(second):
    folder, _ = second
    settings = settings_for(
        folder,
        2,
        trainer={"backbone": {"name": "ease", "l2": 5.0}},
        evaluator={"margin": 1.0, "min_share_of_popularity": 0.0},
    )
    done = run.run_pipeline(settings)
    shards = output(folder, done["Split"], "shards")
    _, model, split = load_run(output(folder, done["Trainer"], "model"), data_dir=str(shards))
    own = EASE(split.train, l2=5.0)
    users = np.arange(split.num_users)
    np.testing.assert_array_equal(model.score_all_items(users), own.score_all_items(users))
    assert evaluation(folder, done)["compared_with"]["users"] > 0
    pushed = Recommender(folder / "served", version=versions(folder)[-1])
    assert pushed.manifest["backbone"] == "ease"
    assert pushed.recommend(["user 20"], k=2)["known_user"].all()
