"""The tables and figures of the paper, and what is reported beside them. To add one: write its file, add a row."""

from deca_tf.registry import Registry

_ROWS = {
    "table2": "deca_tf.reproduction.targets.table2:Table2",
    "table3": "deca_tf.reproduction.targets.table3:Table3",
    "table4": "deca_tf.reproduction.targets.table4:Table4",
    "table5": "deca_tf.reproduction.targets.table5:Table5",
    "table6": "deca_tf.reproduction.targets.table6:Table6",
    "figure2": "deca_tf.reproduction.targets.figure2:Figure2",
    "figure3": "deca_tf.reproduction.targets.figure3:Figure3",
    "figure4": "deca_tf.reproduction.targets.figure4:Figure4",
    "figure5": "deca_tf.reproduction.targets.figure5:Figure5",
    "figure6": "deca_tf.reproduction.targets.figure6:Figure6",
    "stability": "deca_tf.reproduction.targets.stability:Stability",
    "clean": "deca_tf.reproduction.targets.clean:Clean",
    "ties": "deca_tf.reproduction.targets.ties:Ties",
    "optimizers": "deca_tf.reproduction.targets.optimizers:Optimizers",
}
TARGETS = Registry("target", _ROWS)
ORDER = tuple(_ROWS)  # of `all`: what comes first is run first
