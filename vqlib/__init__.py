"""Compress first, then generate: images to tokens (VQVAE, VQGAN), tokens to images (transformers).

`vqlib.data` brings images in, `vqlib.compress` turns them into tokens, `vqlib.generate` models
the tokens; `vqlib.train`, `vqlib.measure` and `vqlib.show` stand around them.
"""

import os

__version__ = "0.1.0"

# PyTorch's idle threads watch for work instead of sleeping, and on a CPU that has other work too
# they take its time away: everything becomes slower, up to several times. A shorter watch helps
# there and costs little on a free CPU, where none at all would cost more: the measurements are in
# benchmarks/results/idle_threads.md. PyTorch reads this when it is loaded.
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "10000"
