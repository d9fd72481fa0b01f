"""Decides whether an earlier result can be kept: same recording, settings, models and version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fervid import __version__
from fervid.errors import MediaError, ModelError, ResultError
from fervid.models.cards import read_card
from fervid.settings import Settings


@dataclass(frozen=True)
class AnalysisOutcome:
    """How an analysis ended.

    Attributes:
        reused: whether an earlier result was kept.
        redone: why an earlier result was replaced, if it was and --overwrite was not given.
        anew: why the parts of an earlier analysis were not used.
    """

    reused: bool = False
    redone: str = ""
    anew: str = ""


_WITHOUT_EFFECT = ("batch_size", "device")
_BY_CONTENT = ("weights", "detector")


def request_of(
    recording: dict[str, Any], settings: Settings, models: dict[str, str]
) -> dict[str, Any]:
    """Everything that determines a result, as plain JSON for `meta.json`.

    Args:
        recording: fingerprint, from `fervid.video.identity.identity_of`.
        settings: what the user chose.
        models: digests, from `digests_of_models`.

    Raises:
        MediaError: the baseline file cannot be read.

    Returns:
        "fervid": the version; "recording"; "settings": those that change results; "models".
    """
    chosen = asdict(settings)
    kept = {k: v for k, v in chosen.items() if k not in _WITHOUT_EFFECT + _BY_CONTENT}
    if isinstance(settings.baseline, str):
        kept["baseline"] = f"file {_digest_of_file(settings.baseline)}"
    whole = {
        "fervid": __version__,
        "recording": recording,
        "settings": kept,
        "models": models,
    }
    plain: dict[str, Any] = json.loads(
        json.dumps(whole)
    )  # tuples become lists, as in the stored JSON
    return plain


def digests_of_models(settings: Settings) -> dict[str, str]:
    """sha256 of the model cards in use (which include that of the weights), or of YuNet's file.

    Raises:
        ModelError: a model is missing.
        SetupError: a shipped model is missing.
    """
    return {
        "expression model": _digest_of_card(settings.weights),
        "face detector": _digest_of_detector(settings.detector),
        "face likeness": _digest_of_card("face_likeness"),
    }


def difference(folder: Path, request: dict[str, Any]) -> str | None:
    """Why the result in a folder differs from a request; None if it does not.

    Args:
        folder: an existing result folder.
        request: from `request_of`.
    """
    # Imported here because it loads pandas, which takes half a second, and most folders are new.
    from fervid.results.files import read_meta

    try:
        earlier = read_meta(folder).get("request")
    except ResultError:
        return "its meta.json is missing or damaged"
    if not isinstance(earlier, dict):
        return "it does not record what it was made from"
    return difference_of(earlier, request)


def difference_of(earlier: dict[str, Any], request: dict[str, Any]) -> str | None:
    """Why an earlier request differs from this one, both from `request_of`; None if it does not."""
    if earlier.get("fervid") != request["fervid"]:
        return f"it was made by fervid {_as_text(earlier.get('fervid'))}"
    for part in ("recording", "models", "settings"):
        was = earlier.get(part)
        if not isinstance(was, dict):
            return "it does not record what it was made from"
        for key, value in request[part].items():
            if was.get(key) != value:
                return _difference_of(part, key, was.get(key), value)
    return None


def _difference_of(part: str, key: str, was: Any, now: Any) -> str:
    if part == "recording":
        return "the recording has changed"
    if part == "models":
        return f"the {key} has changed"
    return f"{key} was {_as_text(was)} and is now {_as_text(now)}"


def _as_text(value: Any) -> str:
    if value is None:
        return "not set"
    return ascii(value)[1:-1][:40] if isinstance(value, str) else json.dumps(value)[:40]


def _digest_of_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path!r}: cannot be read as a baseline: {error.strerror}") from error


def _digest_of_card(model: str | Path) -> str:
    return hashlib.sha256(json.dumps(read_card(model), sort_keys=True).encode()).hexdigest()


def _digest_of_detector(choice: str) -> str:
    kind, _, file = choice.partition(":")
    if kind != "yunet":
        return _digest_of_card("face_detector")
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"detector {file}: {error.strerror or error}") from error
