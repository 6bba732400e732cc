"""Recipes that come with the library, one for each data set, and how one is read."""

import os
import tomllib
from typing import Any

from deca_tf._checks import did_you_mean

SELECTORS = ("backbone", "denoiser", "protocol")  # what a variant's `when` may look at


def read_toml(path):
    """The tables of a recipe's file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no TOML.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"The recipe must be an existing TOML file. Received: {os.fspath(path)!r}."
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"`{path}` must be TOML. Received: {error}") from None


def take_variants(tables, path):
    """The recipe's variants, taken out of its tables.

    Raises:
        ValueError: a variant, or its `when`, is no table.
    """
    variants = tables.pop("variant", [])
    if not isinstance(variants, list) or not all(isinstance(variant, dict) for variant in variants):
        raise ValueError(
            f"A variant in {path} must be a table under [[variant]]. Received: "
            f"variant={variants!r}."
        )
    for number, variant in enumerate(variants, 1):
        if not isinstance(variant.get("when", {}), dict):
            raise ValueError(
                f'`when` of variant {number} in {path} must be a table such as {{ denoiser = "deca" }}. '
                f"Received: {variant['when']!r}."
            )
    return variants


def matching(variants, chosen, path):
    """The tables of the variants that apply, in order.

    Args:
        variants: from `take_variants`; their `when` is taken out.
        chosen: the run's `{"backbone": name, "denoiser": name, "protocol": name}`.
        path: of the recipe, for messages.

    Raises:
        ValueError: a `when` looks at something else.
    """
    found = []
    for number, variant in enumerate(variants, 1):
        when = variant.pop("when", {})
        for selector in when:
            if selector not in SELECTORS:
                raise ValueError(
                    f"`when` of variant {number} in {path} may name {', '.join(SELECTORS)}. "
                    f"Received: {selector!r}."
                    f"{did_you_mean(selector, SELECTORS)}"
                )
        if all(
            chosen[key] in (value if isinstance(value, list) else [value])
            for key, value in when.items()
        ):
            found.append(variant)
    return found


def merge(*tables: dict[str, Any]) -> dict[str, Any]:
    """Nested tables as one; later ones win.

    Stability: provisional.
    """
    merged: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = merge(merged[key], value) if both_tables else value
    return merged
