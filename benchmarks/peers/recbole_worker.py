"""RecBole's and implicit's models, timed on request.

Runs in an environment of its own and imports nothing of deca_tf.

    python recbole_worker.py FOLDER MODEL --threads N

FOLDER holds `train.npz` and `test.npz` with `user_id` and `item_id`. Answers "train" and
"evaluate", one a line, in JSON.
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import sys
import time
import warnings

warnings.filterwarnings("ignore")
POSITIVES = 2048


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("model", help="BPR, NeuMF, LightGCN, CDAE; implicit-bpr or implicit-als")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads it too
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    make = implicit if arguments.model.startswith("implicit") else recbole
    with contextlib.redirect_stdout(sys.stderr):
        train, evaluate = make(arguments.folder, arguments.model, arguments.threads)
        for question in itertools.chain(["ready"], sys.stdin):
            answer = {"ready": lambda: "ready", "train": train, "evaluate": evaluate}[
                question.strip()
            ]()
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def recbole(folder, name, threads):
    """Functions that train an epoch and that evaluate: ms per update and users per second."""
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    torch.set_num_threads(threads)
    users = _write_atomic_files(folder)
    # Rows of a batch: RecBole counts the negatives of models that learn by pointwise losses, and
    # users for CDAE.
    rows = {"NeuMF": 2 * POSITIVES, "CDAE": min(POSITIVES, users)}.get(name, POSITIVES)
    settings = {
        "data_path": str(folder),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "train_batch_size": rows,
        "eval_batch_size": 1 << 20,
        "embedding_size": 64 if name == "LightGCN" else 32,
        "n_layers": 3,
        "mf_embedding_size": 32,
        "mlp_embedding_size": 128,
        "mlp_hidden_size": [128, 64, 32],
        "dropout_prob": 0.0,
        "hid_dim": 32,
        "topk": [20],
        "metrics": ["Recall", "NDCG"],
        "valid_metric": "Recall@20",
        "show_progress": False,
        "use_gpu": False,
        "state": "ERROR",
        "checkpoint_dir": str(folder / "checkpoints"),
    }
    config = Config(model=name, dataset="recbole", config_dict=settings)
    init_seed(0, reproducibility=True)
    train_data, _, test_data = data_preparation(config, create_dataset(config))
    model = get_model(name)(config, train_data.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    evaluated = len(set(_pairs(folder, "test")[0].tolist()))
    epochs = iter(range(1_000_000))

    def train():
        began = time.perf_counter()
        trainer._train_epoch(train_data, next(epochs), show_progress=False)
        return (time.perf_counter() - began) / len(train_data) * 1e3

    def evaluate():
        began = time.perf_counter()
        trainer.evaluate(test_data, load_best_model=False)
        return evaluated / (time.perf_counter() - began)

    return train, evaluate


def implicit(folder, name, threads):
    """As `recbole`; an update is 2,048 pairs' share of a pass over all."""
    import numpy as np
    import scipy.sparse
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking

    users, items = _pairs(folder, "train")
    seen = scipy.sparse.csr_matrix((np.ones(len(users), np.float32), (users, items)))
    shared = {"factors": 32, "iterations": 10, "num_threads": threads}
    evaluated = np.unique(_pairs(folder, "test")[0])
    evaluated = evaluated[evaluated < seen.shape[0]]
    fitted = []

    def train():
        kind = AlternatingLeastSquares if name == "implicit-als" else BayesianPersonalizedRanking
        model = kind(**shared)
        began = time.perf_counter()
        model.fit(seen, show_progress=False)
        fitted[:] = [model]
        return (time.perf_counter() - began) / 10 / (len(users) / POSITIVES) * 1e3

    def evaluate():
        began = time.perf_counter()
        fitted[0].recommend(evaluated, seen[evaluated], N=20)
        return len(evaluated) / (time.perf_counter() - began)

    return train, evaluate


def _pairs(folder, part):
    import numpy as np

    with np.load(folder / f"{part}.npz") as pairs:
        return pairs["user_id"], pairs["item_id"]


def _write_atomic_files(folder):
    """The parts in RecBole's own format; the number of users in train."""
    (folder / "recbole").mkdir(exist_ok=True)
    for part, name in (("train", "train"), ("test", "valid"), ("test", "test")):
        users, items = _pairs(folder, part)
        lines = [
            "user_id:token\titem_id:token",
            *(f"{user}\t{item}" for user, item in zip(users, items, strict=True)),
        ]
        file = folder / "recbole" / f"recbole.{name}.inter"
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text("\n".join(lines) + "\n")
        partial.replace(file)  # workers start together
    return len(set(_pairs(folder, "train")[0].tolist()))


if __name__ == "__main__":
    main()
