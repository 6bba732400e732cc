"""Table 5: what Table 2 is, on Electronics, where its training file is."""

from deca_tf.data import schema
from reproduction import electronics
from reproduction.targets.table2 import Table2


class Table5(Table2):
    """As Table 2 under 'paper'; without the training file it says what is missing."""

    title = "Table 5: as Table 2 on Electronics, if its training file is there"
    datasets = (electronics.NAME,)
    default_protocols = (schema.PAPER,)
    table = 5

    def places(self, scope):
        return (
            [self._place(electronics.NAME, schema.PAPER)]
            if scope.left_out
            else super().places(scope)
        )

    def render(self, scope, results, figures):
        if scope.left_out:
            return {self._place(electronics.NAME, schema.PAPER): [scope.left_out]}
        return super().render(scope, results, figures)
