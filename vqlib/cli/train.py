"""`python -m vqlib train`: stage 1 (vqvae, vqgan) or stage 2 (prior)."""

import os
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from tqdm import tqdm

from vqlib.cli.batch import fitting_batch
from vqlib.cli.closing import closing_line
from vqlib.cli.flags import flag
from vqlib.cli.messages import name_left_out, name_parts, name_unread
from vqlib.cli.opening import about_codec, about_pictures, about_run, opening
from vqlib.cli.targets import check_folder
from vqlib.cli.train_prior import TrainPrior
from vqlib.compress import (
    LPIPS,
    VQVAE,
    EMACodes,
    GradientCodes,
    NormalizedCodes,
    VQVAEConfig,
    vqgan,
    vqvae_cifar10,
    vqvae_digits,
    vqvae_photos,
)
from vqlib.course.pretrained import load_perceptual
from vqlib.data.catalogue import BUNDLED, DOWNLOADED, open_images
from vqlib.data.images import Images, stack
from vqlib.measure import psnr
from vqlib.saved.find import find_model, load_kind
from vqlib.train.recipe import Trained
from vqlib.train.runtime import find_device
from vqlib.train.stage1 import Stage1Recipe
from vqlib.train.vqgan import VQGANRecipe, train_vqgan
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

Shape = Literal["digits", "cifar10", "photos", "f2", "f4", "f8", "f16", "f32"]
CODES = {"gradient": GradientCodes(), "ema": EMACodes(), "normalized": NormalizedCodes()}
# Held-out images at the end of a run; `measure` takes all of them.
NUM_HELD_OUT = 256


