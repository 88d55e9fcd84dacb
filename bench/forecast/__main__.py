"""``python -m bench.forecast``."""

import os
import sys

# Before numpy is loaded: on matrices of 90 rows a second thread waits more than it works.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.forecast.cli import main

sys.exit(main())
