"""What `deca_tf` holds, for editors and type checkers.

A test compares it with the run-time names.
"""

from deca_tf import backbones as backbones
from deca_tf import baselines as baselines
from deca_tf import callbacks as callbacks
from deca_tf import config as config
from deca_tf import data as data
from deca_tf import denoisers as denoisers
from deca_tf import distribution as distribution
from deca_tf import embeddings as embeddings
from deca_tf import evaluation as evaluation
from deca_tf import metrics as metrics
from deca_tf import optimizers as optimizers
from deca_tf import parts as parts
from deca_tf import reporting as reporting
from deca_tf import runs as runs
from deca_tf import serving as serving
from deca_tf import testing as testing
from deca_tf import training as training
from deca_tf import tuning as tuning
from deca_tf.data import load_split as load_split
from deca_tf.data import training_batches as training_batches
from deca_tf.data import validation_batches as validation_batches
from deca_tf.evaluation import evaluate as evaluate
from deca_tf.runs.run import run as run
from deca_tf.serving import Recommender as Recommender
from deca_tf.serving import export as export
from deca_tf.training import DeCAModel as DeCAModel
from deca_tf.training.callbacks import CollapseMonitor as CollapseMonitor
from deca_tf.training.callbacks import RankingMetrics as RankingMetrics

__version__: str
