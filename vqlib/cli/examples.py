"""Calls to begin with, shown below the help of each command; the tests parse every one of them."""

EXAMPLES = {
    "train vqvae": (
        "vqlib train vqvae --out runs/codec --data photos/ --steps 5000",
        "vqlib train vqvae --out runs/codec --data photos/ --steps 5000 --resume",
    ),
    "train vqgan": (
        "vqlib train vqgan --out runs/codec --data photos/ --steps 10000 --batch-size 16",
        "vqlib train vqgan --out runs/more --data photos/ --start-from runs/codec",
    ),
    "train prior": (
        "vqlib train prior --out runs/prior --data photos/ --codec runs/codec",
        "vqlib train prior --out runs/prior --tokens runs/tokens --steps 5000 --validate-every 500",
    ),
    "tokenize": ("vqlib tokenize --out runs/tokens --data photos/ --codec runs/codec",),
    "reconstruct": ("vqlib reconstruct cat.jpg photos/ --model runs/codec --out reconstructions",),
    "measure": (
        "vqlib measure photos/ --model runs/codec",
        "vqlib measure digits --model digits_vqvae",
    ),
    "sample": (
        "vqlib sample --label 7 --count 20",
        "vqlib sample --prior scenes_text --text 'a lake at dusk'",
        "vqlib sample --prior runs/prior --count 100 --out samples/",
    ),
    "paint": ("vqlib paint map.png --out painting.png --schedule wavefront",),
    "extend": ("vqlib extend photo.jpg --right 64 --bottom 32 --out wider.png",),
    "convert": ("vqlib convert last.ckpt models/vqgan",),
}
# Shown where no command is named yet: what it does, and the call.
FIRST_CALLS = {
    "forty digits, from a model of the course": "vqlib sample",
    "a picture to tokens and back": "vqlib reconstruct cat.jpg",
    "your own pictures, first stage": "vqlib train vqgan --out runs/codec --data photos/",
    "second stage": "vqlib train prior --out runs/prior --data photos/ --codec runs/codec",
    "new pictures like your own": "vqlib sample --prior runs/prior",
}
