"""Settings that are none: what is wrong with them, and where they come from."""

from deca_tf._checks import did_you_mean


def explain(problem, config, path, overrides, within=""):
    """A problem that pydantic found, in the words of the rest of the library.

    Args:
        problem: one of its errors.
        config: the class of all settings.
        path: of the recipe.
        overrides: what the user set.
        within: where the tables lie that were checked.
    """
    location = [str(part) for part in problem["loc"]]
    key = within + ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = list(config.model_fields)
        if len(location) > 1:
            known = list(config.model_fields[location[0]].annotation.model_fields)
        return (
            f"Unknown setting. Received: {key}={problem['input']!r}. Known there: "
            f"{', '.join(known)}."
            f"{did_you_mean(location[-1], known)}"
        )
    asked = overrides  # the recipe is named where the value comes from it
    for part in key.split("."):
        asked = asked.get(part) if isinstance(asked, dict) else None
    where = f" (recipe {path.name})" if asked is None else ""
    what = "a table of settings" if problem["type"] == "model_type" else problem["msg"]
    what = (
        what.removeprefix("Input should be ")
        .removeprefix("Value error, ")
        .replace("greater than or equal to", "at least")
    )
    return f"`{key}` must be {what}. Received: {key}={problem['input']!r}{where}."
