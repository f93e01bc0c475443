import sys

from lightning_cgan.command import main

sys.exit(main())
