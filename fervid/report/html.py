"""Shared by all pages: number formats, templates, scripts and their policy, saving."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import os
import secrets
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup


@cache
def environment(package: str = "fervid.report") -> Environment:
    """An environment for the templates of a package, with escaping and the number formats below."""
    made = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "timecode": timecode,
        "percent": percent,
        "number": number,
        "bytes": file_size,
    }
    return made


def timecode(seconds: Any, decimals: int = 0) -> str:
    """Seconds as h:mm:ss, rounded down; a dash if unknown."""
    if not known(seconds):
        return "\N{EN DASH}"
    # A millionth of a second is the resolution of the tables.
    units = math.floor(abs(float(seconds)) * 10**decimals + 1e-6)
    whole, rest = divmod(units, 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    sign = "-" if seconds < 0 and units else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}"


def partial_line(meta: dict[str, Any]) -> str:
    """A line about lost frames, from `meta.json`; empty if none were lost."""
    if meta.get("status") != "partial":
        return ""
    damage = meta.get("damage")
    lost, first_s = (
        (damage.get(key) if isinstance(damage, dict) else None)
        for key in ("lost_frames", "first_bad_s")
    )
    if not lost and not known(first_s):
        return f"partial: frames may be damaged{'' if lost == 0 else ' or missing'}"
    frames = "1 frame" if lost == 1 else f"{number(lost)} frames" if lost else "frames"
    first = f", the first at {timecode(first_s)}" if known(first_s) else ""
    return f"partial: {frames} could not be decoded{first}"


def percent(share: Any) -> str:
    """A share as a percentage with one decimal; a dash if unknown."""
    return f"{float(share):.1%}" if known(share) else "\N{EN DASH}"


def number(value: Any) -> str:
    """A value for readers: thousands separated, four significant digits, text unchanged."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not known(value):
            return "\N{EN DASH}"
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def file_size(size: Any) -> str:
    """Bytes in a decimal unit."""
    if not known(size):
        return "\N{EN DASH}"
    value, units = float(size), ["TB", "GB", "MB", "kB", "bytes"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop()
    return f"{value:.3g} {units[-1]}"


def known(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and abs(value) < 1e18 and math.isfinite(value)


def script_json(text: str) -> Markup:
    """JSON that cannot end the script element that contains it."""
    table = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
    return Markup(text.translate(table))


def csp_hash(script: str) -> str:
    """The source expression that allows this script in a page's security policy."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def asset(name: str, package: str = "fervid.report") -> str:
    """The text of a file in a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def save(path: Path, text: str) -> None:
    """Write a file completely or not at all; raises OSError."""
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    try:
        with temporary.open("wb") as file:
            # Surrogates, from file names that are not valid text, become question marks.
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
