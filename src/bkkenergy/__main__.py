"""So that `python -m bkkenergy` is the command `bkkenergy`."""

from bkkenergy.cli import main

if __name__ == "__main__":
    main()
