"""`python -m fervid` does the same as `fervid`."""

from fervid.cli import main

if __name__ == "__main__":
    main(prog_name="fervid")
