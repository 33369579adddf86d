"""The command line: `python -m vqlib train | reconstruct | sample`. Flags come from the types."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional

from vqlib.compress.vqvae import VQVAE, vqvae_cifar10, vqvae_digits
from vqlib.course.pretrained import pretrained_folder
from vqlib.data import LabelledImages, digits
from vqlib.data.downloads import cifar10, mnist
from vqlib.data.pictures import grid, read_picture, write_picture
from vqlib.generate.gpt import GPT, GPTConfig
from vqlib.generate.sampling import generate
from vqlib.measure import psnr
from vqlib.train.checkpoint import Model, load_model
from vqlib.train.recipe import Trained
from vqlib.train.prior import PriorRecipe, tokenize, train_prior, validation_nll
from vqlib.train.runtime import best_device
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

DataName = Literal["digits", "mnist", "cifar10"]


@dataclass(frozen=True)
class TrainVQVAE:
    """Stage 1: train a VQVAE on images. The last checkpoint in --out is the trained model."""

    out: Path
    """Run folder for log.jsonl and checkpoints."""
    data: DataName = "digits"
    """digits comes with scikit-learn; the other two are downloaded into --data-root."""
    data_root: Path = Path("data")
    """Where downloaded data lies."""
    num_codes: int | None = None
    """K, size of the codebook; by default 64 for digits and mnist, 512 for cifar10."""
    recipe: VQVAERecipe = field(default_factory=VQVAERecipe)
    """How to train."""
    resume: bool = False
    """Go on from the latest checkpoint in --out."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Train; the exit status is 130 if interrupted."""
        config = vqvae_cifar10() if self.data == "cifar10" else vqvae_digits()
        if self.num_codes is not None:
            config = replace(config, num_codes=self.num_codes)
        images = _load(self.data, self.data_root, "train").images
        options = {"folder": self.out, "resume": self.resume, "device": self.device}
        trained = train_vqvae(images, config, self.recipe, **options)
        held_out = _load(self.data, self.data_root, "held_out").images[:1000]
        device = next(trained.model.parameters()).device
        x_hat = trained.model.decode(trained.model.encode(held_out.to(device))).cpu()
        print(f"held-out PSNR {psnr(x_hat, held_out).mean():.2f} dB")
        return _closing_line(trained, self.recipe.steps, self.out)


@dataclass(frozen=True)
class TrainPrior:
    """Stage 2: train a class-conditional GPT on the tokens of a trained VQVAE."""

    out: Path
    """Run folder for log.jsonl and checkpoints."""
    codec: Path = field(default_factory=lambda: pretrained_folder("digits_vqvae"))
    """Folder of the trained VQVAE, or its run folder."""
    data: DataName = "digits"
    """The data the VQVAE was trained on."""
    data_root: Path = Path("data")
    """Where downloaded data lies."""
    num_layers: int = 4
    """Transformer blocks."""
    num_heads: int = 4
    """Attention heads."""
    width: int = 64
    """Dimension of the embeddings."""
    dropout: float = 0.1
    """Dropout probability."""
    recipe: PriorRecipe = field(default_factory=PriorRecipe)
    """How to train."""
    resume: bool = False
    """Go on from the latest checkpoint in --out."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Train; the exit status is 130 if interrupted."""
        codec = _load_kind(self.codec, VQVAE).to(self.device or best_device())
        train = _load(self.data, self.data_root, "train")
        held_out = _load(self.data, self.data_root, "held_out")
        config = GPTConfig(
            num_codes=codec.config.num_codes,
            num_conditions=10,
            num_tokens=codec.config.grid_size**2,
            num_layers=self.num_layers,
            num_heads=self.num_heads,
            width=self.width,
            dropout=self.dropout,
        )
        tokens = tokenize(codec, train.images)
        options = {"folder": self.out, "resume": self.resume, "device": self.device}
        trained = train_prior(tokens, train.labels, config, self.recipe, **options)
        nll = validation_nll(trained.model, tokenize(codec, held_out.images), held_out.labels)
        print(f"held-out negative log-likelihood {nll:.3f} nats per token")
        return _closing_line(trained, self.recipe.steps, self.out)


@dataclass(frozen=True)
class Train:
    """Train stage 1 (vqvae) or stage 2 (prior)."""

    stage: (
        Annotated[TrainVQVAE, tyro.conf.subcommand("vqvae")]
        | Annotated[TrainPrior, tyro.conf.subcommand("prior")]
    )

    def run(self) -> int:
        """Train the chosen stage."""
        return self.stage.run()


