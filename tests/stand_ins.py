"""Small data sets in the real formats of the large ones: same folders, same kinds of files."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqlib.data.photos import bundled


def write_flowers(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Flowers102: pictures and two MATLAB files whose checksums torchvision looks at."""
    from scipy.io import savemat
    from torchvision.datasets import Flowers102

    folder = root / "flowers-102"
    write_photos([folder / "jpg" / f"image_{number:05d}.jpg" for number in range(1, 33)])
    parts = {"trnid": range(1, 9), "valid": range(9, 17), "tstid": range(17, 33)}
    savemat(folder / "setid.mat", {name: list(ids) for name, ids in parts.items()})
    savemat(folder / "imagelabels.mat", {"labels": [1 + number % 4 for number in range(32)]})
    checked = {
        key: (name, md5(folder / name) if name.endswith(".mat") else old)
        for key, (name, old) in Flowers102._file_dict.items()
    }
    patch.setattr(Flowers102, "_file_dict", checked)


def write_pets(root: Path) -> None:
    """Oxford-IIIT Pets: pictures, lists of names, and trimaps (1 pet, 2 background, 3 outline)."""
    folder = root / "oxford-iiit-pet"
    names = [f"{breed}_{n}" for breed in ("Abyssinian", "shiba_inu") for n in range(8)]
    write_photos([folder / "images" / f"{name}.jpg" for name in names])
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    for name in names:
        with Image.open(folder / "images" / f"{name}.jpg") as picture:
            grey = np.array(picture.convert("L"))
        trimap = np.digitize(grey, [90, 110]).astype(np.uint8) + 1  # so that it fits the picture
        Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"{name}.png")
    lines = [f"{name} {1 + (name[0] == 's')} {1 + (name[0] == 's')} 1\n" for name in names]
    for part in ("trainval", "test"):
        (folder / "annotations" / f"{part}.txt").write_text("".join(lines))


def write_celeba(root: Path, patch: pytest.MonkeyPatch) -> None:
    """CelebA: pictures of 178×218 pixels and five text files whose checksums are looked at."""
    from torchvision.datasets import CelebA

    folder = root / "celeba"
    names = [f"{number:06d}.jpg" for number in range(1, 25)]
    write_photos([folder / "img_align_celeba" / name for name in names], (178, 218))

    def write(file: str, header: str, row: str) -> None:
        (folder / file).write_text(header + "".join(f"{name} {row}\n" for name in names))

    write("identity_CelebA.txt", "", "7")
    write("list_attr_celeba.txt", "24\nYoung Smiling \n", "-1  1")
    write("list_bbox_celeba.txt", "24\nimage_id x_1 y_1 width height\n", "95  71 226 313")
    write("list_landmarks_align_celeba.txt", "24\nlefteye_x lefteye_y\n", "69 109")
    parts = "".join(f"{name} {(0, 0, 1, 2)[n % 4]}\n" for n, name in enumerate(names))
    (folder / "list_eval_partition.txt").write_text(parts)
    checked = [
        (key, old if name.endswith(".zip") else md5(folder / name), name)
        for key, old, name in CelebA.file_list
    ]
    patch.setattr(CelebA, "file_list", checked)


def write_coco(root: Path) -> None:
    """MS-COCO 2014: validation pictures and their captions; eight of the names are held out."""
    names = [f"COCO_val2014_{number:012d}.jpg" for number in range(1, 61)]
    write_photos([root / "coco" / "val2014" / name for name in names], (80, 64))
    texts = ("A woman in an orange suit.", "Part of a face, to the left of a flag.")
    notes = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [
            {"image_id": number, "caption": texts[(number + n) % 2]}
            for number in range(len(names))
            for n in range(2)
        ],
    }
    folder = root / "coco" / "annotations"
    folder.mkdir()
    (folder / "captions_val2014.json").write_text(json.dumps(notes))


def write_imagenet(root: Path) -> None:
    """ImageNet: training pictures in a folder for each class, validation pictures in one."""
    classes = [root / "imagenet" / "train" / name for name in ("n01440764", "n01443537")]
    write_photos([place / f"{place.name}_{n}.JPEG" for place in classes for n in range(8)])
    write_photos([root / "imagenet" / "val" / f"ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, 9)])


def write_photos(paths: list[Path], size: tuple[int, int] | None = None) -> None:
    """Write parts of a photograph, all different, of `size` or of many sizes."""
    with Image.open(bundled("skimage/data/astronaut.png")) as photo:
        for number, path in enumerate(paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            width, height = size or (60 + 7 * number % 50, 60 + 11 * number % 50)
            left, top = 9 * number % (512 - width), 5 * number % (512 - height)
            photo.crop((left, top, left + width, top + height)).save(path, "JPEG")


def md5(path: Path) -> str:
    """The checksum of a file, as torchvision compares it."""
    return hashlib.md5(path.read_bytes()).hexdigest()
