"""Model cards as a Markdown page with tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from fervid.settings.choices import EXPRESSIONS

_HEAD = ("task", "data", "splits", "limits", "license", "date", "command")
_ELSEWHERE = {"name", "version", "classes", *_HEAD}
_BY_CLASS = ("precision", "recall", "f1")
_WORDS = (
    ("faceless picture", "a picture without people"),
    ("bands", "ranges of the height of faces in the searched picture"),
    ("recall at 95", "highest recall at which the precision is at least 95%"),
    ("default", "precision and recall at the default score"),
    (
        "points",
        "median error of the eyes and of the mouth, as a share of the distance between the eyes",
    ),
    (
        "reliability",
        "boxes with similar scores: their number, their mean score, and the share that are faces",
    ),
    ("fer accuracy", "agreement of the FER-2013 head with FER-2013's labels"),
    ("mirrored", "if true, each answer is the mean over the face and its mirror image"),
    ("one pass", "each answer is for the image alone, without its mirror image"),
    (
        "ferplus majority accuracy",
        "agreement of the FER+ head with the class that has more than half of the votes",
    ),
    (
        "ferplus plurality accuracy",
        "agreement of the FER+ head with the class that has the most votes",
    ),
    ("macro recall", "mean of the recalls of the classes"),
    ("ferplus votes", "distance between the answers of the FER+ head and the shares of the votes"),
    (
        "shipped mixture",
        "the default answer, a mixture of both heads; ferplus share: weight of the FER+ head",
    ),
    (
        "prior power, fer prior, ferplus prior",
        "in the mixture, each head's answers are divided by the class frequencies (prior) of its "
        "labels, raised to this power",
    ),
    ("fer temperature, ferplus temperature", "divisors of the logits, which calibrate each head"),
    ("public covered", "share of painted masks, hands and microphones that the head recognises"),
    ("public free", "share of uncovered faces that the head does not take for covered"),
    ("nll, brier", "negative log-likelihood and Brier score; lower is better"),
    (
        "ece 15",
        "expected calibration error with 15 bins, before and after calibration if there are two",
    ),
)
"""Words in the tables of a page that do not explain themselves, and their meanings."""


def page_of(cards: Iterable[dict[str, Any]]) -> str:
    """A page with a section for each model card."""
    intro = (
        "# Model cards\n\nThese cards say what each shipped network learned from, how accurate it "
        "is, and what it cannot do.\n± is a 95% interval. `fervid models --markdown` writes this "
        "page from `fervid/weights/*.json`.\n\nThe tables use these words:\n"
    )
    words = _table(("word", "meaning"), _WORDS)
    return "\n".join([intro, *words, *(_section(card) for card in cards)])


def _section(card: dict[str, Any]) -> str:
    lines = [f"## {card.get('name', 'model')} {card.get('version', '')}".rstrip(), ""]
    for key in _HEAD:
        if key in card:
            lines += [f"**{_title(key)}**: {_code(_cell(card[key]), key == 'command')}", ""]
    for key, value in card.items():
        if key not in _ELSEWHERE:
            lines += _part(key, value, 3)
    return "\n".join(lines)


def _part(key: str, value: Any, level: int) -> list[str]:
    """A named value: a heading with tables, or a line."""
    if not _is_nested(value) or key in ("config", "recipe", "versions"):
        return [f"**{_title(key)}**: {_code(_cell(value), isinstance(value, dict))}", ""]
    lines = [f"{'#' * level} {_title(key)}", ""]
    left = dict(value)
    tables = _by_class(left)
    plain = {_spaced(name): left.pop(name) for name in list(left) if not _is_nested(left[name])}
    lines += _table(("measure", "value"), list(plain.items())) + tables
    for name, inner in left.items():
        lines += _rows(name, inner) if isinstance(inner, list) else _part(name, inner, level + 1)
    return lines


def _by_class(metrics: dict[str, Any]) -> list[str]:
    """Tables of the metrics by class, which are removed from the other metrics."""
    columns = [metrics.get(name) for name in (*_BY_CLASS, "confusion")]
    if not all(isinstance(column, list) and len(column) == len(EXPRESSIONS) for column in columns):
        return []
    *scores, confusion = (metrics.pop(name) for name in (*_BY_CLASS, "confusion"))
    lines = _table(("class", *_BY_CLASS), [*zip(EXPRESSIONS, *scores, strict=True)])
    counts = [(name, *row) for name, row in zip(EXPRESSIONS, confusion, strict=True)]
    title = "Rows are labels, columns are the model's answers:"
    return [*lines, title, "", *_table(("", *EXPRESSIONS), counts)]


def _rows(name: str, items: Sequence[dict[str, Any]]) -> list[str]:
    titles = list(dict.fromkeys(title for item in items for title in item))
    rows = [[item.get(title, "") for title in titles] for item in items]
    return [f"{_title(name)}:", "", *_table([*map(_spaced, titles)], rows)]


def _table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    if not rows:
        return []
    cells = [[_table_cell(value).replace("|", r"\|") for value in row] for row in rows]
    lines = [titles, ["---"] * len(titles), *cells]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _is_nested(value: Any) -> bool:
    """Whether a value gets its own heading or table."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and not _is_share(value)


def _is_share(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"percent", "plus_minus", "n"}


def _cell(value: Any) -> str:
    if _is_share(value):
        return f"{value['percent']}% ± {value['plus_minus']} (n = {value['n']:,})"
    return value if isinstance(value, str) else json.dumps(value)


def _table_cell(value: Any) -> str:
    """Lists of numbers, and numbers by name, without the signs of JSON."""
    if isinstance(value, list) and value and all(isinstance(one, (int, float)) for one in value):
        return ", ".join(map(_cell, value))
    is_numbers = isinstance(value, dict) and all(
        isinstance(one, (int, float)) for one in value.values()
    )
    if is_numbers and not _is_share(value):
        return ", ".join(f"{_spaced(name)} {_cell(one)}" for name, one in value.items())
    return _cell(value)


def _code(text: str, is_code: bool) -> str:
    return f"`{text}`" if is_code else text


def _title(key: str) -> str:
    text = _spaced(key)
    return text[:1].upper() + text[1:]


def _spaced(key: str) -> str:
    return key.replace("_", " ")
