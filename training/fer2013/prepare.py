"""Prepare FER-2013 as the TensorFlow Datasets data set `fer2013`, in array_record files.

    python -m training.fer2013.prepare MANUAL_DIR DATA_DIR --config ferplus

MANUAL_DIR contains fer2013.csv (or icml_face_data.csv, or the folders train/ and test/), and
fer2013new.csv if FER+'s votes are wanted. The other commands then read DATA_DIR instead of the csv.
"""

from __future__ import annotations

from pathlib import Path

import click

from fervid.errors import FervidError
from training.command_line import PATH, help_of


def prepare(manual: Path, data_dir: Path, config: str = "plain") -> Path:
    """Prepare a config in `data_dir`, unless it exists.

    Returns:
        The folder of the prepared data set, for `training.fer2013.load`.

    Raises:
        FervidError: tensorflow-datasets is not installed, or the files are missing or wrong.
    """
    if not manual.is_dir() or not any(manual.iterdir()):
        raise FervidError(f"{manual}: no such folder, or an empty one; put fer2013.csv into it")
    try:
        import array_record  # noqa: F401
        import tensorflow_datasets as tfds

        from training.fer2013.tfds_builder import Fer2013
    except ImportError as error:
        raise FervidError(f"needs {error.name}; install fervid[training]") from error
    builder = Fer2013(data_dir=data_dir, config=config)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    )
    return Path(builder.data_dir)


@click.command(help=help_of(__doc__))
@click.argument("manual_dir", type=PATH)
@click.argument("data_dir", type=click.Path(path_type=Path, file_okay=False))
@click.option("--config", type=click.Choice(["plain", "ferplus"]), default="plain")
def main(manual_dir: Path, data_dir: Path, config: str) -> None:
    """Prepare, and print where the data set is."""
    try:
        click.echo(prepare(manual_dir, data_dir, config))
    except FervidError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
