"""The tables and figures of the paper, and what is reported beside them.

To add one: write its file, add a row.
"""

from deca_tf._registry import Registry

_ROWS = {
    "table2": "reproduction.targets.table2:Table2",
    "table3": "reproduction.targets.table3:Table3",
    "table4": "reproduction.targets.table4:Table4",
    "table5": "reproduction.targets.table5:Table5",
    "table6": "reproduction.targets.table6:Table6",
    "figure2": "reproduction.targets.figure2:Figure2",
    "figure3": "reproduction.targets.figure3:Figure3",
    "figure4": "reproduction.targets.figure4:Figure4",
    "figure5": "reproduction.targets.figure5:Figure5",
    "figure6": "reproduction.targets.figure6:Figure6",
    "stability": "reproduction.targets.stability:Stability",
    "clean": "reproduction.targets.clean:Clean",
    "ties": "reproduction.targets.ties:Ties",
    "optimizers": "reproduction.targets.optimizers:Optimizers",
}
TARGETS = Registry("target", _ROWS)
ORDER = tuple(_ROWS)  # of `all`: what comes first is run first
