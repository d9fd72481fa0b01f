"""Where programs are kept that the tests trace and compile, for later runs, too."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import flax
import jax
import pytest

from fervid.models.program import _processor

_DAYS = 7


def keep_programs(config: pytest.Config, shared: Path) -> None:
    """Let fervid and JAX cache beside pytest, or in `shared` where pytest keeps no cache.

    fervid knows its programs by its code and JAX's version, JAX by what they compute.
    """
    home = config.cache.mkdir("programs") if config.cache else shared / "programs"
    _remove_old(home)
    os.environ["FERVID_CACHE_DIR"] = str(home / f"flax-{flax.__version__}")
    for name, value in _settings_of_jax(home).items():
        os.environ[name.upper()] = str(value)  # for child processes
        jax.config.update(name, value)


def _settings_of_jax(home: Path) -> dict[str, str | float]:
    return {
        # Code for one kind of processor may crash on another.
        "jax_compilation_cache_dir": str(home / f"xla-{_processor()}"),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


def _remove_old(home: Path) -> None:
    """Remove programs of code that may be gone; JAX does not say when it used one last."""
    for path in home.rglob("*-cache"):
        with contextlib.suppress(FileNotFoundError):  # another worker removes them, too
            if time.time() - path.stat().st_mtime > _DAYS * 86_400:
                path.unlink()
