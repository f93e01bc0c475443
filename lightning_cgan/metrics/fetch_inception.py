"""Downloads the Inception weights once, before any run: ``python -m lightning_cgan.metrics.fetch_inception PATH``."""

import sys
from pathlib import Path

from torch.hub import download_url_to_file
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

HASH_PREFIX = "6726825d"  # of the file's sha256, as its publisher names it


def main(path: str = "weights/inception.pth") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    download_url_to_file(URL_INCEPTION_V3, path, hash_prefix=HASH_PREFIX)


if __name__ == "__main__":
    main(*sys.argv[1:])
