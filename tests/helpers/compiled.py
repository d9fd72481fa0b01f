"""Where JAX keeps what it compiles for the tests, for later runs, too."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from fervid.models.program import _processor

_DAYS = 7


def keep_compiled(config: pytest.Config, shared: Path) -> dict[str, str | float]:
    """JAX's settings for a cache beside pytest's own, or in `shared` where pytest keeps none."""
    home = config.cache.mkdir("compiled") if config.cache else shared / "compiled"
    _remove_old(home)
    return {
        # Code for one kind of processor may crash on another.
        "jax_compilation_cache_dir": str(home / _processor()),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


def _remove_old(home: Path) -> None:
    """Remove programs of code that may be gone; JAX does not say when it used one last."""
    for path in home.rglob("*-cache"):
        with contextlib.suppress(FileNotFoundError):  # another worker removes them, too
            if time.time() - path.stat().st_mtime > _DAYS * 86_400:
                path.unlink()
