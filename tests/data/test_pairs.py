"""Pictures with their maps: both are cut and mirrored alike, always."""

import pickle

import pytest
import torch

from vqlib.data.images import Images, TensorImages
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.data.pairs import PairedImages, ScenePairs, WithEdges, canny_edges
from vqlib.data.photos import photos
from vqlib.data.scenes import Scenes, label_edges

# Every pixel has its own value, and the map the same as a whole number.
LABELS = torch.arange(3 * 8 * 8).view(3, 8, 8)
PICTURES = (LABELS / 100 - 0.9)[:, None].expand(3, 3, 8, 8).clone()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_contract(pairs: Images) -> None:
    assert isinstance(pickle.loads(pickle.dumps(pairs)), Images)
    for image in (pairs[0], pairs[-1], pairs.draw(len(pairs) - 1, seeded(0))):
        assert image.shape == pairs.image_shape
        assert image.dtype == torch.float32
    with pytest.raises(IndexError):
        pairs[len(pairs)]


def test_picture_and_map_are_drawn_alike():
    pairs = PairedImages(TensorImages(PICTURES, flip=True), TensorLabelMaps(LABELS, flip=True))
    check_contract(pairs)
    drawn = [pairs.draw(1, seeded(seed)) for seed in range(40)]
    for pair in drawn:
        torch.testing.assert_close(pair[0], pair[3] / 100 - 0.9)
    mirrored = sum(torch.equal(pair[3], LABELS[1].flip(-1).float()) for pair in drawn)
    assert 8 < mirrored < 32
    assert torch.equal(pairs[1], torch.cat([PICTURES[1], LABELS[1:2].float()]))


@pytest.mark.parametrize("seed", range(3))
def test_the_generator_moves_on_as_for_one_picture(seed):
    pictures = TensorImages(PICTURES, flip=True)
    pairs = PairedImages(pictures, TensorLabelMaps(LABELS, flip=True))
    one, other = seeded(seed), seeded(seed)
    for index in (0, 1, 2):
        assert torch.equal(pairs.draw(index, one)[:3], pictures.draw(index, other))


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (TensorLabelMaps(LABELS[:2]), "there are 3 pictures and 2 maps"),
        (TensorLabelMaps(LABELS[:, :4]), "pictures are 8×8, maps are 4×8"),
        (TensorLabelMaps(LABELS, flip=True), "flip is False for the pictures and True for"),
    ],
)
def test_maps_that_do_not_belong_to_the_pictures_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        PairedImages(TensorImages(PICTURES), maps)


@pytest.mark.parametrize("kind", ["segmentation", "depth", "edges"])
def test_scenes_come_with_what_is_known_of_them(kind):
    pairs = ScenePairs("held_out", count=3, kind=kind, height=16, width=24)
    check_contract(pairs)
    scene = Scenes("held_out", count=3, height=16, width=24).scene(1)
    expected = {"segmentation": scene.labels[None], "depth": scene.depth, "edges": scene.edges}
    assert torch.equal(pairs[1], torch.cat([scene.image, expected[kind].float()]))
    drawn = {pairs.draw(1, seeded(seed)).sum(0).argmax().item() for seed in range(12)}
    assert len(drawn) == 2  # as it is and mirrored
    unmirrored = ScenePairs("held_out", count=3, kind=kind, height=16, width=24, flip=False)
    assert all(torch.equal(unmirrored.draw(1, seeded(s)), pairs[1]) for s in range(8))


def test_scenes_have_no_other_maps():
    with pytest.raises(ValueError, match="kind is 'text'; scenes have segmentation, depth, edges"):
        ScenePairs(count=1, kind="text")


def test_edges_are_those_of_the_picture_as_it_is_drawn():
    plain = photos(size=48)
    pairs = WithEdges(plain)
    check_contract(pairs)
    for image in (pairs[300], pairs.draw(300, seeded(1))):
        assert torch.equal(image[3:], canny_edges(image[:3]))
        assert set(image[3].unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(pairs.draw(300, seeded(1))[:3], plain.draw(300, seeded(1)))


def test_edges_lie_where_brightness_changes():
    image = torch.full((1, 20, 20), -1.0)
    image[:, :, 10:] = 1.0
    found = canny_edges(image)[0] > 0
    assert found[4:16, 9:11].any(1).all()
    assert not found[:, :8].any() and not found[:, 12:].any()
    # The border that a segmentation would have, at most a pixel away.
    border = label_edges((image[0] > 0).long()) > 0
    assert (found.float().argmax(1) - border.float().argmax(1)).abs()[4:16].max() <= 1
    colour = image.expand(3, 20, 20)
    assert torch.equal(canny_edges(colour), canny_edges(image))
