"""The full-scale data sets, read from files in their real formats."""

import io
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from tests.data.odd_pictures import encoded
from vqlib.data import digits
from vqlib.data.downloads import (
    celeba,
    cifar10,
    flowers102,
    imagenet,
    mnist,
    pets,
    pets_with_trimaps,
)
from vqlib.data.torchvision_images import ImagesWithMaps, TorchvisionImages


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_mnist_reads_its_raw_files(stand_in_data, split):
    data = mnist(stand_in_data, split)
    assert data.images.shape == (64, 1, 32, 32)
    assert torch.equal(data.labels, digits(split).labels[:64])
    inner = digits(split, image_size=28).images[:64]
    assert (data.images[..., 2:-2, 2:-2] - inner).abs().max() < 0.005  # rounded to 8 bits
    assert (data.images[..., :2, :] == -1).all()


def test_cifar10_reads_its_binary_records(stand_in_data):
    train, held_out = cifar10(stand_in_data, "train"), cifar10(stand_in_data, "held_out")
    assert (train.images.shape, held_out.images.shape) == ((320, 3, 32, 32), (64, 3, 32, 32))
    assert torch.equal(held_out.labels, digits().labels[:64])
    assert (held_out.images - digits().images[:64]).abs().max() < 0.005


def test_a_truncated_file_is_named(stand_in_data, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(b"\0" * 4000)
    with pytest.raises(ValueError, match=r"test_batch\.bin has 4000 bytes"):
        cifar10(tmp_path, "held_out")


@pytest.mark.parametrize(
    "load", [mnist, cifar10, flowers102, pets, pets_with_trimaps, celeba, imagenet]
)
def test_an_unknown_split_is_named(load, stand_in_data):
    with pytest.raises(ValueError, match="split is 'val'"):
        load(stand_in_data, "val")


@pytest.mark.parametrize(
    ("load", "train", "held_out"),
    [(flowers102, 24, 8), (pets, 16, 16), (pets_with_trimaps, 16, 16), (celeba, 12, 6)],
)
def test_torchvisions_data_sets_are_split_as_the_docstrings_say(
    stand_in_data, load, train, held_out
):
    assert len(load(stand_in_data, "train", size=16)) == train
    assert len(load(stand_in_data, "held_out", size=16)) == held_out


def test_imagenet_is_a_folder_in_its_usual_layout(stand_in_data):
    train = imagenet(stand_in_data / "imagenet", "train", size=16)
    held_out = imagenet(stand_in_data / "imagenet", "held_out", size=16)
    assert (len(train), len(held_out)) == (16, 8)
    assert train.names[0] == "n01440764/n01440764_0.JPEG"


def test_a_picture_is_the_centre_of_its_file(stand_in_data):
    path = stand_in_data / "celeba" / "img_align_celeba" / "000001.jpg"
    pixels = torch.from_numpy(np.array(Image.open(path)))[20:198]  # 218 × 178 → 178 × 178
    image = celeba(stand_in_data, size=178)[0]
    assert torch.equal(image.add(1).mul(127.5).round().byte(), pixels.permute(2, 0, 1))


def test_maps_are_cut_and_mirrored_with_their_pictures(stand_in_data):
    data = pets_with_trimaps(stand_in_data, size=48)
    assert data.image_shape == (3, 48, 48) and "16 pairs" in repr(data)
    generator = seeded(0)
    pairs = [data[0], data[-1]] + [data.draw(n, generator) for n in range(len(data))]
    for image, classes in pairs:
        assert (image.shape, classes.shape) == ((3, 48, 48), (48, 48))
        assert (image.dtype, classes.dtype) == (torch.float32, torch.int64)
        assert set(classes.unique().tolist()) <= {0, 1, 2}
        # The stand-in's classes are levels of grey, so each part has the grey of its class.
        luma = (torch.tensor([0.299, 0.587, 0.114]) @ image.flatten(1) + 1) * 127.5
        low, high = torch.tensor([[0, 90, 110], [90, 110, 256]])[:, classes.flatten()]
        assert ((luma > low - 12) & (luma < high + 12)).float().mean() > 0.85
    drawn = [data.draw(0, seeded(seed)) for seed in range(8)]
    assert len({classes.numpy().tobytes() for _, classes in drawn}) > 4
    with pytest.raises(IndexError):
        data[len(data)]


def pair(mode: str = "L", size: tuple[int, int] = (20, 10), value: int = 1):
    picture = Image.new("RGB", (20, 10), "red")
    return [(picture, Image.new(mode, size, value))]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (pair(value=0), "classes 0 to 0; expected one size and classes 1 to 3"),
        (pair(value=4), "classes 4 to 4"),
        (pair(size=(10, 20)), r"size \(20, 10\), its map has size \(10, 20\)"),
        ([("words", "words")], "picture 0 of ListDataset"),
    ],
)
def test_maps_that_do_not_fit_are_named(items, message):
    with pytest.raises(ValueError, match=message):
        ImagesWithMaps(ListDataset(items), 8, num_classes=3, first_class=1)[0]


class ListDataset(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def test_pictures_of_a_data_set_are_converted_or_named():
    cut_short = io.BytesIO(encoded(np.zeros((30, 30), np.uint8), "PNG")[:-30])
    items = [(Image.new("L", (9, 7), 255), 0), (Image.open(cut_short), 1)]
    images = TorchvisionImages(ListDataset(items), 4)
    assert torch.equal(images[0], torch.ones(3, 4, 4))
    assert TorchvisionImages(ListDataset(items), 4, channels=1)[0].shape == (1, 4, 4)
    with pytest.raises(ValueError, match="picture 1 of ListDataset: "):
        images[1]
    with pytest.raises(ValueError, match="size is 0"):
        TorchvisionImages(ListDataset(items), 0)
    with pytest.raises(ValueError, match="channels is 2"):
        TorchvisionImages(ListDataset(items), 4, channels=2)


@pytest.mark.parametrize(
    ("load", "module", "function"),
    [
        (flowers102, "flowers102", "download_and_extract_archive"),
        (pets, "oxford_iiit_pet", "download_and_extract_archive"),
        (celeba, "celeba", "download_file_from_google_drive"),
    ],
)
@pytest.mark.parametrize("error", [URLError("no route"), RuntimeError("needs gdown")])
def test_a_failed_download_says_what_to_do(load, module, function, error, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(getattr(torchvision.datasets, module), function, fail)
    with pytest.raises(
        OSError, match=f"is not in {tmp_path} and cannot be fetched .*copy it there"
    ):
        load(tmp_path)


def test_imagenets_absence_says_where_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"val: no such folder.*image-net\.org.*CLASS/"):
        imagenet(tmp_path, "held_out")
