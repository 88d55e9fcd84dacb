"""`python -m bench.counts`."""

import sys

try:
    from bench.counts.cli import main
except ModuleNotFoundError as exc:
    if exc.name not in {"trackers", "supervision", "matplotlib"}:
        raise
    sys.exit(f"bench.counts needs the package {exc.name}: run make setup, which installs what is locked")

if __name__ == "__main__":
    main()
