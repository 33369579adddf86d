"""Weights that others have released, in this library's modules."""

from vqlib.official.taming import account, load_discriminator, load_vqmodel
from vqlib.official.unpickle import read_checkpoint

__all__ = ["account", "load_discriminator", "load_vqmodel", "read_checkpoint"]
