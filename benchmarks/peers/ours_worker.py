"""deca_tf's models, timed on request like other people's.

Answers "train" and "evaluate", one a line, in JSON.

python -m benchmarks.peers.ours_worker DATASET "gmf deca" --threads N
"""

import argparse
import itertools
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument(
        "model", help="a backbone, a denoiser and perhaps an optimizer, or 'plain Keras GMF'"
    )
    parser.add_argument("--data-dir")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    from benchmarks.contenders import ours, plain_keras, read
    from deca_tf.evaluation import Evaluator

    split = read(arguments.dataset, arguments.data_dir, "clean")
    is_keras = arguments.model == "plain Keras GMF"
    model, fit = plain_keras(split) if is_keras else ours(split, *arguments.model.split())
    evaluator = Evaluator(split, ks=(20,))

    def train():
        began = time.perf_counter()
        updates = fit()
        return (time.perf_counter() - began) / updates * 1e3

    def evaluate():
        if is_keras:
            return None
        began = time.perf_counter()
        evaluator(model)
        return int(evaluator.is_warm.sum()) / (time.perf_counter() - began)

    for question in itertools.chain(["ready"], sys.stdin):
        answer = {"ready": lambda: "ready", "train": train, "evaluate": evaluate}[
            question.strip()
        ]()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
