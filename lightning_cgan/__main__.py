import sys

from lightning_cgan.cli.main import main

sys.exit(main())
