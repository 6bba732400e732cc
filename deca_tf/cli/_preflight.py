"""What is refused before TensorFlow is loaded: contradictions and values of no known kind."""

import shlex


def refuse_contradictions(given, paths, assignments, held, flags):
    """Refuses an option and a --set that give one setting two values.

    Args:
        given: `{option: value}`, None where it was not typed.
        paths: `{option: where its value goes in the settings}`.
        assignments: what was typed behind each --set.
        held: the same as nested tables.
        flags: `{option: as it is typed}`.

    Raises:
        ValueError: naming both as they were typed.
    """
    for option, value in given.items():
        setting = _at(held, paths[option])
        if value is None or setting is None or setting == value:
            continue
        key = ".".join(paths[option])
        typed = next(each for each in reversed(assignments) if _key(each) == key)
        flag = flags[option]
        said = flag if isinstance(value, bool) else f"{flag} {shlex.quote(str(value))}".lstrip()
        raise ValueError(
            f"One setting must have one value. Received: {said} and --set {shlex.quote(typed)}. "
            "Leave one out."
        )


def check_data_settings(data):
    """Refuses what can be seen to be wrong before the data are read.

    Args:
        data: `deca_tf.config.DataSettings`.

    Raises:
        ValueError, TypeError: an unknown way to split or to treat repeated pairs, or a rule that
            cannot be read.
    """
    from deca_tf._checks import check_choice
    from deca_tf.data import schema
    from deca_tf.data.splitters import WAYS, parse_rule, refuse_way

    if data.split_by is not None:
        check_choice("split_by", data.split_by, WAYS)
        if data.protocol == schema.TIMELINE:
            refuse_way("split_by", data.split_by)
    if data.clean_test:
        parse_rule(data.clean_test)
    if data.options.get("repeats") is not None:
        check_choice("repeats", data.options["repeats"], schema.REPEATS)


def _at(tables, path):
    for key in path:
        tables = tables.get(key) if isinstance(tables, dict) else None
    return tables


def _key(assignment):
    return ".".join(part.strip() for part in assignment.partition("=")[0].split("."))
