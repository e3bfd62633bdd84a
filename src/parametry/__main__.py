"""``python -m parametry``: the command."""

import sys

from parametry.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
