"""The inside of a JSON schema: what is schema, what is data, and where references point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

# What stands under these is data, in which `$ref` or `description` means nothing ...
_DATA = frozenset({"default", "enum", "const", "example", "examples"})
# ... and the names under these are anybody's, so that none of them is a keyword.
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


def is_map(keyword: str, in_map: bool) -> bool:
    """Whether the object under `keyword` maps names to schemas. `in_map`: whether `keyword` is such a name itself."""
    return not in_map and keyword in _MAPS


def is_data(keyword: str, in_map: bool) -> bool:
    """Whether what stands under `keyword` is data, and no schema."""
    return not in_map and keyword in _DATA


def references(schema: Any, in_map: bool = False) -> Iterator[str]:
    """Every reference of a schema, as it is written."""
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)
    elif isinstance(schema, dict):
        for name, value in schema.items():
            if not in_map and name in _REFERENCES and isinstance(value, str):
                yield value
            elif not is_data(name, in_map):
                yield from references(value, is_map(name, in_map))


def pointed(root: Any, reference: str) -> Any:
    """What a local reference such as `#/components/schemas/Pet` points to.

    Raises:
        LookupError: nothing is there, or the reference is not local.
    """
    if reference != "#" and not reference.startswith("#/"):
        raise LookupError(reference)
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list) and name.isdecimal():
            root = root[int(name)]
        elif isinstance(root, dict):
            root = root[name]
        else:
            raise LookupError(reference)
    return root
