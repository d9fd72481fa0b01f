"""The codebook of a study: unit and meaning of every column of its tables."""

from __future__ import annotations

from collections.abc import Sequence

from fervid.results.codebook import Column

_WHO = (
    Column("recording", "word", "path of the result folder, relative to the folder of the study"),
    Column("face_id", "id", "number of the person in this recording"),
    Column(
        "participant", "word", "name of the person; recording and face_id if no table names them"
    ),
)
_EFFECT = (
    Column("estimate", "number", "mean, or level minus reference"),
    Column(
        "low", "number", "lower end of the 95% interval of estimate (Student; Welch if unpaired)"
    ),
    Column("high", "number", "upper end"),
    Column("effect", "number", "Hedges' g, of differences if paired, else of two samples"),
    Column("effect_low", "number", "lower end of its 95% interval"),
    Column("effect_high", "number", "upper end"),
    Column("p", "number", "two-sided p-value of the t-test"),
    Column("p_holm", "number", "p corrected over expressions and pairs (Holm)"),
)

RESPONSES = (
    *_WHO,
    Column("start", "seconds", "start of the event in the recording"),
    Column("end", "seconds", "end of the event; empty for a moment"),
    Column("label", "word", "label of the event"),
    Column("event", "count", "row of the event in the tables of events, from 1"),
    Column("speech", "word", "all, or silent: without the frames in which the person speaks"),
    Column("expression", "word", "the expression"),
    Column("mean", "number", "mean from start to end, or over the seconds after a moment"),
    Column("baseline", "number", "mean over the seconds before the event"),
    Column("response", "number", "mean minus baseline"),
    Column("peak", "number", "highest step of the curve, minus baseline"),
    Column("shown", "share", "share of the event that is in episodes of the expression"),
    Column("showings", "number", "number of episodes that begin in the event"),
    Column(
        "latency",
        "seconds",
        "time from start until the first of these episodes begins to rise; empty if one is already "
        "in progress",
    ),
    Column("shown_after", "seconds", "time from start until the first of these episodes begins"),
    Column("speaking", "share", "share of the event in which the person speaks"),
    Column("coverage", "share", "share of the event in which the face is usable"),
    Column("baseline_coverage", "share", "share of the baseline in which the face is usable"),
    Column("dropped_by", "word", "rule that excludes the response; empty if it is included"),
)
CURVES = (
    Column(
        "level",
        "word",
        "level of the compared column, or level - reference within people; empty if there is none",
    ),
    Column("expression", "word", "the expression"),
    Column("time", "seconds", "centre of the step, from the event's start"),
    Column("mean", "number", "mean over people (repetitions averaged first), minus the baseline"),
    Column("low", "number", "lower end of its 95% interval (hierarchical bootstrap)"),
    Column("high", "number", "upper end"),
    Column("people", "count", "number of people"),
    Column("repetitions", "count", "number of events"),
)
COMPARISONS = (
    Column("outcome", "word", "compared column of responses.csv: response or shown"),
    Column("expression", "word", "the expression"),
    Column("unit", "word", "independent unit: person, or recording if people share them"),
    Column("level", "word", "compared level"),
    Column("reference", "word", "level it is compared with; baseline: it is compared with 0"),
    Column("design", "word", "mean, paired or unpaired"),
    Column("left_out", "count", "number of units that do not fit the design"),
    Column("n", "count", "number of units of the level"),
    Column("n_reference", "count", "number of units of the reference"),
    *_EFFECT,
    Column("speech", "word", "all, or silent: without the frames in which the person speaks"),
    Column("mixed", "number", "difference by a mixed model of repetitions (random intercepts)"),
    Column("mixed_low", "number", "lower end of its 95% interval"),
    Column("mixed_high", "number", "upper end"),
)
PARTICIPANTS = (
    Column("participant", "word", "who"),
    Column("expression", "word", "the expression"),
    Column("events", "count", "number of events that are included"),
    Column("events_shown", "count", "number of these in which the expression is shown"),
    Column("response", "number", "mean response"),
    Column("shown", "share", "mean share of the events that is in episodes of the expression"),
    Column("latency", "seconds", "median of the latencies"),
)
PEOPLE = (
    *_WHO,
    Column("seen_s", "seconds", "time for which the face is usable"),
    Column("present", "share", "share of the recording in which the face is usable"),
    Column("speaking_s", "seconds", "time for which this person speaks"),
    Column("area", "word", "area of the frame that the person is in"),
)
EXCLUSIONS = (
    Column("level", "word", "what the rule excludes"),
    Column("rule", "word", "why"),
    Column("dropped", "count", "number excluded"),
    Column("of", "count", "number that the rule was applied to"),
    Column("share", "share", "column dropped divided by column of"),
)

STUDY_TABLES = {
    "responses": RESPONSES,
    "curves": CURVES,
    "comparisons": COMPARISONS,
    "participants": PARTICIPANTS,
    "study_people": PEOPLE,
    "exclusions": EXCLUSIONS,
}


def in_order(name: str, there: Sequence[str]) -> list[Column]:
    """Columns of an existing table: known ones first, then further ones as text."""
    known = [column for column in STUDY_TABLES[name] if column.name in there]
    names = {column.name for column in known}
    more = [one for one in there if one not in names]
    return [*known, *(Column(one, "word", "from the tables of events or people") for one in more)]
