"""The command line in this process, because a process of its own takes seconds to start."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from fervid.cli import main


@dataclass(frozen=True)
class Done:
    """What a command printed and returned."""

    returncode: int
    stdout: str
    stderr: str


def fervid(*args: object, cwd: Path | None = None, data: bytes = b"") -> Done:
    """Run `fervid ARGS`, with `data` as standard input."""
    with contextlib.chdir(cwd or Path()):
        result = CliRunner().invoke(main, [*map(str, args)], input=data, prog_name="fervid")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)
