"""What pages have in common: words for numbers, templates, scripts and their policy, saving."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import os
import secrets
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup


def environment(package: str = "fervid.report") -> Environment:
    """Templates of a package, escaped, with the words for numbers below as filters."""
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
    """Seconds as h:mm:ss, rounded down; a dash when not known."""
    if not known(seconds):
        return "\N{EN DASH}"
    # A millionth of a second is the resolution of the tables.
    units = math.floor(abs(float(seconds)) * 10**decimals + 1e-6)
    whole, rest = divmod(units, 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    sign = "-" if seconds < 0 and units else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}"


def partial_line(meta: dict[str, Any]) -> str:
    """What `meta.json` says of lost frames in one line; empty if the recording is whole."""
    if meta.get("status") != "partial":
        return ""
    damage = meta.get("damage")
    lost, first_s = (
        (damage.get(key) if isinstance(damage, dict) else None)
        for key in ("lost_frames", "first_bad_s")
    )
    if not lost and not known(first_s):
        return f"partial: pictures may be damaged{'' if lost == 0 else ' or missing'}"
    frames = "1 frame" if lost == 1 else f"{number(lost)} frames" if lost else "frames"
    first = f", the first at {timecode(first_s)}" if known(first_s) else ""
    return f"partial: {frames} could not be decoded{first}"


def percent(share: Any) -> str:
    """A share as a percentage with one decimal; a dash when not known."""
    return f"{float(share):.1%}" if known(share) else "\N{EN DASH}"


def number(value: Any) -> str:
    """A value as a reader likes it: thousands apart, four significant digits, words as they are."""
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
    """Whether it is a number that a reader can make something of."""
    return isinstance(value, int | float) and abs(value) < 1e18 and math.isfinite(value)


def script_json(text: str) -> Markup:
    """JSON that cannot end the script element it stands in."""
    table = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
    return Markup(text.translate(table))


def csp_hash(script: str) -> str:
    """The source expression that lets a page's policy run this one script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def asset(name: str, package: str = "fervid.report") -> str:
    """The text of a file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def save(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all; what the disk refuses is an OSError."""
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    try:
        with temporary.open("wb") as file:
            # A file name that is no valid text holds surrogates; they show as question marks.
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
