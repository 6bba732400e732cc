"""Recipes that come with the library, one for each data set, and how one is read."""

import os
import tomllib


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
