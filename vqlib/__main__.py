"""`python -m vqlib`."""

from vqlib.cli import main

if __name__ == "__main__":
    main()