@dataclass(frozen=True)
class Reconstruct:
    """Compress pictures to tokens and save what comes back, the picture left, its return right."""

    pictures: Positional[tuple[Path, ...]]
    """Picture files."""
    model: Path = field(default_factory=lambda: pretrained_folder("digits_vqvae"))
    """Folder of a trained VQVAE, or its run folder; by default the course's digits model."""
    out: Path = Path("reconstructions")
    """Folder for the results, one PNG per picture."""

    def run(self) -> int:
        """Reconstruct every picture; all are read before the first is written."""
        codec = _load_kind(self.model, VQVAE)
        if not self.pictures:
            raise ValueError("no picture given; name at least one file")
        channels = codec.config.autoencoder.image_channels
        images = [read_picture(path, channels=channels) for path in self.pictures]
        targets = _distinct_names(self.pictures, self.out)
        tokens = [_encode(codec, path, x) for path, x in zip(self.pictures, images, strict=True)]
        for x, s, target in zip(images, tokens, targets, strict=True):
            x_hat = codec.decode(s)[0]
            write_picture(grid(torch.stack([x, x_hat]), columns=2), target)
            bits = s.numel() * torch.tensor(codec.config.num_codes).log2().item()
            quality = psnr(x_hat[None], x[None]).item()
            h, w = s.shape[1:]
            print(f"{target}: {h}×{w} tokens, {bits:.0f} bits, PSNR {quality:.2f} dB")
        return 0


@dataclass(frozen=True)
class Sample:
    """Draw new pictures: the prior gives tokens, the codec turns them into pictures."""

    label: int | None = None
    """The class to draw; by default all classes in turn."""
    count: int = 40
    """How many pictures."""
    temperature: float = 1.0
    """Below 1: safer and less varied."""
    top_k: int | None = None
    """Choose among the k most likely codes only."""
    top_p: float | None = None
    """Choose among the most likely codes that together have this probability."""
    seed: int = 0
    """Of the random choices."""
    codec: Path = field(default_factory=lambda: pretrained_folder("digits_vqvae"))
    """Folder of the trained VQVAE."""
    prior: Path = field(default_factory=lambda: pretrained_folder("digits_gpt"))
    """Folder of the trained GPT."""
    out: Path = Path("samples.png")
    """The PNG to write."""

    def run(self) -> int:
        """Sample and save a grid of pictures."""
        codec, prior = _load_kind(self.codec, VQVAE), _load_kind(self.prior, GPT)
        if prior.config.num_codes != codec.config.num_codes:
            raise ValueError(
                f"{self.prior} models {prior.config.num_codes} codes, {self.codec} has "
                f"{codec.config.num_codes}: they do not belong together"
            )
        if self.count < 1:
            raise ValueError(f"count is {self.count}; it must be at least 1")
        classes = torch.arange(self.count) % prior.config.num_conditions
        condition = classes if self.label is None else torch.full_like(classes, self.label)
        tokens = generate(
            prior,
            condition,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            generator=torch.Generator().manual_seed(self.seed),
        )
        side = codec.config.grid_size
        images = codec.decode(tokens.view(-1, side, side))
        write_picture(grid(images, columns=10), self.out)
        print(f"{self.out}: {self.count} pictures")
        return 0


Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Reconstruct, tyro.conf.subcommand("reconstruct")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
)


def main(args: list[str] | None = None) -> None:
    """Run a command. Exits 0, or 2 with one clear line, or 130 after Ctrl-C."""
    settings = (OmitArgPrefixes, OmitSubcommandPrefixes)
    if os.environ.get("RANK", "0") != "0":
        sys.stdout = None  # under torchrun only the main process prints
    try:
        command = tyro.cli(Command, prog="vqlib", description=__doc__, args=args, config=settings)
        status = command.run()
    except (ValueError, OSError) as error:
        print(f"vqlib: error: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("vqlib: interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)


def _load(name: DataName, root: Path, split: str) -> LabelledImages:
    loaders: dict[str, Callable[[], LabelledImages]] = {
        "digits": lambda: digits(split),
        "mnist": lambda: mnist(root, split),
        "cifar10": lambda: cifar10(root, split),
    }
    return loaders[name]()


def _load_kind(folder: Path, kind: type[Model]) -> Model:
    """A model of the wanted kind from a model folder or a run folder's latest checkpoint."""
    steps = sorted(folder.glob("step_*"))
    model = load_model(steps[-1] if steps else folder)
    if not isinstance(model, kind):
        raise ValueError(f"{folder} holds a {type(model).__name__}, a {kind.__name__} is needed")
    return model


def _encode(codec: VQVAE, path: Path, x: torch.Tensor) -> torch.Tensor:
    try:
        return codec.encode(x[None])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _distinct_names(pictures: tuple[Path, ...], out: Path) -> list[Path]:
    targets = [out / f"{path.stem}.png" for path in pictures]
    for path, target in zip(pictures, targets, strict=True):
        if targets.count(target) > 1:
            raise ValueError(f"{path}: several pictures would be saved as {target}; rename one")
        if target.resolve() == path.resolve():
            raise ValueError(
                f"{path}: the result would overwrite the picture; choose another --out"
            )
    return targets


def _closing_line(trained: Trained, steps: int, out: Path) -> int:
    done = trained.steps_done
    if done < steps:
        print(f"interrupted at step {done} of {steps}; go on with the same command and --resume")
        return 130
    print(f"{done} steps, {trained.seconds:.0f} s; the model is in {out}/step_{done:08d}")
    return 0
