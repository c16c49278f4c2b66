"""Lets `python -m engine` do what the `overdial` command does."""

from engine.cli import main

if __name__ == "__main__":
    main()
