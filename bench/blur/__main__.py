"""``python -m bench.blur``."""

import sys

from bench.blur.cli import main

sys.exit(main())
