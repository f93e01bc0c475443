import sys

from lightning_cgan.cli import main

sys.exit(main())
