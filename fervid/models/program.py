"""Batched evaluation of a network: traced once per machine, compiled once per shape.

The traced program (StableHLO of `jax.export`, with its weights) and the code that XLA compiles from
it are kept in the user's cache, so that later runs neither load Flax nor compile.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from fervid.errors import SetupError
from fervid.models import cache as files

Leaves = Sequence[Any]
Function = Callable[[Leaves, jax.Array, jax.Array], tuple[jax.Array, ...]]
"""Takes weights, (N, H, W) uint8 and the number of valid images (1,) int32; returns arrays of N
rows."""

_LEAST_COMPILE_S = 0.2

_CPU_OPTIONS: dict[str, bool | str] = {
    "xla_backend_optimization_level": "1",
    "xla_cpu_use_fusion_emitters": False,
}
"""Options of XLA: it compiles in half the time, to code that is about 5% slower."""


class Program:
    """Evaluates a function of weights and images in batches of one size.

    Args:
        key: everything that determines the function, apart from fervid's own code; plain JSON.
        make: makes the function and its weights, for CPUs if its argument is True; called only if
            they are not in the cache.
        batch_size: images per call, a multiple of the number of devices.
        devices: devices of one kind, which share each batch; None: all that JAX offers.

    Raises:
        SetupError: there is no device. Errors of `make` are passed on.
    """

    def __init__(
        self,
        key: Mapping[str, Any],
        make: Callable[[bool], tuple[Function, Leaves]],
        *,
        batch_size: int,
        devices: Sequence[Any] | None = None,
    ) -> None:
        used = find_devices() if devices is None else list(devices)
        self._mesh = Mesh(np.array(used), ("data",), axis_types=(AxisType.Auto,))
        self._share = -(-batch_size // len(used))
        self.batch_size = self._share * len(used)
        self._make = make
        self._on_cpu = used[0].platform == "cpu"
        everything = {**key, "code": _code(), "platform": used[0].platform}
        self._key = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:32]
        self._one_at_a_time = threading.Lock()
        self._compiled: dict[tuple[int, int], Callable[..., Any]] = {}
        self._made: tuple[Function, Leaves] | None = None
        _keep_compiled()
        self._leaves = self._weights()

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        """Evaluate N images.

        Args:
            images: (N, H, W) uint8, N at least 1; more than `batch_size` take several calls.

        Returns:
            Arrays of N rows.
        """
        starts = range(0, len(images), self.batch_size)
        parts = [self._call(images[start : start + self.batch_size]) for start in starts]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _call(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        """The same for at most `batch_size` images."""
        count, *sides = images.shape
        if count < self.batch_size:
            padded = np.zeros((self.batch_size, *sides), np.uint8)
            padded[:count] = images
            images = padded
        shares = self._share * np.arange(self._mesh.size)
        counts = np.clip(count - shares, 0, self._share).astype(np.int32)
        found = self.prepare((sides[0], sides[1]))(self._leaves, images, counts)
        return tuple(np.asarray(part)[:count] for part in found)

    def prepare(self, sides: tuple[int, int]) -> Callable[..., Any]:
        """Trace and compile for images of (H, W), once; thread-safe."""
        with self._one_at_a_time:
            if sides not in self._compiled:
                self._compiled[sides] = self._compile(sides)
            return self._compiled[sides]

    def _compile(self, sides: tuple[int, int]) -> Callable[..., Any]:
        images = jax.ShapeDtypeStruct((self._share, *sides), np.uint8)
        count = jax.ShapeDtypeStruct((1,), np.int32)
        local = self._traced(images, count).call
        if self._mesh.size == 1:
            function = jax.jit(local)
            self._leaves = jax.device_put(self._leaves, self._mesh.devices.flat[0])
        else:
            whole, rows = PartitionSpec(), PartitionSpec("data")
            function = jax.jit(
                jax.shard_map(
                    local,
                    mesh=self._mesh,
                    in_specs=(whole, rows, rows),
                    out_specs=rows,
                    check_vma=False,
                )
            )
            self._leaves = jax.device_put(self._leaves, NamedSharding(self._mesh, whole))
        batch = jax.ShapeDtypeStruct((self.batch_size, *sides), np.uint8)
        counts = jax.ShapeDtypeStruct((self._mesh.size,), np.int32)
        with jax.default_device(self._mesh.devices.flat[0]):
            compiled = self._machine_code(function.lower(self._leaves, batch, counts))
        _list_compiled()
        return compiled

    def _machine_code(self, lowered: jax.stages.Lowered) -> Callable[..., Any]:
        if self._on_cpu:
            with contextlib.suppress(
                jax.errors.JaxRuntimeError
            ):  # XLA's options differ between versions
                return lowered.compile(_CPU_OPTIONS)
        return lowered.compile()

    def _weights(self) -> Leaves:
        name = f"{self._key}.weights"
        kept = files.read(name)
        if kept is not None:
            with np.load(io.BytesIO(kept), allow_pickle=False) as archive:
                return [archive[f"leaf{number}"] for number in range(len(archive.files))]
        self._made = self._make(self._on_cpu)
        leaves = [np.asarray(leaf) for leaf in self._made[1]]
        file = io.BytesIO()
        named: dict[str, Any] = {f"leaf{number}": leaf for number, leaf in enumerate(leaves)}
        np.savez(file, **named)
        files.write(name, file.getvalue())
        return leaves

    def _traced(self, images: Any, count: Any) -> export.Exported:
        """The function for one device."""
        name = f"{self._key}-{'x'.join(map(str, images.shape))}.program"
        kept = files.read(name)
        if kept is not None:
            return export.deserialize(bytearray(kept))
        function, _ = self._made = self._made or self._make(self._on_cpu)
        weights = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in self._leaves]
        platforms = [_export_platform(self._mesh.devices.flat[0])]
        traced = export.export(jax.jit(function), platforms=platforms)(weights, images, count)
        files.write(name, bytes(traced.serialize()))
        return traced


def _export_platform(device: Any) -> str:
    """The name of the device in `jax.export`; JAX says gpu for both NVIDIA's and AMD's."""
    if device.platform != "gpu":
        return str(device.platform)
    return "rocm" if "rocm" in device.client.platform_version.lower() else "cuda"


def find_devices(kind: str = "auto") -> list[Any]:
    """The devices of a kind: "cpu", "gpu", "tpu", or "auto" for JAX's choice.

    Raises:
        SetupError: there is none.
    """
    try:
        return list(jax.local_devices(backend=None if kind == "auto" else kind))
    except (RuntimeError, AssertionError) as error:  # raised for a platform without its plugin
        what = "no device" if kind == "auto" else f"no {kind.upper()}"
        cuda = "; NVIDIA on Linux: pip install 'fervid[cuda]'" if kind == "gpu" else ""
        raise SetupError(
            f"JAX finds {what}{cuda}; check the environment variable JAX_PLATFORMS"
        ) from error


@cache
def _code() -> str:
    """A digest of the tracing code: fervid's own, JAX's version and the kind of machine."""
    digest = hashlib.sha256(jax.__version__.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _keep_compiled() -> Path | None:
    """Let JAX cache compiled code beside our files, unless the user chose another folder.

    JAX writes in place and never replaces files, so a file that a killed process left half-written
    would break every later run. Files that are not listed as complete are removed.
    """
    home = files.folder()
    if home is None or jax.config.values["jax_compilation_cache_dir"] is not None:
        return None
    kept = home / f"xla-{_processor()}"
    try:
        kept.mkdir(exist_ok=True, mode=0o700)
        whole = json.loads(files.read(f"{kept.name}.list") or b"{}")
        for path in kept.iterdir():
            if path.stat().st_size != whole.get(path.name):
                path.unlink(missing_ok=True)
        files.prune(kept)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(kept))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_COMPILE_S)
    return kept


def _list_compiled() -> None:
    """List JAX's complete files; called after it has written them."""
    kept = _keep_compiled()
    if kept is None:
        return
    with contextlib.suppress(OSError):  # another process may be removing files
        sizes = {path.name: path.stat().st_size for path in kept.iterdir()}
        files.write(f"{kept.name}.list", json.dumps(sizes).encode())


def _processor() -> str:
    """The kind of processor, because code that XLA compiles for one kind may crash on another."""
    about = platform.processor() + platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = listing.read_text(errors="replace").splitlines()
        chosen = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
        about = "\n".join(sorted(chosen))
    return hashlib.sha256(about.encode()).hexdigest()[:12]
