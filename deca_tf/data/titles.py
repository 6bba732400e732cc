"""What items are called: a table of ids and titles."""

from deca_tf.data.sources._table_files import TableFile

_INDEX = ("", "Unnamed: 0")  # how pandas writes and reads the name of an index without one


def read_titles(path):
    """Reads a table's first column as item ids and its second as their titles.

    An index before them is passed over.

    Args:
        path: of a file ending in .csv, .csv.gz, .tsv, .tsv.gz or .parquet.

    Returns:
        `{item id: title}`, both strings.

    Raises:
        FileNotFoundError: no such file.
        ValueError: fewer than two columns.
    """
    file = TableFile(path)
    has_index = len(file.names) > 2 and file.names[0] in _INDEX
    columns = file.names[1:3] if has_index else file.names[:2]
    if len(set(columns)) < 2:
        raise ValueError(
            f"A table of titles needs two columns, ids and titles. Received: '{path}' with "
            f"{file.names}."
        )
    table = file.read(columns, columns).dropna()
    return dict(zip(table[columns[0]].astype(str), table[columns[1]].astype(str), strict=True))
