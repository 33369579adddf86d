"""Weights that others have released, in this library's modules."""

from vqlib.official.choose import averaged, first_stages, transformers, without
from vqlib.official.net2net import Net2Net, account_net2net, load_net2net
from vqlib.official.taming import account, load_discriminator, load_vqmodel
from vqlib.official.unpickle import read_checkpoint

__all__ = [
    "Net2Net",
    "account",
    "account_net2net",
    "averaged",
    "first_stages",
    "load_discriminator",
    "load_net2net",
    "load_vqmodel",
    "read_checkpoint",
    "transformers",
    "without",
]
