"""Compress first, then generate: images to tokens (VQVAE, VQGAN), tokens to images (transformers).

`vqlib.data` brings images in, `vqlib.compress` turns them into tokens, `vqlib.generate` models
the tokens; `vqlib.train`, `vqlib.measure` and `vqlib.show` stand around them.
"""

import os

__version__ = "0.1.0"

# PyTorch's idle threads watch for work instead of sleeping, and on a CPU that has other work too
# they take its time away: everything becomes several times slower. A bounded watch costs nothing
# where the CPU is free (benchmarks/results/idle_threads.md). PyTorch reads this when it is loaded.
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "10000"
