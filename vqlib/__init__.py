"""Compress first, then generate: images to tokens (VQVAE, VQGAN), tokens to images (transformers).

`vqlib.data` brings images in, `vqlib.compress` turns them into tokens, `vqlib.generate` models
the tokens; `vqlib.train`, `vqlib.measure` and `vqlib.show` stand around them.
"""

__version__ = "0.1.0"
