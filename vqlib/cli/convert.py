"""`python -m vqlib convert`: a released checkpoint becomes a model folder."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from vqlib.official.taming import account, load_vqmodel
from vqlib.official.unpickle import read_checkpoint
from vqlib.train.checkpoint import save_model


@dataclass(frozen=True)
class Convert:
    """Turn a released VQGAN (taming-transformers, .ckpt) into a model folder of this library.

    Nothing in the file is executed. The other commands take the folder as --model.
    """

    checkpoint: Positional[Path]
    """The released file."""
    out: Positional[Path]
    """The model folder to write."""
    prefix: str = ""
    """Where in the file the model is, such as first_stage_model. in a transformer's checkpoint."""
    image_size: int = 256
    """Side of the pictures that the model was trained on."""

    def run(self) -> int:
        """Convert; an existing folder is never overwritten."""
        if self.out.exists():
            raise FileExistsError(f"{self.out} exists already; choose another folder")
        state = read_checkpoint(self.checkpoint)
        model = load_vqmodel(state, prefix=self.prefix, image_size=self.image_size)
        save_model(model, self.out, record={"converted_from": self.checkpoint.name})
        tensors = account(state, prefix=self.prefix)
        loaded = len(model.state_dict())
        print(f"{self.out}: {loaded} tensors loaded, {len(tensors) - loaded} of training left out")
        print(f"f = {model.config.autoencoder.downsampling_factor}, {model.config.num_codes} codes")
        return 0
