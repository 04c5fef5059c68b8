"""Makes `pool_jobs` importable, here and in the workers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
