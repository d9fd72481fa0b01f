"""Help reads well: on a terminal of 80 columns, in groups, in a sensible order, at once."""

import dataclasses
import os
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.cli.help import GroupedCommand
from fervid.settings import Settings

pytestmark = pytest.mark.slow

GROUPED = [name for name, command in main.commands.items() if isinstance(command, GroupedCommand)]


def shown(*args: str) -> str:
    result = CliRunner().invoke(main, [*args, "--help"], prog_name="fervid")
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("args", [(), *((name,) for name in main.commands)])
def test_help_fits_80_columns_and_says_what_a_value_is(args: tuple[str, ...]) -> None:
    text = shown(*args)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"^  -.* (TEXT|FLOAT|INTEGER|FLOAT RANGE|INTEGER RANGE)\b", text, re.M)


@pytest.mark.parametrize("args", [(), *((name,) for name in main.commands)])
def test_the_first_screen_shows_the_commonest_uses(args: tuple[str, ...]) -> None:
    first_screen = shown(*args).splitlines()[:24]
    after = first_screen[first_screen.index("  Examples:") + 1 :]
    uses = [line for line in after if line.startswith(f"    {' '.join(('fervid', *args))}")]
    assert len(uses) >= (1 if args == ("doctor",) else 3)


def test_the_list_of_commands_begins_with_analyze_and_cuts_no_sentence_off() -> None:
    listed = shown().split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(main.commands)
    assert listed[0].split()[0] == "analyze"
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("name", GROUPED)
def test_every_option_has_a_heading_and_one_place(name: str) -> None:
    command = main.commands[name]
    assert isinstance(command, GroupedCommand)
    grouped = [option for options in command.groups.values() for option in options]
    options = [p.opts[-1] for p in command.params if isinstance(p, click.Option)]
    others = [option for option in options if option not in grouped]
    assert set(others) <= {"--json", "--quiet"}, f"in none of the groups: {others}"
    listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown(name).split("Examples:")[1], re.M)
    assert listed == [*grouped, *others, "--help"]


@pytest.mark.parametrize("name", ["analyze", "live"])
def test_options_have_the_defaults_of_the_settings(name: str) -> None:
    settings = {field.name: field.default for field in dataclasses.fields(Settings)}
    given = {one.name: one.default for one in main.commands[name].params}
    both = [one for one in settings if isinstance(given.get(one), int | float | str)]
    assert {"smooth", "weights"} <= set(both)
    for one in both:
        assert given[one] == settings[one] or (given[one] == "auto" and settings[one] is None), one


def test_analyze_groups_its_options() -> None:
    text = shown("analyze")
    assert text.index("\nOutput:\n") < text.index("--out") < text.index("\nFaces:\n")
    assert text.index("\nFaces:\n") < text.index("--min-face") < text.index("\nModel:\n")


def test_help_is_there_at_once() -> None:
    def processor_seconds() -> float:
        before = os.times()
        command = [sys.executable, "-m", "fervid.cli", "analyze", "--help"]
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        return after[2] + after[3] - before[2] - before[3]

    assert min(processor_seconds() for _ in range(5)) < 0.25
