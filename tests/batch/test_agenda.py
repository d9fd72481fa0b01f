"""What comes next of recordings and their parts."""

from dataclasses import replace
from pathlib import Path

from fervid.batch.agenda import Agenda, Step
from fervid.batch.jobs import Outcome
from fervid.inputs.plan import Job

JOBS = [Job(Path(f"{name}.mp4"), Path(f"{name}.fervid")) for name in "ab"]


def ok(step: Step, **more: object) -> Outcome:
    return replace(Outcome(step.job.recording, step.job.folder, "ok"), **more)


def taken(agenda: Agenda) -> Step:
    step = agenda.next(wait=False)
    assert step is not None
    return step


def test_parts_come_before_other_recordings_and_their_join_before_all() -> None:
    agenda = Agenda(JOBS)
    begin = taken(agenda)
    begun = ok(begin, parts=(100, 50), missing=(0, 1), redone="it was old")
    assert agenda.done(begin, begun) is None
    first, second, other = taken(agenda), taken(agenda), taken(agenda)
    assert [(step.kind, step.number) for step in (first, second)] == [("part", 0), ("part", 1)]
    assert (other.kind, other.place) == ("begin", 1)
    assert agenda.next(wait=False) is None
    assert agenda.done(second, ok(second)) is None
    assert agenda.done(first, ok(first)) is None
    join = taken(agenda)
    assert (join.kind, join.place) == ("join", 0)
    ended = agenda.done(join, ok(join, frames=150))
    assert ended is not None
    assert (ended.frames, ended.redone, ended.parts) == (150, "it was old", ())
    assert agenda.done(other, ok(other)) is not None
    assert agenda.next() is None


def test_one_that_has_all_its_parts_is_joined_at_once() -> None:
    agenda = Agenda(JOBS[:1])
    begin = taken(agenda)
    agenda.done(begin, ok(begin, parts=(100, 50)))
    assert taken(agenda).kind == "join"


def test_a_part_that_fails_ends_its_recording_alone() -> None:
    agenda = Agenda(JOBS)
    begin = taken(agenda)
    agenda.done(begin, ok(begin, parts=(10, 10, 10), missing=(0, 1, 2)))
    first, second = taken(agenda), taken(agenda)
    failed = agenda.done(first, ok(first, status="failed", reason="the disk is full"))
    assert failed is not None
    assert failed.reason == "the disk is full"
    assert agenda.done(second, ok(second)) is None
    assert taken(agenda).place == 1


def test_a_step_that_was_lost_is_handed_out_again() -> None:
    agenda = Agenda(JOBS[:1])
    begin = taken(agenda)
    agenda.again(begin)
    assert taken(agenda) == begin
