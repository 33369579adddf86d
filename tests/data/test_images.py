"""The contract of every data set of stage 1, kept by all of them that need no network."""

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.data import Crops, FolderImages, Images, TensorImages, faces, photos, stack, textures
from vqlib.data.downloads import celeba, flowers102, imagenet, pets
from vqlib.data.pictures import write_picture
from vqlib.data.torchvision_images import TorchvisionImages


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(height: int, width: int, channels: int = 3) -> torch.Tensor:
    """A picture whose pixels are all different."""
    return torch.linspace(-1, 1, channels * height * width).view(channels, height, width)


@pytest.fixture
def folder(tmp_path):
    for number, shape in enumerate([(30, 50), (64, 20), (16, 16)]):
        write_picture(numbered(*shape), tmp_path / f"{number}.png")
    return tmp_path


DATA_SETS = {
    "tensor": lambda folder, downloads: TensorImages(torch.rand(5, 3, 8, 8) * 2 - 1),
    "tensor_flip": lambda folder, downloads: TensorImages(torch.rand(5, 1, 8, 8), flip=True),
    "crops": lambda folder, downloads: Crops([numbered(20, 30), numbered(9, 8)], 8),
    "folder": lambda folder, downloads: FolderImages(folder, 16),
    "folder_grey": lambda folder, downloads: FolderImages(folder, 16, channels=1, check=False),
    "photos": lambda folder, downloads: photos("held_out"),
    "textures": lambda folder, downloads: textures(),
    "faces": lambda folder, downloads: faces(),
    "flowers102": lambda folder, downloads: flowers102(downloads, size=32),
    "pets": lambda folder, downloads: pets(downloads, size=32),
    "celeba": lambda folder, downloads: celeba(downloads, size=32),
    "imagenet": lambda folder, downloads: imagenet(downloads / "imagenet", size=32),
}


@pytest.mark.parametrize("make", DATA_SETS.values(), ids=DATA_SETS)
def test_every_data_set_keeps_the_contract(make, folder, stand_in_data):
    images = make(folder, stand_in_data)
    assert isinstance(images, Images)
    count, shape = len(images), images.image_shape
    assert count == sum(1 for _ in images) > 1  # iteration ends
    for index in {0, count // 2, count - 1}:
        for image in (images[index], images.draw(index, seeded(1))):
            assert (image.shape, image.dtype) == (shape, torch.float32)
            assert -1 <= image.min() <= image.max() <= 1
        assert torch.equal(images[index], images[index])
        assert torch.equal(images.draw(index, seeded(2)), images.draw(index, seeded(2)))
    assert torch.equal(images[-1], images[count - 1])
    for outside in (count, -count - 1):
        with pytest.raises(IndexError):
            images[outside]
        with pytest.raises(IndexError):
            images.draw(outside, seeded(0))
    copy = pickle.loads(pickle.dumps(images))
    assert torch.equal(copy.draw(1, seeded(3)), images.draw(1, seeded(3)))
    assert torch.equal(stack(images, 2), torch.stack([images[0], images[1]]))
    assert str(count) in repr(images) and str(shape) in repr(images)


@pytest.mark.parametrize("make", DATA_SETS.values(), ids=DATA_SETS)
def test_drawing_uses_no_random_numbers_but_the_generators(make, folder, stand_in_data):
    images, state = make(folder, stand_in_data), torch.get_rng_state()
    images.draw(0, seeded(0))
    assert torch.equal(torch.get_rng_state(), state)


def test_stacking_knows_its_limits():
    images = TensorImages(torch.zeros(3, 1, 2, 2))
    assert len(stack(images)) == len(stack(images, 9)) == 3
    with pytest.raises(ValueError, match="limit is 0"):
        stack(images, 0)
    with pytest.raises(ValueError, match="at least one"):
        TensorImages(torch.zeros(0, 1, 2, 2))


def test_a_tensor_is_drawn_as_it_is_or_mirrored():
    x = numbered(2, 3)[None]
    assert all(torch.equal(TensorImages(x).draw(0, seeded(s)), x[0]) for s in range(9))
    drawn = [TensorImages(x, flip=True).draw(0, seeded(s)) for s in range(40)]
    mirrored = sum(torch.equal(image, x[0].flip(-1)) for image in drawn)
    assert 8 < mirrored < 32
    assert sum(torch.equal(image, x[0]) for image in drawn) == 40 - mirrored


sides = st.integers(1, 20)


@given(shapes=st.lists(st.tuples(sides, sides), min_size=1, max_size=4), size=st.integers(1, 6))
def test_the_grid_of_crops_covers_each_picture_once_and_in_order(shapes, size):
    pictures = [numbered(max(h, size), max(w, size), 1) + 10 * n for n, (h, w) in enumerate(shapes)]
    crops = Crops(pictures, size)
    expected = [
        picture[:, top : top + size, left : left + size]
        for picture in pictures
        for top in range(0, picture.shape[1] - size + 1, size)
        for left in range(0, picture.shape[2] - size + 1, size)
    ]
    assert len(crops) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(crops, expected, strict=True))


def test_a_drawn_crop_is_any_square_of_the_same_picture():
    pictures = [numbered(6, 5, 1), numbered(4, 4, 1) + 10]
    crops, generator = Crops(pictures, 4), seeded(0)
    places = {
        (top, left, flip): (lambda cut: cut.flip(-1) if flip else cut)(
            pictures[0][:, top : top + 4, left : left + 4]
        )
        for top in range(3)
        for left in range(2)
        for flip in (False, True)
    }
    drawn = [crops.draw(0, generator) for _ in range(300)]
    seen = {place for place, cut in places.items() if any(torch.equal(cut, d) for d in drawn)}
    assert seen == set(places)  # every place, both ways round
    assert all(any(torch.equal(cut, d) for cut in places.values()) for d in drawn)
    assert all(crops.draw(1, generator).min() >= 9 for _ in range(20))
    unflipped = Crops(pictures, 4, flip=False)
    assert all(torch.equal(unflipped.draw(1, generator), pictures[1]) for _ in range(20))


def test_a_crop_can_be_changed_without_harm_to_the_picture():
    picture = numbered(4, 8)
    crops = Crops([picture], 4)
    crops[0].zero_()
    crops.draw(1, seeded(0)).zero_()
    assert torch.equal(picture, numbered(4, 8))


def test_crops_that_cannot_be_cut_are_named():
    with pytest.raises(ValueError, match=r"size is 9, but picture 1 has 20×8 pixels; use 1 to 8"):
        Crops([numbered(9, 9), numbered(20, 8)], 9)
    with pytest.raises(ValueError, match="size is 0"):
        Crops([numbered(9, 9)], 0)
    with pytest.raises(ValueError, match="no pictures"):
        Crops([], 4)


def test_workers_of_a_data_loader_get_the_same_images(folder):
    # Spawned workers receive a pickled copy, as on macOS and Windows.
    images = FolderImages(folder, 8)
    loader = torch.utils.data.DataLoader(
        images, batch_size=3, num_workers=1, multiprocessing_context="spawn"
    )
    assert torch.equal(next(iter(loader)), stack(images))


def test_what_is_no_picture_in_a_data_set_is_named():
    with pytest.raises(ValueError, match="picture 0 of list"):
        TorchvisionImages(torch.utils.data.ConcatDataset([[("words", 0)]]), 8)[0]
