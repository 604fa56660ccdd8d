"""Reading YAML: as `yaml.safe_load` does, but a key that is there twice is a mistake, not the last one's."""

from collections.abc import Hashable
from typing import Any

import yaml


class _Reader(yaml.SafeLoader):
    """Refuses a key that a mapping already has."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, each of whose keys is written once."""
        written: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in written:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            written.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> Any:
    """What a YAML text holds; raises `yaml.YAMLError`, `ValueError` or `RecursionError` where it cannot be read."""
    return yaml.load(text, _Reader)
