"""``python -m powercap_operator`` is ``powercap-operator``."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
