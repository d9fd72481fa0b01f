"""The codebook of a study's tables: every column, its unit and meaning."""

from __future__ import annotations

from collections.abc import Sequence

from fervid.results.codebook import Column

_WHO = (
    Column("recording", "word", "result folder, from the folder of the study"),
    Column("face_id", "id", "number of a person within this recording"),
    Column("participant", "word", "who that is; the recording and face_id unless a table says"),
)
_EFFECT = (
    Column("estimate", "number", "mean, or level - reference"),
    Column("low", "number", "lower end of its 95% interval (Student; Welch if unpaired)"),
    Column("high", "number", "upper end"),
    Column("effect", "number", "Hedges' g: of differences if paired, else of two samples"),
    Column("effect_low", "number", "lower end of its 95% interval"),
    Column("effect_high", "number", "upper end"),
    Column("p", "number", "two-sided, of the t-test of that interval"),
    Column("p_holm", "number", "corrected over expressions and pairs (Holm)"),
)

RESPONSES = (
    *_WHO,
    Column("start", "seconds", "when the event starts in the recording"),
    Column("end", "seconds", "when it ends; empty for a moment"),
    Column("label", "word", "what it was"),
    Column("event", "count", "its row in the tables of events, from 1"),
    Column("speech", "word", "all, or silent: without the frames in which the person speaks"),
    Column("expression", "word", "what is told of"),
    Column("mean", "number", "mean from start to end, or for the seconds after a moment"),
    Column("baseline", "number", "mean of the seconds before the event"),
    Column("response", "number", "mean - baseline"),
    Column("peak", "number", "highest step of the curve - baseline"),
    Column("shown", "share", "share of the event in episodes of the expression"),
    Column("showings", "number", "episodes that begin in the event"),
    Column("latency", "seconds", "from start to the first of them; empty if shown before already"),
    Column("coverage", "share", "share of the event in which the face is usable"),
    Column("baseline_coverage", "share", "the same of the baseline"),
    Column("dropped_by", "word", "the rule that leaves it out; empty if it counts"),
)
CURVES = (
    Column("level", "word", "of what the levels are compared by; empty if nothing is"),
    Column("expression", "word", "what is told of"),
    Column("time", "seconds", "middle of a step, from the event's start"),
    Column("mean", "number", "mean over people of their repetitions, minus the baseline"),
    Column("low", "number", "lower end of its 95% interval (hierarchical bootstrap)"),
    Column("high", "number", "upper end"),
    Column("people", "count", "how many there are"),
    Column("repetitions", "count", "how many events"),
)
COMPARISONS = (
    Column("outcome", "word", "response, or shown: column of responses.csv"),
    Column("expression", "word", "what is told of"),
    Column("unit", "word", "what is independent: person, or recording if people share them"),
    Column("level", "word", "what is compared"),
    Column("reference", "word", "with what; baseline: with 0"),
    Column("design", "word", "mean, paired or unpaired"),
    Column("left_out", "count", "units that do not fit the design"),
    Column("n", "count", "units of the level"),
    Column("n_reference", "count", "units of the reference"),
    *_EFFECT,
    Column("speech", "word", "all, or silent: without the frames in which the person speaks"),
    Column("mixed", "number", "difference by a mixed model of repetitions (random intercepts)"),
    Column("mixed_low", "number", "lower end of its 95% interval"),
    Column("mixed_high", "number", "upper end"),
)
PARTICIPANTS = (
    Column("participant", "word", "who"),
    Column("expression", "word", "what is told of"),
    Column("events", "count", "events that count"),
    Column("events_shown", "count", "those in which the expression is shown"),
    Column("response", "number", "mean response"),
    Column("shown", "share", "mean share of the events in episodes of the expression"),
    Column("latency", "seconds", "median of the latencies"),
)
PEOPLE = (
    *_WHO,
    Column("seen_s", "seconds", "for how long the face is usable"),
    Column("present", "share", "share of the recording"),
    Column("speaking_s", "seconds", "for how long this person speaks"),
    Column("area", "word", "part of the frame"),
)
EXCLUSIONS = (
    Column("level", "word", "what the rule drops"),
    Column("rule", "word", "why"),
    Column("dropped", "count", "how many it drops"),
    Column("of", "count", "of how many that it was applied to"),
    Column("share", "share", "dropped / of"),
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
    """Columns of a table that is there, known ones first, then further ones as words."""
    known = [column for column in STUDY_TABLES[name] if column.name in there]
    names = {column.name for column in known}
    more = [one for one in there if one not in names]
    return [*known, *(Column(one, "word", "from the tables of events or people") for one in more)]
