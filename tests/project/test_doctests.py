"""The examples of docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import fervid

ROOT = Path(fervid.__file__).parent
MODULES = [
    ".".join(("fervid", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


assert len(MODULES) >= 5


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
