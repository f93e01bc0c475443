"""Writes the golden files anew and prints what moved: ``python -m tests.golden.regenerate [paper ...]``."""

import json
import logging
import os
import sys
import warnings

import torch

from tests.golden.cases import PAPERS
from tests.golden.record import FOLDER, differences, golden, recorded


def main(papers):
    torch.set_num_threads(1)
    os.environ["PL_GLOBAL_SEED"] = "0"
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for paper in papers or PAPERS:
        now, before = recorded(paper), golden(paper)
        (FOLDER / f"{paper}.json").write_text(json.dumps(now, indent=1) + "\n")
        lines = differences(now, before)
        print(f"{paper}: {len(now)} cases, " + (f"{len(lines)} differences" if lines else "nothing moved"), flush=True)
        for line in lines:
            print(f"  {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
