"""``python -m tests.crash --seed 1234`` plays that run again and prints all that happened in it."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "layers/core", "layers/sdk")]

from tests.crash.cli import main  # noqa: E402 (the layers must be found first, as pytest finds them)

if __name__ == "__main__":
    sys.exit(main())
