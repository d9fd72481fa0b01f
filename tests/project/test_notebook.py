"""The notebooks run from top to bottom: small settings and data, this machine, no network."""

import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import SAMPLES
from tests.helpers.toy_data import toy_fer, write_csv

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("examples/analyze.ipynb", "examples/study.ipynb", "training/colab_tpu.ipynb")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_kept_without_outputs(name: str) -> None:
    notebook = nbformat.read(ROOT / name, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_analyzes_the_sample_clip_where_none_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    for folder in ("examples", "sample_media"):
        (tmp_path / folder).mkdir()
    shutil.copy(SAMPLES / "two_speakers.mp4", tmp_path / "sample_media")
    notebook = nbformat.read(ROOT / "examples" / "analyze.ipynb", as_version=4)
    place = {"metadata": {"path": str(tmp_path / "examples")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = [str(out.data) for cell in notebook.cells for out in cell.get("outputs", [])
             if "data" in out]  # fmt: skip
    assert any("<iframe srcdoc=" in text for text in shown), "the report"
    assert sum("<table" in text and "iframe" not in text for text in shown) == 4
    with zipfile.ZipFile(tmp_path / "examples" / "expressions.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"two_speakers.mp4.fervid", "report.html", "frames.csv", "codebook.csv"} < names


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_of_a_study_finds_the_made_smiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "examples").mkdir()
    (tmp_path / "sample_media").symlink_to(SAMPLES)
    notebook = nbformat.read(ROOT / "examples" / "study.ipynb", as_version=4)
    place = {"metadata": {"path": str(tmp_path / "examples")}}
    check = "assert len(smiles) == 4; assert checked.frame_agreement['kappa'].iloc[0] > 0.7"
    notebook.cells.append(nbformat.v4.new_code_cell(check))
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_trains_evaluates_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    notebook = nbformat.read(ROOT / "training" / "colab_tpu.ipynb", as_version=4)
    (parameters,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    values = {
        "PROJECT": str(ROOT),
        "DATA": str(write_csv(toy_fer(), tmp_path / "fer2013.csv")),
        "VOTES": "",
        "RUN": str(tmp_path / "run"),
        "PRESET": "smoke",
    }
    assert all(f"{name} = " in parameters.source for name in values)
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    for name in ("best.npz", "my-model.npz", "my-model.json", "evaluation/evaluation.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0
