"""`fervid doctor`."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from fervid import __version__
from fervid.cli.console import one_line_errors, printable

_EXTRAS = {"parquet": "pyarrow", "video": "av", "cluster": "ray", "web": "gradio"}


@click.command(short_help="Check this installation, for bug reports.")
def doctor() -> None:
    """Check that fervid works on this machine.

    Checks ffmpeg, JAX and its devices, the models, the cache and the extras, then analyses one
    second of a test picture. Add the output to bug reports; it names none of your recordings. The
    exit code is 3 if something that fervid needs is missing.

    \b
    Examples:
      fervid doctor
    """
    with one_line_errors():
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("ffmpeg", _ffmpeg),
            ("jax", _jax),
            ("models", _models),
            ("cache", _cache),
            ("temporary files", _temporary),
            ("extras", _extras),
            ("self-test", _self_test),
        )
        click.echo(f"fervid           {__version__}")
        click.echo(f"python           {platform.python_version()}, {platform.platform()}")
        click.echo(f"processor        {os.cpu_count()} cores, {platform.machine()}")
        works = [_run_check(name, check) for name, check in checks]
        raise SystemExit(0 if all(works) else 3)


def _run_check(name: str, check: Callable[[], str]) -> bool:
    """Print what a check found; any error in it is a finding, too."""
    try:
        found, works = check(), True
    except Exception as error:
        found, works = f"FAILED: {type(error).__name__}: {error}", False
    click.echo(printable(f"{name:<17}{found}"))
    return works


def _ffmpeg() -> str:
    from fervid.video.executable import find_ffmpeg

    binary = find_ffmpeg()
    output = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True).stdout
    return f"{output.split()[2]}, {binary}"


def _jax() -> str:
    import jax

    kinds = [
        " ".join(dict.fromkeys((device.platform, device.device_kind))) for device in jax.devices()
    ]
    counts = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
    return f"{jax.__version__}, flax {version('flax')}, numpy {version('numpy')}: {counts}"


def _models() -> str:
    from fervid.models.cards import CARDS, read_weights

    for name in CARDS:
        read_weights(name)
    return f"{', '.join(CARDS)}: present and unchanged"


def _cache() -> str:
    from fervid.models.cache import VARIABLE, folder

    home = folder()
    return str(home or f"none: compiled programs are not kept; set {VARIABLE} to a writable folder")


def _temporary() -> str:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(1_000_000))
    return tempfile.gettempdir()


def _extras() -> str:
    return ", ".join(
        f"{extra} {_version(package) if find_spec(package) else 'not installed'}"
        for extra, package in _EXTRAS.items()
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(version unknown)"


def _self_test() -> str:
    """Analyse one second of a synthetic picture."""
    from fervid.pipeline import analyze
    from fervid.video.executable import find_ffmpeg

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fervid-") as folder:
        clip = Path(folder) / "made.mkv"
        source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=1", "-c:v", "mpeg4"]
        command = [find_ffmpeg(), "-v", "error", "-y", *source, str(clip)]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        timeline = analyze(clip)
    frames, took_s = timeline.meta["detection"]["frames"], time.perf_counter() - began
    if frames != 10:
        raise RuntimeError(f"only {frames} of 10 frames were analysed")
    return f"10 of 10 frames analysed in {took_s:.1f} s"
