"""``python -m cluster`` is ``impasto``."""

from cluster.cli import main

raise SystemExit(main())
