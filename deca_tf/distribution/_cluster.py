"""Who the workers of a cluster are: from TF_CONFIG, Slurm or Kubernetes."""

import json
import os
import re
import time

import tensorflow as tf

from deca_tf._extras import require_extra

SLURM_PORT = 8888  # of the first worker on each host
KUBERNETES_PORT = 8470
NUM_WORKERS = "DECA_TF_NUM_WORKERS"
NODE_IP = "NODE_IP"
POD_LABELS = "DECA_TF_POD_LABELS"
ADDRESS = re.compile(r"\S+:\d{1,5}")


def find_cluster():
    """The cluster that the environment describes.

    TF_CONFIG if set, else a Slurm step, else Kubernetes.

    Returns:
        A `tf.distribute.cluster_resolver.ClusterResolver` that knows which worker this process is.

    Raises:
        ValueError: nothing describes a cluster, or what does is wrong.
        ImportError: in Kubernetes, the extra is not installed.
    """
    if os.environ.get("TF_CONFIG"):
        return from_tf_config(os.environ["TF_CONFIG"])
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return from_slurm()
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return from_kubernetes()
    raise ValueError(
        "The strategy 'multi-worker' must be told who the workers are. Received: neither TF_CONFIG "
        "nor a Slurm step "
        "nor Kubernetes. Set TF_CONFIG in each process, for example "
        '{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, "task": {"type": "worker", "index": 0}}.'
    )


def from_tf_config(text):
    """Reads TF_CONFIG.

    Args:
        text: JSON `{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index":
            0}}`; a job 'chief' of one process may stand beside 'worker'.

    Raises:
        ValueError: it is not that.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise _malformed(f"JSON. {error}", text) from None
    cluster = given.get("cluster") if isinstance(given, dict) else None
    task = given.get("task") if isinstance(given, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _malformed("an object with the objects 'cluster' and 'task'", text)
    others = sorted(set(cluster) - {"worker", "chief"})
    if others or not cluster:
        raise _malformed(
            "a cluster of the jobs 'worker' and perhaps 'chief': there are no parameter servers",
            text,
        )
    for job, addresses in cluster.items():
        if (
            not isinstance(addresses, list)
            or not addresses
            or (job == "chief" and len(addresses) > 1)
        ):
            raise _malformed("for each job a list of addresses, one for 'chief'", text)
        if not all(
            isinstance(address, str) and ADDRESS.fullmatch(address) for address in addresses
        ):
            raise _malformed("addresses 'host:port'", text)
    every = [address for addresses in cluster.values() for address in addresses]
    if len(set(every)) < len(every):
        raise _malformed("a different address for each worker", text)
    kind, index = task.get("type"), task.get("index")
    if isinstance(index, str) and index.isdigit():  # as environment variables come
        index = int(index)
    known = kind in cluster and isinstance(index, int) and not isinstance(index, bool)
    if not known or not 0 <= index < len(cluster[kind]):
        raise _malformed("as 'task' one of the cluster's: its 'type', and an 'index' from 0", text)
    return _resolver(cluster, kind, index)


def from_slurm(port=SLURM_PORT):
    """The workers of this Slurm step (`srun`).

    One per task; several on one host listen on ports from `port` on.

    Raises:
        ValueError: variables of the step are missing or contradict each other.
    """
    try:
        # It deals out GPUs, and with them addresses: as many as tasks, or a host without would have
        # no task. Which GPUs a task sees is Slurm's business.
        tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
        slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
        )
        cluster = slurm.cluster_spec().as_dict()
        kind, index = slurm.get_task_info()
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(
            "The variables SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_STEP_NODELIST and "
            "SLURM_STEP_TASKS_PER_NODE must "
            f"describe a step. Received: {error}. Start the workers by `srun`, or set TF_CONFIG."
        ) from error
    return _resolver(cluster, kind, index)


def from_kubernetes(client=None, port=KUBERNETES_PORT, wait_seconds=600, pause=time.sleep):
    """The running pods with some labels, in the order of their nodes' addresses.

    TensorFlow's resolver knows pods by the addresses of their nodes: it needs `hostNetwork: true`
    and one pod on a node. Asks again until as many run as DECA_TF_NUM_WORKERS says. This pod finds
    itself by NODE_IP, its `status.hostIP`; DECA_TF_POD_LABELS selects the pods, for example
    'job-name=clicks'.

    Args:
        client: a `kubernetes.client.CoreV1Api`; None: the pod's own service account's.
        port: on which each worker listens.
        wait_seconds: for all pods to run.
        pause: called with the seconds between two questions.

    Raises:
        ImportError: the extra is not installed.
        ValueError: a variable is missing, or the pods are not there in time.
    """
    missing = [name for name in (NUM_WORKERS, NODE_IP, POD_LABELS) if not os.environ.get(name)]
    if missing or not os.environ[NUM_WORKERS].isdigit():
        raise ValueError(
            f"In Kubernetes a pod must have {NUM_WORKERS} (an integer), {NODE_IP} and {POD_LABELS} "
            "in its environment. "
            f"Received: {', '.join(missing) or NUM_WORKERS + '=' + repr(os.environ[NUM_WORKERS])}, "
            f"{'missing' if missing else 'no integer'}. See docs/distribution.md, or set TF_CONFIG."
        )
    if client is None:
        require_extra("kubernetes", "Finding workers by Kubernetes")
        import kubernetes

        kubernetes.config.load_incluster_config()
        client = kubernetes.client.CoreV1Api()
    wanted, own = int(os.environ[NUM_WORKERS]), f"{os.environ[NODE_IP]}:{port}"
    labels = {"worker": [os.environ[POD_LABELS]]}
    give_up = time.monotonic() + wait_seconds
    while True:
        addresses, problem = [], ""
        resolver = tf.distribute.cluster_resolver.KubernetesClusterResolver(
            job_to_label_mapping=labels,
            tf_server_port=port,
            rpc_layer="grpc",
            override_client=client,
        )
        try:
            addresses = sorted(resolver.cluster_spec().as_dict().get("worker", []))
        except RuntimeError as error:  # a pod that does not run yet
            problem = f" {error}"
        if len(addresses) == wanted and own in addresses:
            return _resolver({"worker": addresses}, "worker", addresses.index(own))
        if len(addresses) > wanted or time.monotonic() >= give_up:
            raise ValueError(
                f"{wanted} pods with the labels {os.environ[POD_LABELS]!r} must run, this one "
                f"({own}) among them. "
                f"Received: {addresses}.{problem} Look at `kubectl get pods`, {NUM_WORKERS} and "
                f"{POD_LABELS}."
            )
        pause(2)


def _resolver(cluster, kind, index):
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster),
        task_type=kind,
        task_id=index,
        num_accelerators={"GPU": _num_gpus()},
        rpc_layer="grpc",
    )


def _num_gpus():
    return len(tf.config.list_physical_devices("GPU"))


def _malformed(required, text):
    return ValueError(
        f"TF_CONFIG must hold {required}. Received: {text!r}. A valid one: "
        '{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, "task": {"type": "worker", "index": 0}}.'
    )
