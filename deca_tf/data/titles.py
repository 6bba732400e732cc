"""What items are called: a table of ids and titles."""

from deca_tf.data.sources import _table_files as table_files


def read_titles(path):
    """Reads a table's first column as item ids and its second as their titles.

    Args:
        path: of a file ending in .csv, .csv.gz, .tsv, .tsv.gz or .parquet.

    Returns:
        `{item id: title}`, both strings.

    Raises:
        FileNotFoundError: no such file.
        ValueError: fewer than two columns.
    """
    columns = table_files.column_names(path)[:2]
    if len(columns) < 2:
        raise ValueError(
            f"A table of titles needs two columns, ids and titles. Received: '{path}' with "
            f"{columns}."
        )
    table = table_files.read(path, columns, columns).dropna()
    return dict(zip(table[columns[0]].astype(str), table[columns[1]].astype(str), strict=True))