@dataclass(frozen=True)
class TrainStage1:
    """What both recipes of stage 1 ask."""

    out: Path
    """Run folder for log, checkpoints and sample pictures; the last checkpoint is the model."""
    data: str = "digits"
    """A folder of pictures, or digits, faces, glyphs, photos, textures, photos_and_textures or
    scenes, which need no network, or mnist, cifar10, flowers102, pets, celeba or imagenet; ./photos
    is a folder."""
    data_root: Path = Path("data")
    """Where downloaded data lies."""
    shape: Shape | None = None
    """The network: three small ones, or VQGAN's with this downsampling factor. By default digits
    for digits, mnist and faces, cifar10 for the data set of this name, else photos."""
    num_codes: int | None = None
    """K, size of the codebook; by default what the shape has."""
    codes: Literal["gradient", "ema", "normalized"] | None = None
    """How the codes are learned; by default gradient."""
    size: int | None = None
    """Side of the training images in pixels; by default what the shape has."""
    channels: Literal[1, 3] | None = None
    """1 trains on a folder's pictures in grey, 3 in colour; by default what the shape has."""
    flip: bool = True
    """Mirror half of the pictures, at random; not for writing and whatever has a right and a left.
    """
    start_from: str | None = None
    """Go on from this model instead of from scratch: a folder, or the name of a pretrained one. Its
    shape, codes and number of codes are its own; its critic and its optimisers' moments come along
    where it has them."""
    broken: Literal["refuse", "skip"] = "refuse"
    """What to do about pictures in a folder that cannot be read."""
    resume: bool = False
    """Go on from the latest checkpoint in --out."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def material(self, recipe: Stage1Recipe) -> "Stage1Material":
        """What to train, on which pictures; wrong flags come to light before a run begins.

        Also says in a few lines what is going to happen.
        """
        device = find_device(self.device)  # before anything is read
        check_folder(self.out)
        model = self.model()
        config = model.config if isinstance(model, VQVAE) else model
        if self.data not in BUNDLED | DOWNLOADED:
            name_parts(Path(self.data))
        train = self.images("train", config)
        name_unread(train)
        recipe = fitting_batch(recipe, len(train))
        try:
            held_out: Images | str = self.images("held_out", config)
        except (ValueError, OSError) as error:  # a folder may be too small to hold anything out
            held_out = str(error)
        opening(
            [
                about_pictures(train, held_out),
                about_codec(config),
                *about_run(recipe, device, self.out),
            ]
        )
        return Stage1Material(model, train, held_out, recipe)

    def model(self) -> VQVAEConfig | VQVAE:
        """The shape to train, or the model to go on from."""
        if self.start_from is not None:
            for name in ("shape", "num_codes", "codes", "channels"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{flag(name)} says nothing beside --start-from: the model has its own"
                    )
            model = load_kind(self.start_from, VQVAE, flag="--start-from")
            if self.size is not None:
                model.config = replace(model.config, image_size=self.size)
            return model
        config = self._shape()
        if self.num_codes is not None:
            config = replace(config, num_codes=self.num_codes)
        if self.size is not None:
            config = replace(config, image_size=self.size)
        if self.channels is not None:
            network = replace(config.autoencoder, image_channels=self.channels)
            config = replace(config, autoencoder=network)
        return replace(config, codes=CODES[self.codes or "gradient"])

    def options(self) -> dict[str, Any]:
        """From where to where, for both recipes."""
        begin = self.start_from
        start_from = None if begin is None else find_model(begin, "--start-from")
        own = {"folder": self.out, "resume": self.resume, "device": self.device}
        return {"start_from": start_from, **own}

    def images(self, split: str, config: VQVAEConfig) -> Images:
        """The pictures, of the size and with the channels that the model takes."""
        images = open_images(
            self.data,
            split,
            size=config.image_size,
            channels=config.image_channels,
            root=self.data_root,
            broken=self.broken,
            flip=None if self.flip else False,
        )
        name_left_out(images)
        return images

    def _shape(self) -> VQVAEConfig:
        grey = self.data in ("digits", "faces", "glyphs", "mnist", "textures")
        small = "cifar10" if self.data == "cifar10" else "photos"
        shape = self.shape or ("digits" if self.data in ("digits", "mnist", "faces") else small)
        if shape == "digits":
            return vqvae_digits()
        if shape == "cifar10":
            return vqvae_cifar10()
        channels = 1 if grey else 3
        if shape == "photos":
            return vqvae_photos(image_channels=channels)
        return vqgan(int(shape[1:]), image_channels=channels)

    def finish(self, trained: Trained[VQVAE], material: "Stage1Material") -> int:
        """Measure what was trained and say where it is; the exit status."""
        steps, held_out = material.recipe.steps, material.held_out
        if trained.steps_done < steps:
            return closing_line(trained, steps, self.out)
        if isinstance(held_out, str):
            print(f"nothing measured: {held_out}")
        else:
            some = stack(held_out, limit=NUM_HELD_OUT)
            device = next(trained.model.parameters()).device
            decoded = [
                trained.model.decode(trained.model.encode(x.to(device))).cpu()
                for x in tqdm(some.split(16), "measuring", delay=1, leave=False)
            ]
            quality = psnr(torch.cat(decoded), some).mean()
            print(f"PSNR {quality:.2f} dB on {len(some)} held-out images")
        return closing_line(trained, steps, self.out)


@dataclass(frozen=True)
class Stage1Material:
    """What a run of stage 1 works with."""

    model: VQVAEConfig | VQVAE
    """The shape of a new model, or the model to go on with."""
    train: Images
    """To learn from."""
    held_out: Images | str
    """To measure with, or why there is nothing."""
    recipe: Stage1Recipe
    """How to train, with a batch that the pictures fill."""


@dataclass(frozen=True)
class TrainVQVAE(TrainStage1):
    """Stage 1: train a VQVAE on images."""

    recipe: VQVAERecipe = field(default_factory=VQVAERecipe)
    """How to train."""

    def run(self) -> int:
        """Train; the exit status is 130 if interrupted."""
        material = self.material(self.recipe)
        what = material.train, material.model, material.recipe
        trained = train_vqvae(*what, **self.options())
        return self.finish(trained, material)


@dataclass(frozen=True)
class TrainVQGAN(TrainStage1):
    """Stage 1: train a VQGAN on images, with a perceptual loss and a critic."""

    perceptual: Literal["offline", "lpips", "none"] = "offline"
    """Network of the perceptual loss: our small one, or LPIPS, whose VGG16 is downloaded (528 MB);
    none needs --perceptual-weight 0."""
    recipe: VQGANRecipe = field(default_factory=VQGANRecipe)
    """How to train."""

    def run(self) -> int:
        """Train; the exit status is 130 if interrupted."""
        material = self.material(self.recipe)
        networks = {"offline": load_perceptual, "lpips": LPIPS, "none": lambda: None}
        what, network = (material.train, material.model, material.recipe), self.perceptual
        trained = train_vqgan(*what, perceptual=networks[network](), **self.options())
        if find_spec("matplotlib") and trained.history and os.environ.get("RANK", "0") == "0":
            from vqlib.show.flight_recorder import save_flight_recorder

            save_flight_recorder(trained.history, self.out / "flight_recorder.svg")
        return self.finish(trained, material)


@dataclass(frozen=True)
class Train:
    """Train stage 1 (vqvae or vqgan) or stage 2 (prior)."""

    stage: (
        Annotated[TrainVQVAE, tyro.conf.subcommand("vqvae")]
        | Annotated[TrainVQGAN, tyro.conf.subcommand("vqgan")]
        | Annotated[TrainPrior, tyro.conf.subcommand("prior")]
    )
    """What to train."""

    def run(self) -> int:
        """Train the chosen stage."""
        return self.stage.run()
